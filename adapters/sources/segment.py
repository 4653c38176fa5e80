"""The Segment form of a call, decoded: the one decoder behind every way in.

The envelope is split first and each call in it decoded by itself, so that a bad one is answered for and its neighbours
are taken. `timestamp` is corrected for a client's wrong clock where the client says when it sent it: what counts is how
long before the sending it happened. JSON and msgpack are read alike.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

from adapters.sources.envelope import CODECS, NONE, Batch, Context, Form
from adapters.sources.instants import BadInstant, instant
from adapters.sources.objects import read_object
from engine.core.calls import group_traits, visit_properties
from engine.core.events import NOTHING, Millis, decode
from engine.runtime.arrivals import Alias, Arrival, Choice, Event, Profile

EVENT_LIMIT = 32 * 1024
"""Bytes of one event, as Segment has it."""

_NOTHING_SAID: tuple[Any, ...] = (None, {})
_MOST_CATEGORIES, _LONGEST_CATEGORY = 50, 100

Check = Callable[[str, bytes], None]
"""Looks at an event's name and raw properties; it raises ValueError, and the text says why, where it is not taken."""

Kind = Literal["track", "identify", "page", "screen", "alias", "group"]
Id = str | int | None


class Rejection(msgspec.Struct, frozen=True, rename="camel"):
    """One event that was not taken, and why."""

    index: int | None
    message_id: str | None
    reason: str


class Decoded(NamedTuple):
    """What became of the events of one request or frame."""

    arrivals: list[Arrival]
    """Of each call what it says and, before it, what it is stamped with."""
    rejected: list[Rejection]
    stamps: int = 0
    """How many of the arrivals are only stamps of others."""

    @property
    def accepted(self) -> int:
        """How many calls were taken."""
        return len(self.arrivals) - self.stamps

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.accepted + len(self.rejected)


class Call(msgspec.Struct, rename="camel"):
    """One call. What is not asked for here is not looked at."""

    type: str | None = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    message_id: Id = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    timestamp: str | int | float | None = None
    original_timestamp: str | int | float | None = None
    sent_at: str | int | float | None = None
    properties: msgspec.Raw = NONE
    traits: msgspec.Raw = NONE
    context: Context | None = None


class _Named(msgspec.Struct, rename="camel"):
    """As much of a bad event as its answer needs."""

    message_id: Any = None


_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadInstant, ValueError, OverflowError)


def decode_calls(
    calls: Sequence[bytes | msgspec.Raw],
    received: Millis,
    *,
    form: Form = "json",
    kind: Kind | None = None,
    batch: Batch | None = None,
    shape: Callable[[bytes], bytes] = bytes,
    check: Check | None = None,
) -> Decoded:
    """Decode calls received together; where `kind` is None each says its `type` itself.

    `shape` makes a call of what came in, where that is something else, and `check` looks at each event; both fail as
    decoding does.
    """
    decoder = _Decoder(received, form, kind, batch, check)
    arrivals: list[Arrival] = []
    rejected: list[Rejection] = []
    stamps = 0
    for index, call in enumerate(calls):
        raw = bytes(call)
        try:
            raw = shape(raw)
            found = decoder.read(raw)
            arrival, stamped = decoder.make(found), decoder.stamps(found)
            arrivals += (*stamped, arrival)
            stamps += len(stamped)
        except _FAULTS as fault:
            rejected.append(Rejection(index, _message_id(raw, form), str(fault)))
    return Decoded(arrivals, rejected, stamps)


def make_arrivals(calls: Sequence[Call], received: Millis, form: Form, check: Check | None = None) -> Decoded:
    """The same for calls that were read in one go, none of them bigger than is taken."""
    decoder = _Decoder(received, form, None, None, check)
    arrivals: list[Arrival] = []
    rejected: list[Rejection] = []
    stamps = 0
    for index, call in enumerate(calls):
        try:
            arrival = decoder.make(call)
            if call.context is not None:
                stamped = decoder.stamps(call)
                arrivals += stamped
                stamps += len(stamped)
            arrivals.append(arrival)
        except _FAULTS as fault:
            message_id = None if call.message_id is None else str(call.message_id)
            rejected.append(Rejection(index, message_id, str(fault)))
    return Decoded(arrivals, rejected, stamps)


class _Decoder:
    """Decodes the calls of one request or frame."""

    def __init__(
        self, received: Millis, form: Form, kind: Kind | None, batch: Batch | None, check: Check | None
    ) -> None:
        self._received = received
        self._check = check
        self._read, self._write = CODECS[form]
        self._kind = kind
        self._traits = NONE if batch is None or batch.context is None else batch.context.traits
        self._consent = None if batch is None or batch.context is None else batch.context.consent
        self._sent_at = None if batch is None else batch.sent_at

    def read(self, raw: bytes) -> Call:
        """One call.

        Raises:
            ValueError: it is too big, or of the wrong shape; the text says what.

        """
        if len(raw) > EVENT_LIMIT:
            raise ValueError(f"the event has {len(raw)} bytes; at most {EVENT_LIMIT} are taken")
        call: Call = self._read(raw, type=Call)
        return call

    def make(self, call: Call) -> Arrival:
        """What a call that was read says.

        Raises:
            ValueError: it lacks what it needs; the text says what.

        """
        kind = self._kind or call.type
        make = None if kind is None else _MAKERS.get(kind)
        if make is None:
            raise ValueError(f"`type` must be one of {', '.join(_MAKERS)}, not {call.type!r}")
        return make(self, call)

    def stamps(self, call: Call) -> list[Choice]:
        """What a consent manager says on a call of the person's preferences, by category.

        Raises:
            ValueError: it says so in another form than Segment's.

        """
        said = None if call.context is None else call.context.consent
        said = self._consent if said in _NOTHING_SAID else said
        if said in _NOTHING_SAID:
            return []
        categories = said.get("categoryPreferences") if isinstance(said, dict) else None
        if not isinstance(categories, dict) or not all(isinstance(each, bool) for each in categories.values()):
            raise ValueError("`context.consent.categoryPreferences` must be an object of true and false")
        user_id, anonymous_id = _ids(call)
        return [
            Choice(
                user_id=user_id,
                anonymous_id=anonymous_id,
                purpose=str(category)[:_LONGEST_CATEGORY],
                granted=granted,
                source="consent manager",
                stamped=True,
            )
            for category, granted in islice(categories.items(), _MOST_CATEGORIES)
        ]

    def track(self, call: Call) -> Event:
        """Something the user did."""
        if not call.event:
            raise ValueError("a track call needs the name of its `event`")
        return self._event(call, call.event, read_object(call.properties, "properties"))

    def page(self, call: Call) -> Event:
        """A page seen."""
        return self._visit(call, "page")

    def screen(self, call: Call) -> Event:
        """A screen seen."""
        return self._visit(call, "screen")

    def _visit(self, call: Call, name: str) -> Event:
        """A page or screen: an event of that name, with `name` and `category` as properties."""
        properties = read_object(call.properties, "properties")
        if call.name is not None or call.category is not None:
            properties = self._write(visit_properties(decode(properties), call.name, call.category))
        return self._event(call, name, properties)

    def _event(self, call: Call, name: str, properties: bytes) -> Event:
        user_id, anonymous_id = _ids(call)
        event = Event(
            user_id=user_id,
            anonymous_id=anonymous_id,
            message_id=text_of(call.message_id) or "",
            name=name,
            ts=self._happened(call),
            properties=properties,
        )
        if self._check is not None:  # last: what is rejected for another reason breaks no schema
            self._check(name, properties)
        return event

    def identify(self, call: Call) -> Profile:
        """Traits stand in `traits`, or, as some libraries send them, in the context."""
        traits = read_object(call.traits, "traits")
        aside = read_object(
            self._traits if call.context is None else call.context.traits or self._traits, "context.traits"
        )
        if aside is not NOTHING:
            traits = aside if traits is NOTHING else self._write(decode(aside) | decode(traits))
        return self._profile(call, traits, links=True)

    def group(self, call: Call) -> Profile:
        """The trait `group`: the group's traits and its `id`."""
        group_id = text_of(call.group_id)
        if group_id is None:
            raise ValueError("a group call needs a `groupId`")
        group = group_traits(decode(read_object(call.traits, "traits")), group_id)
        return self._profile(call, self._write(group), links=False)

    def _profile(self, call: Call, traits: bytes, *, links: bool) -> Profile:
        self._happened(call)
        user_id, anonymous_id = _ids(call)
        message_id = text_of(call.message_id) or ""
        return Profile(user_id=user_id, anonymous_id=anonymous_id, message_id=message_id, traits=traits, links=links)

    def alias(self, call: Call) -> Alias:
        """Two ids of one person."""
        self._happened(call)
        previous_id, user_id = text_of(call.previous_id) or text_of(call.anonymous_id), text_of(call.user_id)
        if previous_id is None or user_id is None:
            raise ValueError("an alias call needs a `userId`, and a `previousId` or `anonymousId`")
        return Alias(previous_id=previous_id, user_id=user_id, message_id=text_of(call.message_id) or "")

    def _happened(self, call: Call) -> Millis | None:
        """When it happened by the engine's clock; None where the call does not say."""
        stated = call.timestamp if call.timestamp is not None else call.original_timestamp
        if stated is None:
            return None
        happened = instant(stated, "timestamp")
        sent_at = call.sent_at if call.sent_at is not None else self._sent_at
        if sent_at is None:
            return happened
        return max(self._received - (instant(sent_at, "sentAt") - happened), 0)


_MAKERS: dict[str, Callable[[_Decoder, Call], Arrival]] = {
    "track": _Decoder.track,
    "identify": _Decoder.identify,
    "page": _Decoder.page,
    "screen": _Decoder.screen,
    "alias": _Decoder.alias,
    "group": _Decoder.group,
}


def _ids(call: Call) -> tuple[str | None, str | None]:
    user_id, anonymous_id = text_of(call.user_id), text_of(call.anonymous_id)
    if user_id is None and anonymous_id is None:
        raise ValueError("a call needs a `userId` or an `anonymousId`")
    return user_id, anonymous_id


def text_of(value: Id) -> str | None:
    """An id as text: numbers count as their digits, and null and empty ones as absent."""
    if type(value) is str:
        return value or None
    return None if value is None else str(value)


def _message_id(raw: bytes, form: Form) -> str | None:
    """The `messageId` of a bad event, for its answer, where it can be read at all."""
    try:
        found = CODECS[form][0](raw, type=_Named).message_id
        return str(found) if isinstance(found, str | int) else None
    except _FAULTS:
        return None
