"""Many frames on their way at a time: cumulative acks, credit, and what happens to what was not acknowledged."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from trio_websocket import WebSocketConnection, open_websocket_url

from adapters.sources import stream
from engine.runtime.journal import Receipt
from tests.adapters.running import SETTINGS, HeldStore, Sidecar, running
from tests.adapters.sources.test_stream import closed_with, connected, track
from tests.adapters.test_readiness import store
from tests.runtime.rig import event

__all__ = ["store"]  # a fixture


def frame(seq: int, *events: dict[str, object]) -> str:
    return json.dumps({"seq": seq, "events": events})


def single(seq: int, **others: object) -> str:
    return frame(seq, track(f"e{seq}", **others))


def key(sidecar: Sidecar) -> str:
    return f"?key={sidecar.keys.write_key}"


async def told(connection: WebSocketConnection) -> dict[str, Any]:
    message = await connection.get_message()
    said: dict[str, Any] = json.loads(message) if isinstance(message, str) else msgspec.msgpack.decode(message)
    return said


async def told_until(connection: WebSocketConnection, ack: int) -> list[dict[str, Any]]:
    """Read acks up to that one."""
    acks = [await told(connection)]
    while acks[-1]["ack"] != ack:
        acks.append(await told(connection))
    return acks


async def taken(sidecar: Sidecar, inputs: int) -> None:
    """Wait until so many inputs have come in, and no more of them can."""
    while sidecar.service.router.statistics().inputs < inputs:
        await trio.lowlevel.checkpoint()
    await wait_all_tasks_blocked(0.02)


async def test_frames_follow_each_other_without_waiting_and_their_events_keep_their_order(sidecar: Sidecar) -> None:
    async with connected(sidecar, key(sidecar)) as connection:
        for seq in (1, 2, 7, 8):
            await connection.send_message(frame(seq, track(f"a{seq}"), track(f"b{seq}")))
        acks = await told_until(connection, 8)
    assert sum(ack["accepted"] for ack in acks) == 8
    assert acks[-1]["credit"] == stream.CREDIT
    assert await sidecar.events("u") == [f"{letter}{seq}" for seq in (1, 2, 7, 8) for letter in "ab"]


async def test_one_ack_answers_for_all_frames_of_a_commit(tmp_path: Path, store: HeldStore) -> None:
    async with running(tmp_path, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        store.may_write = trio.Event()
        for seq in range(1, 11):
            await connection.send_message(single(seq))
        await taken(sidecar, already + 10)
        store.may_write.set()
        acks = await told_until(connection, 10)
    assert len(acks) <= 2  # the commit that was under way when they came, and the next
    assert sum(ack["accepted"] for ack in acks) == 10


async def test_no_ack_comes_before_its_commit(tmp_path: Path, store: HeldStore) -> None:
    async with running(tmp_path, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        store.may_write = trio.Event()
        await connection.send_message(single(1))
        await taken(sidecar, already + 1)
        with trio.move_on_after(0.05) as waiting:
            await told(connection)
        assert waiting.cancelled_caught
        store.may_write.set()
        assert (await told(connection))["ack"] == 1


async def test_a_bad_event_is_named_with_its_frame_and_its_neighbours_are_taken(sidecar: Sidecar) -> None:
    async with connected(sidecar, key(sidecar)) as connection:
        await connection.send_message(single(1))
        await connection.send_message(
            frame(2, track("e2"), track("bad", messageId="m", timestamp="never"), track("e3"))
        )
        acks = await told_until(connection, 2)
    (rejected,) = [each for ack in acks for each in ack["rejected"]]
    assert (rejected["seq"], rejected["index"], rejected["messageId"]) == (2, 1, "m")
    assert "timestamp" in rejected["reason"]
    assert await sidecar.events("u") == ["e1", "e2", "e3"]


async def test_a_frame_without_a_number_is_answered_by_itself_among_numbered_ones(sidecar: Sidecar) -> None:
    async with connected(sidecar, key(sidecar)) as connection:
        for each in (single(1), json.dumps([track("x"), track("y")]), single(2), "{nope"):
            await connection.send_message(each)
        said = [await told(connection) for _ in range(4)]
    assert [each.get("ack") for each in said] == [1, None, 2, None]
    assert said[1] == {"accepted": 2, "rejected": []}
    assert "cannot be read" in said[3]["rejected"][0]["reason"]


async def test_what_was_sent_again_after_a_break_counts_once(tmp_path: Path, store: HeldStore) -> None:
    frames = [single(seq, messageId=f"m{seq}") for seq in range(1, 6)]
    async with running(tmp_path, store=store) as sidecar:
        async with connected(sidecar, key(sidecar)) as connection:
            await connection.send_message(frames[0])
            assert (await told(connection))["ack"] == 1
            already = sidecar.service.router.statistics().inputs
            store.may_write = trio.Event()
            for each in frames[1:4]:
                await connection.send_message(each)
            await taken(sidecar, already + 3)
            await connection._stream.aclose()  # noqa: SLF001 - a client that vanishes says no farewell
        store.may_write.set()
        async with connected(sidecar, key(sidecar)) as connection:
            for each in frames[1:]:
                await connection.send_message(each)
            await told_until(connection, 5)
        assert await sidecar.events("u") == [f"e{seq}" for seq in range(1, 6)]


async def test_past_its_credit_a_client_is_not_read_until_it_has_acks(
    tmp_path: Path, store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CREDIT", 3)
    async with running(tmp_path, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        store.may_write = trio.Event()
        for seq in range(1, 11):
            await connection.send_message(single(seq))
        await taken(sidecar, already + 3)
        assert sidecar.service.router.statistics().inputs == already + 3
        store.may_write.set()
        acks = await told_until(connection, 10)
        page = (await sidecar.stranger.get("/metrics")).text
        assert await sidecar.events("u") == [f"e{seq}" for seq in range(1, 11)]
    assert [ack["credit"] for ack in acks] == [3] * len(acks)
    assert "impel_stalls_total 0.0" not in page
    assert 'impel_connections{way="stream"} 1.0' in page


async def test_credit_is_withdrawn_while_too_much_waits_to_be_written(tmp_path: Path, store: HeldStore) -> None:
    settings = SETTINGS + "uncommitted_events: 1\n"
    async with running(tmp_path, settings, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        first, second = trio.Event(), trio.Event()
        store.may_write = first
        await connection.send_message(single(1))
        await taken(sidecar, already + 1)
        sidecar.service.router.take(event("more"), Receipt(), sidecar.service.now())
        store.may_write = second
        first.set()
        assert await told(connection) == {"ack": 1, "credit": 0, "accepted": 1, "rejected": []}
        await connection.send_message(single(2))
        await wait_all_tasks_blocked(0.02)
        assert sidecar.service.journal.uncommitted == 1
        second.set()
        acks = await told_until(connection, 2)
        assert acks[-1]["credit"] == stream.CREDIT


async def test_withdrawn_credit_is_given_back_unasked(tmp_path: Path, store: HeldStore) -> None:
    settings = SETTINGS + "uncommitted_events: 1\n"
    async with running(tmp_path, settings, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        first, second = trio.Event(), trio.Event()
        store.may_write = first
        await connection.send_message(single(1))
        await taken(sidecar, already + 1)
        sidecar.service.router.take(event("more"), Receipt(), sidecar.service.now())
        store.may_write = second
        first.set()
        assert (await told(connection))["credit"] == 0
        second.set()
        assert await told(connection) == {"ack": 1, "credit": stream.CREDIT}


async def test_numbers_that_do_not_ascend_are_closed_with_1002(sidecar: Sidecar) -> None:
    async with connected(sidecar, key(sidecar)) as connection:
        await connection.send_message(single(2))
        await told(connection)
        await connection.send_message(single(2))
        assert await closed_with(connection) == 1002


async def test_what_was_taken_is_acknowledged_before_an_ending_sidecar_closes(tmp_path: Path, store: HeldStore) -> None:
    async with running(tmp_path, store=store) as sidecar, connected(sidecar, key(sidecar)) as connection:
        already = sidecar.service.router.statistics().inputs
        store.may_write = trio.Event()
        await connection.send_message(single(1))
        await taken(sidecar, already + 1)
        sidecar.service.status = "ending"
        await connection.send_message(single(2))
        await wait_all_tasks_blocked(0.02)
        store.may_write.set()
        assert (await told(connection))["ack"] == 1
        assert await closed_with(connection) == 1012


@pytest.mark.parametrize(("protocol", "kind"), [("impel.v1.json", str), ("impel.v1.msgpack", bytes)])
async def test_who_asks_for_the_protocol_is_told_the_limits_first_and_in_its_form(
    sidecar: Sidecar, protocol: str, kind: type
) -> None:
    url = f"ws{sidecar.url.removeprefix('http')}/v1/stream{key(sidecar)}"
    async with open_websocket_url(url, subprotocols=["other", protocol]) as connection:
        assert connection.subprotocol == protocol
        hello = await connection.get_message()
        assert isinstance(hello, kind)
        said = msgspec.msgpack.decode(hello) if isinstance(hello, bytes) else json.loads(hello)
        limits = {"credit": stream.CREDIT, "max_frame": stream.FRAME_LIMIT, "max_event": 32_768}
        assert said == {"hello": "impel", "version": 1} | limits
        await connection.send_message(single(1))
        assert isinstance(await connection.get_message(), kind)


async def test_a_ping_is_answered(sidecar: Sidecar) -> None:
    async with connected(sidecar, key(sidecar)) as connection:
        with trio.fail_after(5):
            await connection.ping(b"there?")


DOCS = Path(__file__).parents[3] / "docs" / "streaming.md"


def shown(where: str) -> Any:
    """The first JSON block of the protocol's description with that in it."""
    found = re.findall(r"^```json\n(.*?)^```$", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return json.loads(next(text for text in found if where in text))


async def test_the_exchange_is_as_it_is_described(sidecar: Sidecar) -> None:
    url = f"ws{sidecar.url.removeprefix('http')}/v1/stream{key(sidecar)}"
    async with open_websocket_url(url, subprotocols=["impel.v1.json"]) as connection:
        assert await told(connection) == shown("max_frame")
        await connection.send_message(json.dumps(shown('"product_viewed"')))
        assert await told(connection) == {"ack": 1, "credit": stream.CREDIT, "accepted": 2, "rejected": []}
        await connection.send_message(frame(2, track("x", timestamp=-1, messageId="m")))
        ack, described = await told(connection), shown('"ack": 3, "credit": 4000, "accepted"')
        assert ack.keys() == described.keys()
        assert ack["rejected"][0].keys() == described["rejected"][0].keys()
        assert ack["rejected"][0]["reason"] == described["rejected"][0]["reason"]
        await connection.send_message("{nope")
        assert (await told(connection)).keys() == shown("cannot be read").keys()
