"""What is told, as values. All instants are ms; in texts they are ISO 8601, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from engine.core.events import Millis, Scalar
from engine.core.timeline import Recorded
from engine.language.durations import format_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000
"""The last instant that a calendar date can be told of."""

_SECOND = 1_000


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a condition: how it stood at an instant, and what it lacked."""

    text: str
    """As a shop would write it."""
    kind: str
    holds: bool | None = None
    """Of a state, whether it was true."""
    occurred: bool | None = None
    """Of a moment, whether it had happened by then."""
    said: str = ""
    """How it stood, in words, with the values."""
    needs: str = ""
    """What would have to come."""
    waits: Millis | None = None
    """By itself it happens at this instant, unless something comes between."""
    values: dict[str, Any] = {}
    parts: list["Part"] = []

    @property
    def is_met(self) -> bool:
        """Whether nothing is lacking."""
        return bool(self.holds if self.occurred is None else self.occurred)


class Occurred(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole `when` happened."""

    at: Millis
    event: dict[str, Any] | None = None
    """That brought it about; None where time alone did."""
    held: str = ""
    """What kept the trigger from firing: `cooldown`, `once`, `rollout`, `segment`, `if`, `new`, or `unrecorded`."""
    said: str = ""


class Fired(msgspec.Struct, frozen=True, omit_defaults=True):
    """The trigger fired."""

    at: Millis
    said: str
    id: str = ""
    """Empty where no firing is remembered: it is told from the timeline."""
    per: Scalar | None = None
    variant: str = ""
    event: dict[str, Any] | None = None
    when: Part | None = None
    """How its `when` stood at that step."""
    condition: Part | None = None
    """How its `if` stood."""


class Watched(msgspec.Struct, frozen=True, omit_defaults=True):
    """One watch of a trigger: of the whole timeline, or of one value of its `per`."""

    status: str
    """`fired`, `held back`, `waiting`, `not yet`."""
    said: str
    when: Part
    per: Scalar | None = None
    condition: Part | None = None
    gates: list[Part] = []
    """What else must let it fire: `cooldown`, `reentry`, `rollout`, a segment, `mode`."""
    firings: list[Fired] = []
    """Newest first."""
    occurrences: list[Occurred] = []
    """Those that did not fire, newest first."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a trigger did, or did not, fire by an instant."""

    trigger: str
    at: Millis
    when: str
    """As written."""
    condition: str = ""
    place: str = ""
    """File and line."""
    per: str = ""
    """The property, if it watches values."""
    watches: list[Watched] = []
    others: int = 0
    """How many values are not told of."""
    notes: list[str] = []


def iso(at: Millis) -> str:
    """An instant for people: ISO 8601, UTC, with milliseconds where there are any."""
    found = _EPOCH + timedelta(milliseconds=max(0, min(at, _LATEST)))
    precision = "milliseconds" if at % _SECOND else "seconds"
    return found.isoformat(timespec=precision).replace("+00:00", "Z")


def span(duration: Millis) -> str:
    """How long."""
    return format_duration(duration)


def named(record: Recorded) -> str:
    """An event, by its name and when it happened."""
    return f"`{record.name}` of {iso(record.ts)}"


def several(number: int, what: str) -> str:
    """`1 event`, `3 events`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
