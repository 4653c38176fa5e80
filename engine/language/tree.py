"""The syntax tree of a condition: typed, immutable, and already told apart into moments and states.

Spans are integer milliseconds; a `within` of None means the retention. Equality ignores where in the text a node stood.
"""

from dataclasses import dataclass
from typing import Literal

Scalar = bool | int | float | str
Path = tuple[str, ...]
Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
Fold = Literal["sum", "avg", "min", "max", "distinct"]
Mode = Literal["live", "shadow", "off"]
"""Of a trigger: it sends; it decides and sends nothing; it does not fire."""


# What is asked of properties and traits ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compare:
    """`price > 20`."""

    path: Path
    op: Comparison
    value: Scalar


@dataclass(frozen=True, slots=True)
class OneOf:
    """`cat in ["a", "b"]`."""

    path: Path
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """`tags contains "new"`: a substring of a string, a member of a list."""

    path: Path
    value: Scalar


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists(email)`: there and not null."""

    path: Path


@dataclass(frozen=True, slots=True)
class NotWhere:
    """`not price > 20`."""

    part: "Where"


@dataclass(frozen=True, slots=True)
class AllWhere:
    """`a and b`."""

    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class AnyWhere:
    """`a or b`."""

    parts: tuple["Where", ...]


Where = Compare | OneOf | Contains | Exists | NotWhere | AllWhere | AnyWhere


# Event selectors ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """`view[price > 20]`; a name of None is `any`."""

    name: str | None
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """`(view or click)`: an event that one of the choices takes."""

    choices: tuple[Choice, ...]


# States ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """`seen(E) within D`."""

    selector: Selector
    within: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """`count(E) >= 3 within D`."""

    selector: Selector
    op: Comparison
    value: int | float
    within: int | None


@dataclass(frozen=True, slots=True)
class Folded:
    """`sum(E.prop) > 100 within D`, and `avg`, `min`, `max`, `distinct`."""

    fold: Fold
    selector: Selector
    path: Path
    op: Comparison
    value: int | float
    within: int | None


@dataclass(frozen=True, slots=True)
class Last:
    """`last(E).prop > 15 within D`; `test` speaks of the properties of the latest matching event."""

    selector: Selector
    test: Where
    within: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """`profile.plan == "vip"`, `exists(profile.email)`; the paths in `test` start below `profile`."""

    test: Where


@dataclass(frozen=True, slots=True)
class InSegment:
    """`in segment "high-value"`."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """`not S`."""

    part: "State"


@dataclass(frozen=True, slots=True)
class And:
    """`S and S`."""

    left: "State"
    right: "State"


@dataclass(frozen=True, slots=True)
class Or:
    """`S or S`."""

    left: "State"
    right: "State"


State = Seen | Count | Folded | Last | Profile | InSegment | Not | And | Or


# Moments --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happens:
    """`E`: at each matching event."""

    selector: Selector


@dataclass(frozen=True, slots=True)
class Then:
    """`M then E [without X] within D`."""

    first: "Moment"
    then: Selector
    without: Selector | None
    within: int | None


@dataclass(frozen=True, slots=True)
class ThenNo:
    """`M then no E within D`; `inactive for D` is `any then no any within D`."""

    first: "Moment"
    absent: Selector
    within: int


@dataclass(frozen=True, slots=True)
class For:
    """`S for D`."""

    state: State
    span: int


@dataclass(frozen=True, slots=True)
class On:
    """`S on E`."""

    state: State
    selector: Selector


@dataclass(frozen=True, slots=True)
class Becomes:
    """A state where a moment is wanted: the steps at which it becomes true."""

    state: State


@dataclass(frozen=True, slots=True)
class Either:
    """`M or M`."""

    left: "Moment"
    right: "Moment"


@dataclass(frozen=True, slots=True)
class While:
    """`M and S`, in either order."""

    moment: "Moment"
    state: State


Moment = Happens | Then | ThenNo | For | On | Becomes | Either | While


# A trigger file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Messages that are due some time after the firing, in ms, and the state that must hold then."""

    messages: tuple[str, ...]
    after: int = 0
    condition: State | None = None
    condition_text: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a share of the people gets in place of what the trigger says; None where it says nothing else."""

    name: str
    weight: float
    """In proportion to the others'."""
    when: Moment | None = None
    when_text: str = ""
    steps: tuple[Step, ...] | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a trigger is to bring about."""

    selector: Selector
    within: int
    revenue: Path | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger, checked. `when_text` and `condition_text` are as written."""

    name: str
    when: Moment
    when_text: str
    per: Path | None = None
    condition: State | None = None
    condition_text: str = ""
    cooldown: int | None = None
    expires: int | None = None
    priority: float = 0
    backfill: bool = False
    steps: tuple[Step, ...] = ()
    once: bool = False
    otherwise: bool = False
    variants: tuple[Variant, ...] = ()
    goal: Goal | None = None
    until: Moment | None = None
    until_text: str = ""
    exclusive: str = ""
    holdout: float = 0.0
    rollout: float = 1.0
    rollout_segment: str = ""
    mode: Mode = "live"
    objective: str = ""
    owner: str = ""
    reason: str = ""
    file: str = ""
    line: int = 0

    @property
    def messages(self) -> frozenset[str]:
        """All that it may send, to anybody."""
        plans = [self.steps, *(variant.steps or () for variant in self.variants)]
        return frozenset(message for steps in plans for step in steps for message in step.messages)


@dataclass(frozen=True, slots=True)
class Segment:
    """A named state, or, without one, a list kept from outside."""

    name: str
    state: State | None
