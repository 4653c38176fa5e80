import msgspec
import pytest

from adapters.sources.envelope import BadEnvelope, Form, read_batch, read_frame
from adapters.sources.segment import EVENT_LIMIT, Decoded, Kind, decode_calls
from engine.core.events import NOTHING, decode
from engine.runtime.arrivals import Alias, Arrival, Event, Profile

NOW = 1_700_000_000_000


def one(call: object, kind: Kind | None = None, form: Form = "json") -> Arrival:
    decoded = several([call], kind, form)
    assert not decoded.rejected, decoded.rejected
    return decoded.arrivals[0]


def several(calls: list[object], kind: Kind | None = None, form: Form = "json") -> Decoded:
    encode = msgspec.json.encode if form == "json" else msgspec.msgpack.encode
    return decode_calls([encode(call) for call in calls], NOW, form=form, kind=kind)


def reason(call: object, kind: Kind | None = None) -> str:
    decoded = several([call], kind)
    assert not decoded.arrivals
    return decoded.rejected[0].reason


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_a_track_call_is_an_event_with_its_properties_raw(form: Form) -> None:
    call = {"type": "track", "userId": "u", "event": "Seen", "messageId": "m", "properties": {"price": 2}}
    event = one(call, form=form)
    assert isinstance(event, Event)
    assert (event.user_id, event.anonymous_id, event.name, event.message_id) == ("u", None, "Seen", "m")
    assert decode(event.properties) == {"price": 2}
    assert event.ts is None


@pytest.mark.parametrize("absent", [None, ""])
def test_null_and_empty_ids_are_as_absent(absent: str | None) -> None:
    event = one({"type": "track", "userId": absent, "anonymousId": "a", "event": "Seen"})
    assert isinstance(event, Event)
    assert (event.user_id, event.anonymous_id) == (None, "a")


def test_numeric_ids_are_their_digits() -> None:
    event = one({"type": "track", "userId": 788032119674292922, "event": "Seen"})
    assert isinstance(event, Event)
    assert event.user_id == "788032119674292922"


@pytest.mark.parametrize(
    ("stamp", "millis"),
    [
        ("2023-11-14T22:13:20.5Z", NOW + 500),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14T22:13:20.123456", NOW + 123),
        (NOW + 7, NOW + 7),
    ],
)
def test_a_timestamp_is_iso_text_or_milliseconds(stamp: str | int, millis: int) -> None:
    event = one({"type": "track", "userId": "u", "event": "Seen", "timestamp": stamp})
    assert isinstance(event, Event)
    assert event.ts == millis


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
def test_a_client_whose_clock_is_wrong_is_corrected_by_when_it_sent(field: str) -> None:
    call = {"type": "track", "userId": "u", "event": "Seen", field: 5_000, "sentAt": 8_000}
    event = one(call)
    assert isinstance(event, Event)
    assert event.ts == NOW - 3_000


def test_the_batch_says_when_it_was_sent_for_all_in_it() -> None:
    batch = read_batch(b'{"sentAt": 8000, "batch": [{"type":"track","userId":"u","event":"e","timestamp": 5000}]}')
    event = decode_calls(batch.batch, NOW, batch=batch).arrivals[0]
    assert isinstance(event, Event)
    assert event.ts == NOW - 3_000


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_a_page_is_an_event_with_name_and_category_as_properties(kind: Kind) -> None:
    event = one({"userId": "u", "name": "Home", "category": "Shop", "properties": {"url": "/"}}, kind)
    assert isinstance(event, Event)
    assert event.name == kind
    assert decode(event.properties) == {"name": "Home", "category": "Shop", "url": "/"}


def test_an_identify_call_links_and_its_traits_may_stand_in_the_context() -> None:
    call = {
        "type": "identify",
        "userId": "u",
        "anonymousId": "a",
        "traits": {"plan": "pro"},
        "context": {"traits": {"plan": "free", "email": "e"}},
    }
    profile = one(call)
    assert isinstance(profile, Profile)
    assert profile.links
    assert decode(profile.traits) == {"plan": "pro", "email": "e"}


def test_the_context_of_a_batch_counts_for_its_events() -> None:
    batch = read_batch(b'{"context":{"traits":{"plan":"vip"}},"batch":[{"type":"identify","userId":"u"}]}')
    profile = decode_calls(batch.batch, NOW, batch=batch).arrivals[0]
    assert isinstance(profile, Profile)
    assert decode(profile.traits) == {"plan": "vip"}


def test_a_group_call_is_the_trait_group_and_links_nothing() -> None:
    profile = one({"type": "group", "userId": "u", "anonymousId": "a", "groupId": "g", "traits": {"seats": 3}})
    assert isinstance(profile, Profile)
    assert not profile.links
    assert decode(profile.traits) == {"group": {"id": "g", "seats": 3}}


def test_an_alias_call_names_the_previous_id_or_the_anonymous_one() -> None:
    expected = Alias(previous_id="a", user_id="u")
    assert one({"type": "alias", "userId": "u", "previousId": "a"}) == expected
    assert one({"type": "alias", "userId": "u", "anonymousId": "a"}) == expected


def test_null_properties_are_none() -> None:
    event = one({"type": "track", "userId": "u", "event": "Seen", "properties": None})
    assert isinstance(event, Event)
    assert event.properties == NOTHING


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"type": "track", "event": "e"}, "a call needs a `userId` or an `anonymousId`"),
        ({"type": "track", "userId": "u"}, "a track call needs the name of its `event`"),
        ({"type": "track", "userId": "u", "event": "e", "timestamp": "yesterday"}, "`timestamp` is not ISO 8601"),
        ({"type": "track", "userId": "u", "event": "e", "timestamp": -5}, "`timestamp` lies outside"),
        ({"type": "track", "userId": "u", "event": "e", "properties": [1]}, "`properties` must be an object"),
        ({"type": "track", "userId": ["u"], "event": "e"}, "$.userId"),
        ({"type": "identify", "userId": "u", "traits": "none"}, "`traits` must be an object"),
        ({"type": "alias", "userId": "u"}, "an alias call needs"),
        ({"type": "group", "userId": "u"}, "a group call needs a `groupId`"),
        ({"type": "trakc", "userId": "u"}, "`type` must be one of track, identify"),
        ({"userId": "u"}, "`type` must be one of"),
        (["track"], "Expected `object`, got `array`"),
        ({"type": "track", "userId": "u", "event": "e", "properties": {"x": "x" * EVENT_LIMIT}}, "at most 32768"),
    ],
)
def test_a_bad_event_is_refused_with_the_reason(call: object, said: str) -> None:
    assert said in reason(call)


def test_the_neighbours_of_a_bad_event_are_taken_and_it_is_named() -> None:
    good = {"type": "track", "userId": "u", "event": "e"}
    decoded = several([good, good | {"messageId": "m7", "event": 5}, good])
    assert len(decoded.arrivals) == 2
    assert [(each.index, each.message_id) for each in decoded.rejected] == [(1, "m7")]


@pytest.mark.parametrize("raw", [b"\x81\x01\x02", b"\x81\xa1\xff\x01", b"\xc1"])
def test_msgpack_that_is_no_event_is_refused(raw: bytes) -> None:
    call = b"\x84\xa4type\xa5track\xa6userId\xa1u\xa5event\xa1e\xaaproperties" + raw
    assert len(decode_calls([call], NOW, form="msgpack").rejected) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"batch": {}}', b'{"batch": ["\xff"]}', b"[" * 100_000])
def test_a_body_that_is_no_batch_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        read_batch(body)


def test_a_frame_is_one_event_or_a_list_of_them() -> None:
    assert len(read_frame(b'{"type": "track"}', "json")) == 1
    assert len(read_frame(b"[{}, {}, {}]", "json")) == 3
    assert len(read_frame(b"\x92\x80\x80", "msgpack")) == 2
