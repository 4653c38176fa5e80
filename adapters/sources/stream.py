"""Events over a websocket, `GET /v1/stream`: many frames on their way at a time, acknowledged when they are durable.

docs/streaming.md is the protocol. In short: a numbered frame is acknowledged cumulatively, once a commit; an ack
carries the credit, how many events may be on their way without an ack; a frame without a number is answered by itself.

Theory of operation. One task reads: it decodes a frame and takes it, in one call, and goes on to the next without
waiting for the commit. Another waits for the oldest frame to be durable, and then answers for all that are. Nothing is
read while more is on its way than the credit allows, or while too much waits to be written, so a client that does not
heed its credit meets a socket that takes no more.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import structlog
import trio
from quart import Blueprint, websocket

from adapters.keys import WrongKey
from adapters.sources.envelope import CODECS, Form
from adapters.sources.frames import Frame, decode_frame
from adapters.sources.intake import Intake, Intakes
from adapters.sources.segment import EVENT_LIMIT, Rejection
from adapters.telemetry.metrics import Metrics
from adapters.web.access import write_key
from adapters.web.closing import BAD_PROTOCOL, LATER, OUR_FAULT, POLICY, close, code_of, first
from adapters.web.door import Barred, Door, TooFast
from adapters.write_keys import WriteKey
from engine.runtime.journal import Receipt
from engine.runtime.router import Refused

FRAME_LIMIT = 512 * 1024
"""Bytes of a frame."""

CREDIT = 4_000
"""Events of a connection that may be on their way without an ack; a frame counts as one at least."""

_FAREWELL = 1.0
"""Seconds in which what was taken is still acknowledged when nothing more is."""

_PROTOCOLS: dict[str, Form] = {"impel.v1.msgpack": "msgpack", "impel.v1.json": "json"}

_HELLO = {"hello": "impel", "version": 1, "max_frame": FRAME_LIMIT, "max_event": EVENT_LIMIT}

_log = structlog.get_logger()


class _BadSequence(Exception):
    """A number is not higher than the one before."""


class _Taken(NamedTuple):
    """A frame that is not answered yet."""

    seq: int | None
    form: Form
    receipt: Receipt
    accepted: int
    rejected: list[Rejection]
    weight: int


class _RejectedIn(Rejection, frozen=True, kw_only=True):
    """A rejection in an ack, which may be for several frames."""

    seq: int


def stream_source(door: Door, intakes: Intakes, metrics: Metrics) -> Blueprint:
    """The route."""
    routes = Blueprint("stream", __name__)

    @routes.websocket("/v1/stream")
    async def take_frames() -> None:
        protocol = next((each for each in websocket.requested_subprotocols if each in _PROTOCOLS), None)
        await websocket.accept(subprotocol=protocol)  # closed before it is accepted, it would carry no code
        try:
            key = door.admit(websocket, write_key(websocket), {"server", "sandbox"})
            intake = intakes.of(key)
        except TooFast as fast:
            await close(LATER, str(fast))
            return
        except WrongKey:
            await close(POLICY, "wrong write key")
            return
        except Barred as barred:
            await close(POLICY, str(barred))
            return
        try:
            with metrics.connected("stream"):
                form = _PROTOCOLS.get(protocol or "")
                await _Stream(
                    websocket.receive, websocket.send, key=key, intake=intake, metrics=metrics, form=form
                ).run()
        except* Refused as group:
            refused = first(group)
            await close(code_of(refused), refused.reason)
        except* _BadSequence as group:
            await close(BAD_PROTOCOL, str(first(group)))
        except* Exception:  # noqa: BLE001 - said to the client and logged; by itself it would close with 1000
            _log.exception("stream failed")
            await close(OUR_FAULT, "a fault of the server")

    return routes


class _Stream:
    """One connection. `form` is what the server speaks; None: as the frame that it answers."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[str | bytes]],
        send: Callable[[str | bytes], Awaitable[None]],
        *,
        key: WriteKey,
        intake: Intake,
        metrics: Metrics,
        form: Form | None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._key = key
        self._intake = intake
        self._metrics = metrics
        self._form = form
        self._taken: deque[_Taken] = deque()
        self._weight = 0
        """Of all that are taken and not answered."""
        self._seq = 0
        """The highest number that was taken."""
        self._acknowledged = 0
        self._answered_form: Form = "json"
        self._credit = CREDIT
        """As the client was told last."""
        self._arrived = trio.lowlevel.ParkingLot()
        self._answered = trio.lowlevel.ParkingLot()

    async def run(self) -> None:
        """Take frames and answer them, until the client has gone.

        Raises:
            Refused: nothing more is taken. What was taken before is answered first, if it can be.

        """
        if self._form is not None:
            await self._say(self._form, _HELLO | {"credit": CREDIT})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer)
            try:
                await self._read()
            except Refused:
                with trio.move_on_after(_FAREWELL):
                    while self._taken:
                        await self._answered.park()
                raise

    # What comes in -----------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            if self._weight >= CREDIT:
                self._metrics.stalled()
                while self._weight >= CREDIT:
                    await self._answered.park()
            if wait := self._key.wait:
                self._metrics.throttled(self._key.name)
                await trio.sleep(wait)
            frame = await self._receive() or b""  # the server's word for an empty one is None
            await self._take(frame, decode_frame(frame, self._intake.received(), self._intake.check))

    async def _take(self, raw: str | bytes, frame: Frame) -> None:
        if frame.seq is not None:
            if frame.seq <= self._seq:
                raise _BadSequence(f"frame {frame.seq} came after {self._seq}: numbers ascend")
            self._seq = frame.seq
        receipt = await self._received(frame)
        form: Form = self._form or ("json" if isinstance(raw, str) else "msgpack")
        accepted, rejected = frame.decoded.accepted, frame.decoded.rejected
        self._key.sent(frame.decoded.calls)
        weight = max(frame.decoded.calls, 1)
        self._weight += weight
        self._taken.append(_Taken(frame.seq, form, receipt, accepted, rejected, weight))
        self._arrived.unpark()

    async def _received(self, frame: Frame) -> Receipt:
        """Take what a frame held, as soon as there is room for it."""
        while True:
            try:
                return await self._intake.receive(frame.decoded.arrivals, "stream", len(frame.decoded.rejected))
            except Refused as refused:
                if refused.status != "busy":
                    raise
            self._metrics.stalled()
            await self._intake.room()

    # What goes out -----------------------------------------------------------------------------------------------

    async def _answer(self) -> None:
        while True:
            if self._taken:
                await self._intake.durable(self._taken[0].receipt)
                await self._acknowledge()
            elif not self._credit:
                await self._intake.room()
                await self._renew()
            else:
                await self._arrived.park()

    async def _acknowledge(self) -> None:
        """Answer for all that is durable, in order; numbered frames that follow each other have one ack."""
        together: list[_Taken] = []
        while self._taken and not self._taken[0].receipt.open:
            taken = self._taken.popleft()
            self._weight -= taken.weight
            if taken.seq is None:
                await self._ack(together)
                together = []
                await self._say(taken.form, {"accepted": taken.accepted, "rejected": taken.rejected})
            else:
                together.append(taken)
        await self._ack(together)
        self._answered.unpark_all()

    async def _ack(self, together: list[_Taken]) -> None:
        if not together:
            return
        last = together[-1]
        self._answered_form, self._acknowledged = last.form, last.seq or 0
        rejected = [
            _RejectedIn(each.index, each.message_id, each.reason, seq=taken.seq or 0)
            for taken in together
            for each in taken.rejected
        ]
        await self._renew(accepted=sum(taken.accepted for taken in together), rejected=rejected)

    async def _renew(self, **more: Any) -> None:
        """Say how far all is durable, and how much may be on its way."""
        self._credit = 0 if self._intake.busy else CREDIT
        await self._say(self._answered_form, {"ack": self._acknowledged, "credit": self._credit} | more)

    async def _say(self, form: Form, what: dict[str, Any]) -> None:
        encoded = CODECS[form][1](what)
        await self._send(encoded.decode() if form == "json" else encoded)
