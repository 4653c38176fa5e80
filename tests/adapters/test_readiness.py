"""What a sidecar says while it cannot take events: everything that its clients need to lose none."""

import json
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path

import httpx
import pytest
import trio
from rich.console import Console
from trio.testing import wait_all_tasks_blocked

from adapters.commands.run import show_recovery
from engine.runtime.ports import StoreError
from tests.adapters.running import SETTINGS, HeldStore, Sidecar, running
from tests.adapters.sources.test_stream import asked, closed_with, connected

EVENT = {"type": "track", "userId": "u", "event": "view"}


@pytest.fixture
def store() -> HeldStore:
    """One that reads and writes freely, until it is held."""
    held = HeldStore()
    held.may_read.set()
    held.may_write.set()
    return held


async def post(sidecar: Sidecar, path: str = "/v1/track") -> httpx.Response:
    return await sidecar.client.post(path, json=EVENT)


def gauge(page: str, name: str) -> str:
    return next(line.split()[1] for line in page.splitlines() if line.startswith(f"{name} "))


async def test_while_it_recovers_it_answers_and_takes_nothing(tmp_path: Path, store: HeldStore) -> None:
    store.may_read = trio.Event()
    async with running(tmp_path, store=store, recovered=False) as sidecar:
        assert (await sidecar.stranger.get("/healthz")).status_code == 200
        ready = await sidecar.stranger.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "recovering")
        assert ready.json()["reason"].startswith("recovering")
        assert gauge((await sidecar.stranger.get("/metrics")).text, "impel_ready") == "0.0"
        refused = await post(sidecar)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert refused.json()["error"] == sidecar.service.reason
        async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
            await connection.send_message(json.dumps(EVENT))
            assert await closed_with(connection) == 1013
        store.may_read.set()
        await sidecar.running.ready.wait()
        assert (await sidecar.stranger.get("/readyz")).json() == {"status": "ready"}
        assert gauge((await sidecar.stranger.get("/metrics")).text, "impel_ready") == "1.0"
        assert (await post(sidecar)).status_code == 200
        assert await sidecar.events("u") == ["view"]


@pytest.mark.parametrize("path", ["/admin/user?id=u", "/admin/outbox"])
async def test_while_it_recovers_it_tells_nothing_half_read(tmp_path: Path, store: HeldStore, path: str) -> None:
    store.may_read = trio.Event()
    async with running(tmp_path, store=store, recovered=False) as sidecar:
        assert (await sidecar.stranger.get(path, headers=sidecar.admin)).status_code == 503


async def test_it_can_be_ended_while_it_recovers(tmp_path: Path, store: HeldStore) -> None:
    store.may_read = trio.Event()
    async with running(tmp_path, store=store, recovered=False) as sidecar:
        sidecar.stop.set()
    assert not sidecar.running.ready.is_set()


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_long_recovery_is_shown(
    tmp_path: Path, store: HeldStore, capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    store.may_read = trio.Event()
    said = StringIO()
    console = Console(file=said, force_terminal=terminal, width=100)
    async with running(tmp_path, store=store, recovered=False) as sidecar, trio.open_nursery() as nursery:
        nursery.start_soon(show_recovery, sidecar.running, console)
        with trio.fail_after(20):  # a real server: half a second passes before it is worth a word
            while "recovering" not in said.getvalue() + capsys.readouterr().out:
                await trio.lowlevel.checkpoint()
        store.may_read.set()
    assert ("recovering" in said.getvalue()) == terminal


async def test_an_event_is_acknowledged_when_it_is_written_and_not_before(tmp_path: Path, store: HeldStore) -> None:
    async with running(tmp_path, store=store) as sidecar, trio.open_nursery() as nursery:
        store.may_write = trio.Event()
        answers: list[int] = []

        async def sent() -> None:
            answers.append((await post(sidecar)).status_code)

        nursery.start_soon(sent)
        while not sidecar.service.journal.uncommitted:
            await trio.lowlevel.checkpoint()
        assert await sidecar.events("u") == ["view"]
        assert answers == []
        store.may_write.set()
    assert answers == [200]


async def test_past_the_bound_of_what_waits_to_be_written_senders_come_back_later(
    tmp_path: Path, store: HeldStore
) -> None:
    settings = SETTINGS + "uncommitted_events: 1\n"
    async with running(tmp_path, settings, store=store) as sidecar, trio.open_nursery() as nursery:
        store.may_write = trio.Event()
        nursery.start_soon(post, sidecar)
        while not sidecar.service.journal.uncommitted:
            await trio.lowlevel.checkpoint()
        refused = await post(sidecar)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        store.may_write.set()


async def test_past_that_bound_frames_wait_for_their_turn(tmp_path: Path, store: HeldStore) -> None:
    settings = SETTINGS + "uncommitted_events: 1\n"
    async with running(tmp_path, settings, store=store) as sidecar, AsyncExitStack() as stack:
        key = f"?key={sidecar.keys.write_key}"
        clients = [await stack.enter_async_context(connected(sidecar, key)) for _ in range(5)]
        store.may_write = trio.Event()
        for client in clients:
            await client.send_message(json.dumps(EVENT))
        while not sidecar.service.journal.uncommitted:
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked(0.01)
        assert sidecar.service.journal.uncommitted == 1
        store.may_write.set()
        answers = [json.loads(str(await client.get_message())) for client in clients]
        assert [answer["accepted"] for answer in answers] == [1] * 5
        assert await sidecar.events("u") == ["view"] * 5


async def test_a_store_that_fails_stops_everything_and_says_why(tmp_path: Path, store: HeldStore) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(StoreError, match="the disk is full"), flatten_subgroups=True):
        async with running(tmp_path, store=store) as sidecar:
            async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
                assert await asked(connection, json.dumps(EVENT))
                store.failure = StoreError("the disk is full")
                refused = await post(sidecar)
                assert refused.status_code == 503
                assert refused.json()["error"] == "the disk is full"
                ready = await sidecar.stranger.get("/readyz")
                assert ready.json() == {"status": "failed", "reason": "the disk is full"}
                assert ready.status_code == 503
                await connection.send_message(json.dumps(EVENT))
                assert await closed_with(connection) == 1011
            await trio.sleep_forever()


async def test_a_failure_at_the_end_is_no_orderly_end(tmp_path: Path, store: HeldStore) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(StoreError, match="the disk is full"), flatten_subgroups=True):
        async with running(tmp_path, store=store) as sidecar:
            store.failure = StoreError("the disk is full")
            await post(sidecar)
            sidecar.stop.set()
            await trio.sleep_forever()
