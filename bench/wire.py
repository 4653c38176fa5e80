"""What a bench hears of the sidecar, and when: of the frames it sends, by the reference client, and of firings."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from adapters.client import connected
from bench.sidecar import KEY, Sidecar

_LARGEST = 1 << 24
"""Bytes of a message from the sidecar."""


class _Item(msgspec.Struct):
    type: str
    user: str
    at: int = 0


class _Told(msgspec.Struct):
    items: list[_Item]


class Firing(msgspec.Struct):
    """A firing as it was heard of: of whom, as of when, ms, and when it came in, by both clocks, in seconds."""

    user: str
    at: int
    heard: float
    wall: float


class Wire:
    """Frames of a connection, packed beforehand; `counts` are their events. It notes when each is acknowledged."""

    def __init__(self, frames: Sequence[bytes], counts: Sequence[int]) -> None:
        self.acked: list[float] = []
        """Of each frame, by `time.perf_counter`."""
        self.frames, self.events = len(frames), sum(counts)
        self._frames, self._counts = frames, counts
        self._ready = 0
        self._changed = trio.lowlevel.ParkingLot()

    def release(self, frames: int) -> None:
        """Let so many frames more be sent."""
        self._ready += frames
        self._changed.unpark_all()

    async def run(self, sidecar: Sidecar) -> None:
        """Send all frames, and come back when all are acknowledged.

        Raises:
            RuntimeError: an event was not taken, or the connection was lost.

        """
        async with connected(
            sidecar.url, KEY, capacity=self.events, rejected=_rejected, acknowledged=self._acknowledged
        ) as client:
            for number, (frame, count) in enumerate(zip(self._frames, self._counts, strict=True)):
                while number >= self._ready:
                    await self._changed.park()
                await client.send_packed(count, frame)
            await client.flushed()
        if client.sent_again:
            raise RuntimeError(f"{client.sent_again} events had to be sent again")

    def _acknowledged(self, _: int) -> None:
        self.acked.append(time.perf_counter())


async def send_all(sidecar: Sidecar, wires: Sequence[Wire]) -> None:
    """Send everything, as fast as it is taken."""
    async with trio.open_nursery() as nursery:
        for wire in wires:
            wire.release(wire.frames)
            nursery.start_soon(wire.run, sidecar)


@asynccontextmanager
async def heard(sidecar: Sidecar, trigger: str) -> AsyncIterator[list[Firing]]:
    """Hear of the firings of a trigger as long as the block, from `/v1/decisions`; the list grows."""
    token = (sidecar.data / "admin_token").read_bytes().strip()
    url = f"ws{sidecar.url.removeprefix('http')}/v1/decisions?trigger={trigger}"
    headers = [(b"Authorization", b"Bearer " + token)]
    firings: list[Firing] = []
    async with open_websocket_url(url, extra_headers=headers, max_message_size=_LARGEST) as socket:
        await socket.get_message()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hear, socket, firings)
            yield firings
            nursery.cancel_scope.cancel()


async def _hear(socket: WebSocketConnection, firings: list[Firing]) -> None:
    decode: Callable[[str | bytes], _Told] = msgspec.json.Decoder(_Told).decode
    while True:
        told = await socket.get_message()
        heard, wall = time.perf_counter(), time.time()
        firings += [Firing(item.user, item.at, heard, wall) for item in decode(told).items if item.type == "firing"]


def _rejected(message_id: str | None, reason: str) -> None:
    raise RuntimeError(f"the event {message_id} was not taken: {reason}")
