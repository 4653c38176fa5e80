"""A connection to `/v1/stream` that does next to nothing: it sends frames made beforehand, and notes when.

It sends what is ready as the credit allows, in the order given, and keeps two instants of each frame: when it was
handed to the network, and when it was acknowledged. It never connects again: a bench that was cut off has failed.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from bench.sidecar import Sidecar

PROTOCOL = "impel.v1.msgpack"
_LARGEST = 1 << 24
"""Bytes of a message from the sidecar."""


class _Said(msgspec.Struct):
    """The greeting, or an ack."""

    credit: int
    ack: int = 0
    rejected: list[dict[str, object]] = []


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
    """Frames of a connection, `counts` their events; instants are those of `time.perf_counter`."""

    def __init__(self, frames: Sequence[bytes], counts: Sequence[int]) -> None:
        self.sent: list[float] = []
        self.acked: list[float] = []
        self.on_their_way = 0
        """Events."""
        self.frames, self.events = len(frames), sum(counts)
        self._frames, self._counts = frames, counts
        self._ready = 0
        self._credit = 0
        self._changed = trio.lowlevel.ParkingLot()

    def release(self, frames: int) -> None:
        """Let so many frames more be sent."""
        self._ready += frames
        self._changed.unpark_all()

    async def run(self, sidecar: Sidecar) -> None:
        """Send all frames, and come back when all are acknowledged.

        Raises:
            RuntimeError: an event was not taken.

        """
        async with open_websocket_url(sidecar.stream, subprotocols=[PROTOCOL]) as socket:
            self._credit = _said(await socket.get_message()).credit
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, socket)
                await self._send(socket)

    async def _send(self, socket: WebSocketConnection) -> None:
        while (number := len(self.sent)) < len(self._frames):
            if number < self._ready and self.on_their_way < self._credit:
                self.on_their_way += self._counts[number]
                self.sent.append(time.perf_counter())
                await socket.send_message(self._frames[number])
            else:
                await self._changed.park()

    async def _listen(self, socket: WebSocketConnection) -> None:
        while len(self.acked) < len(self._frames):
            said = _said(await socket.get_message())
            if said.rejected:
                raise RuntimeError(f"an event was not taken: {said.rejected[0]}")
            now, self._credit = time.perf_counter(), said.credit
            while len(self.acked) < said.ack:
                self.on_their_way -= self._counts[len(self.acked)]
                self.acked.append(now)
            self._changed.unpark_all()


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


_said: Callable[[Any], _Said] = msgspec.msgpack.Decoder(_Said).decode
