"""The reference client, against a sidecar that really listens, ends, is killed, and comes back."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from adapters.client import Client, Refused, connected
from adapters.sources import stream
from adapters.sources.frames import Frame, decode_frame
from adapters.sources.segment import Check
from adapters.web.server import bind
from tests.adapters.running import HeldStore, Sidecar, running, started, write_config
from tests.adapters.test_readiness import store

__all__ = ["store"]  # a fixture


def track(number: int, user: str = "u") -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": f"e{number}"}


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each frame had that has come in."""
    seen: list[int] = []

    def counted(frame: str | bytes, received: int, check: Check | None) -> Frame:
        decoded = decode_frame(frame, received, check)
        seen.append(len(decoded.decoded.arrivals))
        return decoded

    monkeypatch.setattr(stream, "decode_frame", counted)
    return seen


async def acknowledged(client: Client) -> None:
    with trio.fail_after(10):
        while client.kept:
            await trio.lowlevel.checkpoint()


async def test_events_are_gathered_into_frames_of_a_size(sidecar: Sidecar, frames: list[int]) -> None:
    async with connected(sidecar.url, sidecar.keys.write_key, batch=10, linger=60) as client:
        for number in range(25):
            await client.send(track(number))
        while len(frames) < 2:
            await trio.lowlevel.checkpoint()
        await client.flushed()
    assert frames == [10, 10, 5]
    assert await sidecar.events("u") == [f"e{number}" for number in range(25)]


async def test_a_frame_does_not_wait_long_to_be_filled(sidecar: Sidecar, frames: list[int]) -> None:
    async with connected(sidecar.url, sidecar.keys.write_key, linger=0.01) as client:
        await client.send(track(1))
        await acknowledged(client)
    assert frames == [1]


async def test_large_events_make_more_frames_than_one(sidecar: Sidecar, frames: list[int]) -> None:
    async with connected(sidecar.url, sidecar.keys.write_key, linger=60) as client:
        for number in range(40):
            await client.send(track(number) | {"properties": {"text": "x" * 30_000}})
        await client.flushed()
    assert sum(frames) == 40
    assert len(frames) > 2


async def test_no_more_is_sent_than_the_credit_allows(
    tmp_path: Path, store: HeldStore, frames: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CREDIT", 5)
    async with running(tmp_path, store=store) as sidecar:
        store.may_write = trio.Event()
        async with connected(sidecar.url, sidecar.keys.write_key, batch=2) as client:
            for number in range(20):
                await client.send(track(number))
            with trio.fail_after(10):
                while sum(frames) < 6:
                    await trio.lowlevel.checkpoint()
            await wait_all_tasks_blocked(0.02)
            on_their_way = client._on_their_way  # noqa: SLF001 - what the server cannot see
            assert (sum(frames), on_their_way) == (6, 6)
            store.may_write.set()
            await client.flushed()
        assert await sidecar.events("u") == [f"e{number}" for number in range(20)]


async def test_what_is_kept_is_bounded(tmp_path: Path, store: HeldStore) -> None:
    async with running(tmp_path, store=store) as sidecar:
        store.may_write = trio.Event()
        async with connected(sidecar.url, sidecar.keys.write_key, capacity=10, batch=3) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_many, client, 30)
                await wait_all_tasks_blocked(0.02)
                assert client.kept == 10
                store.may_write.set()
            await client.flushed()
        assert await sidecar.events("u") == [f"e{number}" for number in range(30)]


async def send_many(client: Client, number: int) -> None:
    for each in range(number):
        await client.send(track(each))


async def test_an_event_that_is_not_taken_is_told(sidecar: Sidecar) -> None:
    told: list[tuple[str | None, str]] = []
    async with connected(
        sidecar.url, sidecar.keys.write_key, rejected=lambda message_id, reason: told.append((message_id, reason))
    ) as client:
        await client.send(track(1))
        await client.send({"type": "track", "event": "e2", "messageId": "m2"})
        await client.flushed()
    assert told == [("m2", "a call needs a `userId` or an `anonymousId`")]
    assert await sidecar.events("u") == ["e1"]


async def test_an_event_that_is_too_big_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="at most 32768 are taken"):
        await Client("http://127.0.0.1:1", "key").send(track(1) | {"properties": {"text": "x" * 40_000}})


async def test_a_wrong_key_ends_it(sidecar: Sidecar) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(Refused, match="closed with 1008: wrong write key")):
        async with connected(sidecar.url, "wrong") as client:
            await client.send(track(1))
            await client.flushed()


async def test_a_server_that_is_not_ready_is_tried_again(tmp_path: Path, store: HeldStore) -> None:
    store.may_read = trio.Event()
    async with running(tmp_path, store=store, recovered=False) as sidecar:
        async with connected(sidecar.url, sidecar.keys.write_key, longest_pause=0.05) as client:
            for number in range(5):
                await client.send(track(number))
            while client._pauses < 3:  # noqa: SLF001 - that it has tried
                await trio.lowlevel.checkpoint()
            store.may_read.set()
            await client.flushed()
        assert await sidecar.events("u") == [f"e{number}" for number in range(5)]


async def test_a_server_that_vanishes_in_the_handshake_is_tried_again(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.client._HANDSHAKE", 0.05)
    connections = 0

    async def refer(stream: trio.SocketStream) -> None:
        """Hang up on the first two, and hand the others on."""
        nonlocal connections
        connections += 1
        async with stream:
            if connections > 2:
                await hand_on(stream, sidecar.url)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, refer, [listener])
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        with trio.fail_after(10):
            async with connected(url, sidecar.keys.write_key, longest_pause=0.01) as client:
                await client.send(track(1))
                await client.flushed()
        nursery.cancel_scope.cancel()
    assert connections == 3
    assert await sidecar.events("u") == ["e1"]


async def hand_on(stream: trio.SocketStream, url: str) -> None:
    """Carry bytes both ways between a connection and a server."""
    host, port = url.removeprefix("http://").split(":")

    async def carry(source: trio.SocketStream, sink: trio.SocketStream) -> None:
        async for data in source:
            await sink.send_all(data)
        nursery.cancel_scope.cancel()

    async with await trio.open_tcp_stream(host, int(port)) as server, trio.open_nursery() as nursery:
        nursery.start_soon(carry, stream, server)
        nursery.start_soon(carry, server, stream)


async def test_frames_that_are_packed_already_are_sent_as_they_are_and_told_of_in_order(
    sidecar: Sidecar, frames: list[int]
) -> None:
    told: list[int] = []
    async with connected(sidecar.url, sidecar.keys.write_key, linger=60, acknowledged=told.append) as client:
        await client.send(track(0))
        now = time.time_ns() // 1_000_000  # after what the client says of the first
        await client.send_packed(
            2, msgpack.packb([track(each) | {"messageId": f"m{each}", "timestamp": now} for each in (1, 2)])
        )
        await client.send(track(3))
        await client.flushed()
    assert frames == [1, 2, 1]
    assert told == [1, 3, 4]
    assert await sidecar.events("u") == [f"e{number}" for number in range(4)]


async def test_a_server_that_is_killed_and_started_again_has_every_event_once(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with bind("127.0.0.1", 0) as free:
        port = str(free.getsockname()[1])
    keys = {"IMPEL_PORT": port, "IMPEL_WRITE_KEY": "key", "IMPEL_ADMIN_TOKEN": "token"}
    with ExitStack() as stack:

        def start() -> Any:
            return stack.enter_context(started(config, **keys))

        process, url = await trio.to_thread.run_sync(start)
        async with connected(url, "key", batch=7, longest_pause=0.2) as client:
            for number in range(1_000):
                await client.send(track(number, f"u{number % 25}"))
                if number == 600:
                    process.kill()
                await trio.lowlevel.checkpoint()
            assert client.kept
            await trio.to_thread.run_sync(start)
            with trio.fail_after(60):
                await client.flushed()
            assert client.sent_again
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer token"}) as asker:
            for user in range(25):
                told = (await asker.get("/admin/user", params={"id": f"u{user}"})).json()
                events = [each["event"] for each in reversed(told["recent"])]
                assert events == [f"e{number}" for number in range(user, 1_000, 25)]
