"""What the app is told over `/v1/decisions`, by a sidecar that really listens."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from adapters.web import decisions
from engine.core.decisions import Firing
from engine.runtime import feed
from engine.runtime.records import Decision
from tests.adapters.running import HeldStore, Sidecar, running
from tests.adapters.sources.test_stream_flow import shown

VIEW = {"type": "track", "event": "view", "properties": {"product": "Tent"}}


@asynccontextmanager
async def following(sidecar: Sidecar, query: str = "", token: str | None = None) -> AsyncIterator[WebSocketConnection]:
    shown = sidecar.keys.admin_token if token is None else token
    headers = [(b"Authorization", f"Bearer {shown}".encode())] if shown else None
    url = f"ws{sidecar.url.removeprefix('http')}/v1/decisions{query}"
    async with open_websocket_url(url, extra_headers=headers) as connection:
        yield connection
        await connection._stream.aclose()  # noqa: SLF001 - the client leaves it open where the server closes first


async def told(connection: WebSocketConnection) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await connection.get_message())
    return said


async def items_until(connection: WebSocketConnection, state: str) -> tuple[list[dict[str, Any]], int]:
    """Read until a message is told to be in that state; the items, and the cursor after them."""
    items: list[dict[str, Any]] = []
    with trio.fail_after(10):
        while True:
            said = await told(connection)
            items += said["items"]
            if any(item.get("state") == state for item in said["items"]):
                return items, said["cursor"]


async def closed(connection: WebSocketConnection, cursors: list[int] | None = None) -> tuple[int, str]:
    """Read to the end, and return what was said there."""
    with trio.fail_after(20), pytest.raises(ConnectionClosed) as raised:
        await read_on(connection, [] if cursors is None else cursors)
    assert raised.value.reason is not None
    return raised.value.reason.code, raised.value.reason.reason or ""


async def read_on(connection: WebSocketConnection, cursors: list[int]) -> None:
    while True:
        cursors.append((await told(connection))["cursor"])


async def joined(sidecar: Sidecar) -> None:
    """Wait until somebody is abreast of what happens."""
    with trio.fail_after(10):
        while not len(sidecar.service.feed):
            await trio.lowlevel.checkpoint()


async def view(sidecar: Sidecar, user: str, times: int = 3, event: str = "view") -> None:
    calls = [VIEW | {"userId": user, "event": event} for _ in range(times)]
    assert (await sidecar.client.post("/v1/batch", json={"batch": calls})).is_success


async def test_a_firing_is_told_when_it_is_committed_and_then_what_becomes_of_its_message(sidecar: Sidecar) -> None:
    async with following(sidecar) as connection:
        hello = await told(connection)
        assert (hello["hello"], hello["version"], hello["items"]) == ("impel", 1, [])
        await view(sidecar, "ann")
        items, cursor = await items_until(connection, "accepted")
    assert cursor > hello["cursor"]
    assert [(item["type"], item.get("state")) for item in items] == [
        ("firing", None),
        ("message", "due"),
        ("message", "sending"),
        ("message", "accepted"),
    ]
    firing, message = items[0], items[-1]
    described = shown('"type": "firing"')["items"]
    assert [firing.keys(), message.keys()] == [each.keys() for each in described]
    assert (firing["trigger"], firing["user"], firing["messages"]) == ("thrice", "ann", ["nudge"])
    assert message["id"] == f"{firing['id']}:nudge"


async def test_a_cursor_leads_on_across_a_restart(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with running(first) as sidecar, following(sidecar) as connection:
        await view(sidecar, "ann")
        _, cursor = await items_until(connection, "accepted")
        await view(sidecar, "bo")
        _, end = await items_until(connection, "accepted")
    second.mkdir()
    (first / "data").rename(second / "data")
    async with running(second) as sidecar:
        async with following(sidecar, f"?after={cursor}") as connection:
            items, again = await items_until(connection, "accepted")
            await view(sidecar, "cy")
            more, _ = await items_until(connection, "accepted")
        async with following(sidecar, "?after=0") as connection:
            everything, _ = await items_until(connection, "accepted")
    assert {item["user"] for item in items} == {"bo"}
    assert again <= end
    assert {item["user"] for item in more} == {"cy"}
    assert [item["user"] for item in everything if item["type"] == "firing"] == ["ann", "bo", "cy"]


@pytest.mark.parametrize(
    "query", ["?user=bo", "?trigger=left&trigger=welcome", "?user=visitor", "?user=bo&trigger=left"]
)
async def test_only_what_is_asked_for_is_told(sidecar: Sidecar, query: str) -> None:
    async with following(sidecar, query) as connection:
        await told(connection)
        await view(sidecar, "ann")
        await view(sidecar, "bo", event="cart", times=1)
        await sidecar.client.post("/v1/track", json={"type": "track", "anonymousId": "visitor", "event": "cart"})
        users = {"bo", "visitor"} if query.startswith("?trigger") else {query[6:].partition("&")[0]}
        found: list[dict[str, Any]] = []
        with trio.fail_after(10):
            while {item["user"] for item in found} != users:
                found += (await told(connection))["items"]
    assert {item["trigger"] for item in found} == {"left"}


async def test_a_user_is_found_by_any_of_their_ids(sidecar: Sidecar) -> None:
    login = {"type": "identify", "anonymousId": "visitor", "userId": "ann"}
    assert (await sidecar.client.post("/v1/identify", json=login)).is_success
    async with following(sidecar, "?user=visitor") as connection:
        await view(sidecar, "bo")
        await view(sidecar, "ann")
        items, _ = await items_until(connection, "accepted")
    assert {item["user"] for item in items} == {"ann"}


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_it_asks_for_the_admin_token(sidecar: Sidecar, token: str) -> None:
    async with following(sidecar, token=token) as connection:
        assert (await closed(connection))[0] == 1008
    async with following(sidecar, token=sidecar.keys.write_key) as connection:
        assert (await closed(connection))[0] == 1008


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("?after=x", "`after` is a cursor"),
        ("?after=-1", "`after` is a cursor"),
        (f"?after={'9' * 5_000}", "`after` is a cursor"),
        ("?after=99999", "lies ahead of"),
    ],
)
async def test_a_cursor_that_is_none_is_closed_with_1008(sidecar: Sidecar, query: str, reason: str) -> None:
    async with following(sidecar, query) as connection:
        code, said = await closed(connection)
    assert code == 1008
    assert reason in said


async def test_a_cursor_that_is_too_old_is_told_what_is_still_kept(sidecar: Sidecar) -> None:
    await view(sidecar, "ann")
    async with following(sidecar, "?after=0") as connection:
        _, cursor = await items_until(connection, "accepted")
    await sidecar.service.store.prune(before=1 << 60, retained=1 << 60, linked=1 << 60, passed=0)
    async with following(sidecar, f"?after={cursor - 1}") as connection:
        assert await closed(connection) == (
            1008,
            f"what followed the cursor {cursor - 1} is no longer kept; all after {cursor} is",
        )


async def test_a_slow_reader_is_dropped_and_told_from_where_to_come_back(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WAITING", 20)
    wide = "x" * 200_000
    async with following(sidecar) as connection:
        cursor = (await told(connection))["cursor"]
        await joined(sidecar)
        commit = sidecar.service.feed.last
        for _ in range(200):  # 40 MB that are not read, more than a socket holds
            commit += 1
            firing = Firing(f"f{commit}", "thrice", "ann", 5, wide)
            sidecar.service.feed.publish(commit, [Decision("k:ann", 1, firing)], ())
            await wait_all_tasks_blocked()
        cursors: list[int] = []
        code, reason = await closed(connection, cursors)
        assert (code, reason) == (1013, f"too slow: come back with ?after={cursors[-1]}")
        page = (await sidecar.stranger.get("/metrics")).text
    assert cursor < cursors[-1] < commit
    assert "impel_followers_dropped_total 1.0" in page


async def test_many_firings_of_one_commit_are_told_in_pieces_with_the_cursor_behind_them(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_TOGETHER", 2)
    async with following(sidecar) as connection:
        before = (await told(connection))["cursor"]
        await joined(sidecar)
        commit = sidecar.service.feed.last + 1
        made = [Decision("k:ann", 1, Firing(f"f{number}", "thrice", "ann", 5)) for number in range(5)]
        sidecar.service.feed.publish(commit, made, ())
        said = [await told(connection) for _ in range(3)]
    assert [each["cursor"] for each in said] == [commit - 1, commit - 1, commit]
    assert commit - 1 >= before
    assert [item["id"] for each in said for item in each["items"]] == [f"f{number}" for number in range(5)]


async def test_who_hears_nothing_is_told_how_far_it_has_got(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "QUIET", 0.01)
    async with following(sidecar, "?user=nobody") as connection:
        before = (await told(connection))["cursor"]
        await view(sidecar, "ann")
        with trio.fail_after(10):
            while (said := await told(connection))["cursor"] == before:
                pass
    assert said["items"] == []


async def test_a_client_that_hangs_up_is_followed_no_more(sidecar: Sidecar) -> None:
    async with following(sidecar) as connection:
        await told(connection)
        await joined(sidecar)
    with trio.fail_after(10):
        while len(sidecar.service.feed):
            await trio.lowlevel.checkpoint()


async def test_the_end_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as sidecar, following(sidecar) as connection:
        await told(connection)
        sidecar.stop.set()
        assert (await closed(connection))[0] == 1012


async def test_while_it_recovers_nothing_is_told(tmp_path: Path) -> None:
    store = HeldStore()
    async with running(tmp_path, store=store, recovered=False) as sidecar, following(sidecar) as connection:
        assert (await closed(connection))[0] == 1013
