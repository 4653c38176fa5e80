"""A client of `/v1/stream`: events go in one by one, and every one of them is in the sidecar in the end, once.

    async with connected("http://127.0.0.1:8808", write_key) as client:
        await client.send({"type": "track", "userId": "u1", "event": "product_viewed"})
        await client.flushed()

Events are gathered into frames, which are sent as the server's credit allows and kept until they are acknowledged.
When the connection breaks, another is made, after a pause that grows, and what was not acknowledged is sent again; each
event has a `messageId`, by which the server tells what it has already. What is kept is bounded: past that, `send`
waits. docs/streaming.md describes the protocol.
"""

import random
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgpack
import structlog
import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

_PROTOCOL = "impel.v1.msgpack"
_ROOM = 64
"""Bytes of a frame beside its events."""

_HANDSHAKE = 5.0
"""Seconds until a connection stands, or is closed. A server that dies meanwhile is not noticed before."""

_SILENCE = 20.0
"""Seconds after which a server that says nothing is asked whether it is there, and that it is given to answer."""

_PATIENCE = 3
"""Attempts to connect that fail in a row before it is worth a word."""

_NOT_AGAIN = frozenset({1002, 1008, 1009})
"""Codes after which the same would only happen again."""

_log = structlog.get_logger()


class Refused(Exception):
    """The server does not take what this client sends; to try again would not help."""


class _Frame(NamedTuple):
    seq: int
    events: int
    content: bytes
    upto: int
    """Events of this frame and of all before it."""


@asynccontextmanager
async def connected(url: str, write_key: str, **options: Any) -> AsyncIterator["Client"]:
    """Run a client as long as the block; events that are not acknowledged at its end are given up, unless `flushed`."""
    client = Client(url, write_key, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        yield client
        nursery.cancel_scope.cancel()


class Client:
    """Sends events; `run` is to run beside.

    Args:
        url: of the sidecar, such as `http://127.0.0.1:8808`.
        write_key: what the sidecar asks for.
        batch: events of a frame, at most.
        linger: seconds that a frame waits to be filled.
        capacity: events that are kept until they are acknowledged.
        longest_pause: seconds between two attempts to connect, at most.
        rejected: is told of each event that the server does not take, its `messageId` and why; by default it is logged.
        acknowledged: is told how many events, in the order in which they were sent, are acknowledged by now; they need
            not be kept anywhere any longer.

    """

    def __init__(
        self,
        url: str,
        write_key: str,
        *,
        batch: int = 100,
        linger: float = 0.02,
        capacity: int = 20_000,
        longest_pause: float = 10.0,
        rejected: Callable[[str | None, str], object] | None = None,
        acknowledged: Callable[[int], object] = int,
    ) -> None:
        self._url = urlsplit(url)
        self._headers = [(b"X-Impel-Key", write_key.encode())]
        self._batch = batch
        self._linger = linger
        self._capacity = capacity
        self._longest_pause = longest_pause
        self._rejected = rejected or _log_rejected
        self._acknowledged = acknowledged
        self._packer = msgpack.Packer()
        self._events: list[bytes] = []
        """Packed, and not in a frame yet."""
        self._bytes = 0
        """Of those."""
        self._since = 0.0
        """When the first of them came."""
        self._frames: deque[_Frame] = deque()
        """Not acknowledged; the first `_sent` of them are on their way."""
        self._sent = 0
        self._seq = 0
        self._on_their_way = 0
        """Events in frames that are."""
        self._credit = 0
        self._max_event, self._max_frame = 32_768, 65_536
        self._pauses = 0
        self._seen = 0
        """The highest number of a frame that was on its way."""
        self._put = 0
        """Events in frames, so far."""
        self.kept = 0
        """Events that are not acknowledged."""
        self.sent_again = 0
        """Events that were on their way before, when the connection broke."""
        self._changed = trio.lowlevel.ParkingLot()

    async def send(self, event: Mapping[str, Any]) -> None:
        """Take an event, when there is room for it; one without a `messageId` or a `timestamp` is given them.

        Raises:
            ValueError: it is too big.

        """
        stamped = {"messageId": uuid.uuid4().hex, "timestamp": int(time.time() * 1_000)} | dict(event)
        packed = self._packer.pack(stamped)
        if len(packed) > self._max_event:
            raise ValueError(f"the event has {len(packed)} bytes; at most {self._max_event} are taken")
        while self.kept >= self._capacity:
            await self._changed.park()
        if self._bytes + len(packed) + _ROOM > self._max_frame:
            self._cut()
        if not self._events:
            self._since = trio.current_time()
            self._changed.unpark_all()
        self._events.append(packed)
        self._bytes += len(packed)
        self.kept += 1
        if len(self._events) >= self._batch:
            self._cut()

    async def send_packed(self, events: int, body: bytes) -> None:
        """Take a whole frame of so many events, packed already as one msgpack array, each with its own `messageId`.

        The server ends the connection of who sends more bytes than it takes, and `run` then raises `Refused`.
        """
        while self.kept >= self._capacity:
            await self._changed.park()
        self._cut()
        self.kept += events
        self._add(events, body)

    async def flushed(self) -> None:
        """Wait until all that was sent is acknowledged."""
        self._cut()
        while self.kept:
            await self._changed.park()

    async def run(self) -> None:
        """Connect, again and again, and send.

        Raises:
            Refused: the server does not take what this client sends.

        """
        while True:
            try:
                async with await self._reach() as stream, trio.open_nursery() as nursery:
                    with trio.fail_after(_HANDSHAKE):
                        socket = await self._greet(nursery, stream)
                    await self._talk(socket)
            except* ConnectionClosed as group:
                _raise_if_final(group)
            except* (HandshakeError, OSError, trio.BrokenResourceError, trio.TooSlowError):
                if self._pauses == _PATIENCE:
                    _log.warning("no connection; it is tried again and again", host=self._url.hostname)
            self._pauses += 1
            longest = min(0.1 * 2.0**self._pauses, self._longest_pause)
            await trio.sleep(random.uniform(0, longest))  # noqa: S311 - jitter is no secret

    def _cut(self) -> None:
        """Make a frame of what was gathered."""
        if self._events:
            events, self._events, self._bytes = self._events, [], 0
            self._add(len(events), self._packer.pack_array_header(len(events)) + b"".join(events))

    def _add(self, events: int, body: bytes) -> None:
        self._seq += 1
        self._put += events
        head = self._packer.pack_map_header(2) + self._packer.pack("seq") + self._packer.pack(self._seq)
        self._frames.append(_Frame(self._seq, events, head + self._packer.pack("events") + body, self._put))
        self._changed.unpark_all()

    async def _reach(self) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
        host, secure = self._url.hostname or "", self._url.scheme == "https"
        port = self._url.port or (443 if secure else 80)
        return await (trio.open_ssl_over_tcp_stream if secure else trio.open_tcp_stream)(host, port)

    async def _greet(
        self, nursery: trio.Nursery, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    ) -> WebSocketConnection:
        socket = await wrap_client_stream(
            nursery,
            stream,
            self._url.netloc,
            f"{self._url.path.rstrip('/')}/v1/stream",
            subprotocols=[_PROTOCOL],
            extra_headers=self._headers,
        )
        hello = msgpack.unpackb(await socket.get_message())
        self._credit, self._max_event, self._max_frame = hello["credit"], hello["max_event"], hello["max_frame"]
        self._sent = self._on_their_way = 0
        return socket

    async def _talk(self, socket: WebSocketConnection) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, socket)
            while True:
                while self._sent < len(self._frames) and self._on_their_way < self._credit:
                    frame = self._frames[self._sent]
                    self._sent += 1
                    self._on_their_way += frame.events
                    self.sent_again += frame.events if frame.seq <= self._seen else 0
                    self._seen = max(self._seen, frame.seq)
                    await socket.send_message(frame.content)
                await self._wait()

    async def _wait(self) -> None:
        """Wait until something changes, or until what was gathered has waited long enough to be sent."""
        could_go = self._events and self._sent == len(self._frames) and self._on_their_way < self._credit
        with trio.CancelScope(deadline=self._since + self._linger if could_go else inf) as lingering:
            await self._changed.park()
        if lingering.cancelled_caught:
            self._cut()

    async def _listen(self, socket: WebSocketConnection) -> None:
        while True:
            with trio.move_on_after(_SILENCE) as silence:
                said = msgpack.unpackb(await socket.get_message())
            if silence.cancelled_caught:
                with trio.fail_after(_SILENCE):
                    await socket.ping()
                continue
            for each in said.get("rejected", ()):
                self._rejected(each["messageId"], each["reason"])
            self._credit, self._pauses = said["credit"], 0
            while self._frames and self._frames[0].seq <= said["ack"]:
                frame = self._frames.popleft()
                self.kept -= frame.events
                self._on_their_way -= frame.events
                self._sent -= 1
                self._acknowledged(frame.upto)
            self._changed.unpark_all()


def _log_rejected(message_id: str | None, reason: str) -> None:
    _log.warning("an event was not taken", message_id=message_id, reason=reason)


def _raise_if_final(group: BaseExceptionGroup[ConnectionClosed]) -> None:
    """See whether the server closed the connection because of what it was sent."""
    for closed in group.exceptions:
        if isinstance(closed, BaseExceptionGroup):
            _raise_if_final(closed)
        elif closed.reason is not None and closed.reason.code in _NOT_AGAIN:
            raise Refused(f"closed with {closed.reason.code}: {closed.reason.reason}")
