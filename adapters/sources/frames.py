"""Frames of the stream, decoded: one event, a list of them, or a numbered list, `{"seq": 7, "events": [...]}`.

A frame is first read whole, in one typed call. Whatever that cannot read is read again call by call, as requests are,
so that the bad ones are answered for and their neighbours taken. What comes out is the same; a test compares the two.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from adapters.sources.envelope import NONE, BadEnvelope, Form, read, read_frame
from adapters.sources.segment import EVENT_LIMIT, Call, Check, Decoded, Rejection, decode_calls, make_arrivals
from engine.core.events import Millis

SEQ_LIMIT = (1 << 53) - 1
"""The highest number of a frame: beyond it not every language counts exactly."""


class Frame(NamedTuple):
    """What a frame held."""

    seq: int | None
    """Its number; None for one without."""
    decoded: Decoded


class _Numbered(msgspec.Struct):
    seq: Annotated[int, msgspec.Meta(ge=1, le=SEQ_LIMIT)]
    events: list[Call]
    type: None = None


class _Split(msgspec.Struct):
    """A frame of which it is not known yet whether it is numbered, or a single event."""

    events: msgspec.Raw = NONE
    seq: Any = None
    type: Any = None


_READ: dict[Form, Callable[[bytes], _Numbered | list[Call]]] = {
    "json": msgspec.json.Decoder(_Numbered | list[Call]).decode,
    "msgpack": msgspec.msgpack.Decoder(_Numbered | list[Call]).decode,
}
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_frame(frame: str | bytes, received: Millis, check: Check | None = None) -> Frame:
    """Decode a text frame of JSON, or a binary one of msgpack. One that cannot be read at all holds one rejection."""
    form: Form = "json" if isinstance(frame, str) else "msgpack"
    body = frame.encode() if isinstance(frame, str) else frame
    try:
        return _quickly(body, form, received, check) or _tolerantly(body, form, received, check)
    except BadEnvelope as fault:
        return Frame(None, Decoded([], [Rejection(None, None, f"the frame cannot be read: {fault}")]))


def _quickly(body: bytes, form: Form, received: Millis, check: Check | None) -> Frame | None:
    """Read a frame all of whose calls are of the right shape and size; None if it is no such frame."""
    try:
        frame = _READ[form](body)
    except _FAULTS:
        return None
    if len(body) > EVENT_LIMIT and max(map(len, _split(body, form)[1]), default=0) > EVENT_LIMIT:
        return None
    if isinstance(frame, list):
        return Frame(None, make_arrivals(frame, received, form, check))
    return Frame(frame.seq, make_arrivals(frame.events, received, form, check))


def _tolerantly(body: bytes, form: Form, received: Millis, check: Check | None) -> Frame:
    """Read a frame call by call.

    Raises:
        BadEnvelope: it cannot be read.

    """
    seq, calls = _split(body, form)
    return Frame(seq, decode_calls(calls, received, form=form, check=check))


def _split(body: bytes, form: Form) -> tuple[int | None, Sequence[msgspec.Raw]]:
    """A frame's number, if it has one, and its calls."""
    try:
        found: _Split = read(body, _Split, form)
    except BadEnvelope:
        return None, read_frame(body, form)
    if not found.events or found.type is not None:
        return None, read_frame(body, form)
    if type(found.seq) is not int or not 1 <= found.seq <= SEQ_LIMIT:
        raise BadEnvelope(f"`seq` must be a whole number from 1 to {SEQ_LIMIT}")
    events: list[msgspec.Raw] = read(found.events, list[msgspec.Raw], form)
    return found.seq, events
