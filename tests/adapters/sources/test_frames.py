"""A frame is decoded in one go or call by call, and nobody can tell which."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.sources import frames
from adapters.sources.envelope import read_frame
from adapters.sources.frames import SEQ_LIMIT, decode_frame
from adapters.sources.segment import EVENT_LIMIT, decode_calls
from tests.adapters.sources.test_numbers import FIELDS, KINDS, NOW, SCALARS, VALUES

PROPERTIES = st.dictionaries(st.text(), VALUES | st.binary() | st.floats(), max_size=4)
CALLS = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "other"]) | SCALARS},
    optional={"event": st.text() | SCALARS, "properties": PROPERTIES | VALUES, "traits": PROPERTIES}
    | dict.fromkeys(FIELDS, st.integers(0, 2**62) | SCALARS),
)
EVENT = {"type": "track", "userId": "u", "event": "view", "messageId": "m"}


def written(content: Any) -> str | bytes:
    """As msgpack where that has a form for it, else as JSON."""
    try:
        return msgspec.msgpack.encode(content)
    except (OverflowError, ValueError):
        return msgspec.json.encode(content).decode()


@given(st.lists(CALLS, max_size=4), st.integers(1, SEQ_LIMIT))
@example([EVENT | {"properties": {"a": float("nan")}}], 1)
@example([EVENT | {"properties": {"a": 10**400}}], 1)
@example([EVENT | {"properties": {"a": {"b": {"c": [float("inf")]}}}}], 1)
@example([EVENT | {"messageId": True}, EVENT | {"userId": None}], 1)
def test_a_frame_is_what_its_calls_are_one_by_one(calls: list[dict[str, Any]], seq: int) -> None:
    plain, numbered = written(calls), written({"seq": seq, "events": calls})
    form: Any = "json" if isinstance(plain, str) else "msgpack"
    body = plain.encode() if isinstance(plain, str) else plain
    expected = decode_calls(read_frame(body, form), NOW, form=form)
    assert repr(decode_frame(plain, NOW)) == repr(frames.Frame(None, expected))
    assert repr(decode_frame(numbered, NOW)) == repr(frames.Frame(seq, expected))


@pytest.mark.parametrize("write", [json.dumps, msgspec.msgpack.encode])
def test_a_usual_frame_is_read_in_one_go(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(frames, "decode_calls")
    properties = {"product": "Tent", "price": 1.5, "items": [{"product": "Lamp", "price": 3}], "cart": {"total": 5}}
    calls = [EVENT | {"properties": properties, "timestamp": NOW} for _ in range(1_000)]
    assert len(decode_frame(write({"seq": 1, "events": calls}), NOW).decoded.arrivals) == 1_000


def test_an_event_past_the_limit_is_refused_and_its_neighbours_are_taken() -> None:
    big = EVENT | {"properties": {"text": "x" * EVENT_LIMIT}}
    seq, (arrivals, rejected, _) = decode_frame(json.dumps({"seq": 3, "events": [EVENT, big, EVENT]}), NOW)
    assert (seq, len(arrivals)) == (3, 2)
    assert [(each.index, each.message_id) for each in rejected] == [(1, "m")]
    assert "bytes; at most" in rejected[0].reason


@pytest.mark.parametrize("seq", [0, -1, SEQ_LIMIT + 1, 1.5, "1", True, None])
def test_a_number_that_is_none_is_refused(seq: object) -> None:
    frame = decode_frame(json.dumps({"seq": seq, "events": [EVENT]}), NOW)
    assert (frame.seq, frame.decoded.arrivals) == (None, [])
    assert "`seq` must be a whole number from 1 to" in frame.decoded.rejected[0].reason


def test_a_single_event_may_have_fields_that_a_numbered_frame_has() -> None:
    frame = decode_frame(json.dumps(EVENT | {"seq": 5, "events": [1, 2]}), NOW)
    assert (frame.seq, len(frame.decoded.arrivals)) == (None, 1)
