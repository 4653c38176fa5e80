"""The language as plain values, for the reference: what a trigger says, without a word on how to compute it.

Spans are integer milliseconds; a `within` of None means the retention.
"""

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """A duration where a filter wants a number: it stands for its seconds."""

    ms: int


Literal = bool | int | float | str | Span


# Filters


@dataclass(frozen=True)
class Compare:
    path: Path
    op: str
    value: Literal


@dataclass(frozen=True)
class OneOf:
    path: Path
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Contains:
    path: Path
    value: Literal


@dataclass(frozen=True)
class Exists:
    path: Path


@dataclass(frozen=True)
class NotWhere:
    part: "Where"


@dataclass(frozen=True)
class BothWhere:
    left: "Where"
    right: "Where"


@dataclass(frozen=True)
class EitherWhere:
    left: "Where"
    right: "Where"


Where = Compare | OneOf | Contains | Exists | NotWhere | BothWhere | EitherWhere


@dataclass(frozen=True)
class Choice:
    """One event name with its filter; a name of None is `any`."""

    name: str | None
    where: Where | None = None


Selector = tuple[Choice, ...]


# States


@dataclass(frozen=True)
class Seen:
    selector: Selector
    within: int | None = None


@dataclass(frozen=True)
class Count:
    selector: Selector
    op: str
    value: int | float
    within: int | None = None


@dataclass(frozen=True)
class Fold:
    """`sum`, `avg`, `min`, `max` or `distinct` of a property."""

    kind: str
    selector: Selector
    path: Path
    op: str
    value: int | float
    within: int | None = None


@dataclass(frozen=True)
class Last:
    """`test` speaks of the properties of the latest event."""

    selector: Selector
    test: Where
    within: int | None = None


@dataclass(frozen=True)
class Profile:
    """`test` speaks of the traits."""

    test: Where


@dataclass(frozen=True)
class InSegment:
    name: str


@dataclass(frozen=True)
class Not:
    part: "State"


@dataclass(frozen=True)
class And:
    left: "State"
    right: "State"


@dataclass(frozen=True)
class Or:
    left: "State"
    right: "State"


State = Seen | Count | Fold | Last | Profile | InSegment | Not | And | Or
STATES = (Seen, Count, Fold, Last, Profile, InSegment, Not, And, Or)


# Moments


@dataclass(frozen=True)
class Happens:
    selector: Selector


@dataclass(frozen=True)
class Then:
    first: "Moment"
    then: Selector
    without: Selector | None = None
    within: int | None = None


@dataclass(frozen=True)
class ThenNo:
    first: "Moment"
    absent: Selector
    within: int


@dataclass(frozen=True)
class For:
    state: State
    span: int


@dataclass(frozen=True)
class On:
    state: State
    selector: Selector


@dataclass(frozen=True)
class Becomes:
    """A state where a moment is wanted."""

    state: State


@dataclass(frozen=True)
class Either:
    left: "Moment"
    right: "Moment"


@dataclass(frozen=True)
class While:
    """`M and S`."""

    moment: "Moment"
    state: State


Moment = Happens | Then | ThenNo | For | On | Becomes | Either | While

ANY: Selector = (Choice(None),)


def inactive(span: int) -> ThenNo:
    """Spell `inactive for D` out, as the language defines it."""
    return ThenNo(Happens(ANY), ANY, span)


# Trigger files and cases


@dataclass(frozen=True)
class Trigger:
    name: str
    when: Moment
    per: Path | None = None
    condition: State | None = None
    cooldown: int | None = None
    priority: int = 0


@dataclass(frozen=True)
class Rules:
    """A trigger file. A segment may be used by the ones after it."""

    triggers: tuple[Trigger, ...]
    segments: dict[str, State] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Everything that one comparison needs."""

    rules: Rules
    inputs: tuple[dict[str, Any], ...]
    until: int | None = None
    history_after: int = 24 * 3_600_000
    retention: int = 90 * 24 * 3_600_000
