"""Events over a websocket: `GET /v1/stream`, text frames of JSON, binary ones of msgpack, one event or a list in each.

Every frame is answered in its own form, `{"accepted": n, "rejected": [...]}`, when it is durable and before the next is
read: that is also what keeps a client from getting far ahead. While too much waits to be written, a frame waits for its
answer. The codes of an end: 1008 wrong key, 1009 frame too big (the server's), 1011 a fault of ours, 1012 the process
is ending, 1013 try again later. A frame without its answer is to be sent again.
"""

import structlog
from quart import Blueprint, websocket

from adapters.keys import Keys
from adapters.sources.envelope import CODECS, BadEnvelope, Form, read_frame
from adapters.sources.intake import Intake
from adapters.sources.segment import Decoded, Rejection, decode_calls
from adapters.web.access import write_key
from engine.core.events import Millis
from engine.runtime.router import Refused

FRAME_LIMIT = 512 * 1024
"""Bytes of a frame."""

_WRONG_KEY, _OUR_FAULT, _LATER = 1008, 1011, 1013
_CODES = {"ending": 1012, "failed": _OUR_FAULT}
_REASON_LIMIT = 100
"""Letters; a frame that closes has room for 123 bytes."""

_log = structlog.get_logger()


def stream_source(keys: Keys, intake: Intake) -> Blueprint:
    """The route."""
    routes = Blueprint("stream", __name__)

    @routes.websocket("/v1/stream")
    async def take_frames() -> None:
        await websocket.accept()  # closed before it is accepted, it would carry no code
        if not keys.writes(write_key(websocket)):
            await websocket.close(_WRONG_KEY, "wrong write key")
            return
        try:
            while True:
                await websocket.send(await _take(await websocket.receive(), intake))
        except Refused as refused:
            await websocket.close(_CODES.get(refused.status, _LATER), refused.reason[:_REASON_LIMIT])
        except Exception:  # noqa: BLE001 - said to the client and logged; by itself it would close with 1000
            _log.exception("stream failed")
            await websocket.close(_OUR_FAULT, "a fault of the server")

    return routes


async def _take(frame: str | bytes | None, intake: Intake) -> str | bytes:
    """Take one frame; returns the answer to it."""
    form: Form = "json" if isinstance(frame, str) else "msgpack"
    body = frame.encode() if isinstance(frame, str) else frame or b""
    decoded = _decoded(body, form, intake.received())
    while not await _is_taken(decoded, intake):
        await intake.room()
    encoded = CODECS[form][1]({"accepted": len(decoded.arrivals), "rejected": decoded.rejected})
    return encoded.decode() if form == "json" else encoded


async def _is_taken(decoded: Decoded, intake: Intake) -> bool:
    """Take what a frame held, unless there is no room for it."""
    try:
        await intake.take(decoded.arrivals, "stream", len(decoded.rejected))
    except Refused as refused:
        if refused.status != "busy":
            raise
        return False
    return True


def _decoded(body: bytes, form: Form, received: Millis) -> Decoded:
    try:
        return decode_calls(read_frame(body, form), received, form=form)
    except BadEnvelope as fault:
        return Decoded([], [Rejection(None, None, f"the frame cannot be read: {fault}")])
