"""Numbers past all measure, and values of every kind in every place: each event gets an answer, none a fault."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.sources.envelope import Form
from adapters.sources.instants import BadInstant, instant
from adapters.sources.segment import Decoded, decode_calls
from engine.core.events import decode
from engine.runtime.arrivals import Event, Profile

NOW = 1_700_000_000_000
FIELDS = ["timestamp", "originalTimestamp", "sentAt", "userId", "anonymousId", "previousId", "groupId", "messageId"]
KINDS = ["track", "identify", "page", "screen", "alias", "group"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def decoded(call: bytes, form: Form = "json") -> Decoded:
    return decode_calls([call], NOW, form=form)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), VALUES))
@example("track", {"userId": "u", "timestamp": 10**400 - 1})
@example("track", {"userId": "u", "timestamp": 1, "sentAt": -(10**400)})
@example("track", {"userId": 10**400})
@example("track", {"messageId": 10**400, "timestamp": 5})
def test_any_value_in_any_place_is_answered(kind: str, fields: dict[str, Any]) -> None:
    call = {"type": kind, "event": "e"} | fields
    answer = decoded(msgspec.json.encode(call))
    assert len(answer.arrivals) + len(answer.rejected) == 1


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("digits", [20, 400, 4_290, 5_000, 30_000])
def test_a_number_of_many_digits_is_answered(field: str, digits: int) -> None:
    call = b'{"type":"track","event":"e","userId":"u","timestamp":5,"%s":%s}' % (field.encode(), b"9" * digits)
    answer = decoded(call)
    assert len(answer.arrivals) + len(answer.rejected) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -1, 1e300])
def test_an_instant_past_all_measure_is_refused(value: float) -> None:
    with pytest.raises(BadInstant, match="`timestamp` lies outside"):
        instant(value, "timestamp")


@pytest.mark.parametrize("text", ["20260301", "2026-W10-1", "1710000000", "2026-03-01x10:00", "", "\u0661" * 13])
def test_text_that_only_python_takes_for_a_date_is_refused(text: str) -> None:
    with pytest.raises(BadInstant, match="ISO 8601"):
        instant(text, "timestamp")


def test_milliseconds_may_stand_in_text() -> None:
    assert instant("1710000000000", "timestamp") == 1_710_000_000_000
    assert instant("2024-03-09", "timestamp") == 1_709_942_400_000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["properties", "traits"])
def test_numbers_that_are_none_are_refused_at_any_depth(field: str, value: float) -> None:
    good = {"type": "track" if field == "properties" else "identify", "userId": "u", "event": "e"}
    bad = good | {field: {"a": [{"b": value}]}}
    frame = [msgspec.msgpack.encode(call) for call in (good, bad, good)]
    answer = decode_calls(frame, NOW, form="msgpack")
    assert len(answer.arrivals) == 2
    [rejected] = answer.rejected
    assert rejected.index == 1
    assert rejected.reason.startswith(f"`{field}` holds ")


def test_keys_that_are_no_text_are_refused_at_any_depth() -> None:
    call = {"type": "track", "userId": "u", "event": "e", "properties": {"a": {5: 1}}}
    [rejected] = decoded(msgspec.msgpack.encode(call), "msgpack").rejected
    assert "text for keys" in rejected.reason


def test_an_integer_of_more_than_300_digits_is_refused_and_as_text_it_is_not() -> None:
    call = b'{"type":"track","userId":"u","event":"e","properties":{"a":[{"b":%s}]}}'
    [rejected] = decoded(call % (b"-" + b"9" * 301)).rejected
    assert "more than 300 digits" in rejected.reason
    assert decoded(call % (b'"' + b"9" * 400 + b'"')).arrivals
    assert decoded(call % (b"9" * 300)).arrivals


@pytest.mark.parametrize("number", [2**64, -(2**70), 10**299])
def test_integers_past_64_bits_are_kept_exact_by_every_way(number: int) -> None:
    content = {"n": number}
    event = decoded(msgspec.json.encode({"type": "page", "name": "p", "userId": "u", "properties": content}))
    context = decoded(
        msgspec.json.encode(
            {"type": "identify", "userId": "u", "traits": content, "context": {"traits": {"m": number}}}
        )
    )
    group = decoded(msgspec.json.encode({"type": "group", "groupId": "g", "userId": "u", "traits": content}))
    [page], [profile], [member] = event.arrivals, context.arrivals, group.arrivals
    assert isinstance(page, Event)
    assert isinstance(profile, Profile)
    assert isinstance(member, Profile)
    assert decode(page.properties)["n"] == number
    assert decode(profile.traits) == {"n": number, "m": number}
    assert decode(member.traits)["group"]["n"] == number
