"""Selectors and states of the reference: is it so, given these events and traits, at this instant?"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.reference.terms import (
    And,
    BothWhere,
    Choice,
    Compare,
    Contains,
    Count,
    EitherWhere,
    Exists,
    Fold,
    InSegment,
    Last,
    Literal,
    Not,
    NotWhere,
    OneOf,
    Or,
    Path,
    Profile,
    Seen,
    Selector,
    Span,
    State,
    Where,
)

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

FEEDBACK = {
    "Email Delivered",
    "Email Opened",
    "Email Link Clicked",
    "Email Bounced",
    "Email Marked as Spam",
    "Unsubscribed",
}


@dataclass(frozen=True)
class Event:
    """One event of a timeline; `place` is where it stands in it."""

    seq: int
    name: str
    ts: int
    properties: Mapping[str, Any]
    history: bool
    taken: dict[int, bool] = field(default_factory=dict, compare=False)
    """What `takes` found before, by the selector's id: nothing but speed."""

    @property
    def place(self) -> tuple[int, float]:
        return (self.ts, self.seq)


@dataclass(frozen=True)
class World:
    """What a state is asked about: all that is known at `now`."""

    now: int
    events: Sequence[Event]
    profile: Mapping[str, Any]
    segments: Mapping[str, bool]
    retention: int


def kind(value: Any) -> str | None:
    """Tell the scalar types of the language apart; None is no scalar."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Span):
        return "number"
    return "string" if isinstance(value, str) else None


def exact(value: Any) -> Any:
    """Give a number the value that is written in decimal."""
    if isinstance(value, Span):
        return Fraction(value.ms, 1000)
    return Fraction(str(value)) if kind(value) == "number" else value


def identity(value: Any) -> tuple[str | None, Any]:
    """Make equal what the language holds for equal: 1 and 1.0, not 1 and true."""
    return (kind(value), exact(value))


def compares(value: Any, op: str, literal: Literal) -> bool:
    return kind(value) == kind(literal) and OPERATORS[op](exact(value), exact(literal))


def reach(values: Any, path: Path) -> Any:
    """Follow the path into objects; what is missing is None."""
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def contains(whole: Any, part: Literal) -> bool:
    if isinstance(whole, str):
        return isinstance(part, str) and part in whole
    return isinstance(whole, list) and any(compares(one, "==", part) for one in whole)


def fits(where: Where, values: Mapping[str, Any]) -> bool:
    match where:
        case Compare(path, op, literal):
            return compares(reach(values, path), op, literal)
        case OneOf(path, literals):
            return any(compares(reach(values, path), "==", literal) for literal in literals)
        case Contains(path, literal):
            return contains(reach(values, path), literal)
        case Exists(path):
            return reach(values, path) is not None
        case NotWhere(part):
            return not fits(part, values)
        case BothWhere(left, right):
            return fits(left, values) and fits(right, values)
        case EitherWhere(left, right):
            return fits(left, values) or fits(right, values)


def chooses(choice: Choice, event: Event) -> bool:
    named = event.name not in FEEDBACK if choice.name is None else event.name == choice.name
    return named and (choice.where is None or fits(choice.where, event.properties))


def takes(selector: Selector, event: Event) -> bool:
    known = event.taken.get(id(selector))
    if known is None:
        known = event.taken[id(selector)] = any(chooses(choice, event) for choice in selector)
    return known


def holds(state: State, world: World) -> bool:
    match state:
        case Not(part):
            return not holds(part, world)
        case And(left, right):
            return holds(left, world) and holds(right, world)
        case Or(left, right):
            return holds(left, world) or holds(right, world)
        case Profile(test):
            return fits(test, world.profile)
        case InSegment(name):
            return world.segments[name]
    return holds_of_window(state, window(state.selector, state.within, world))


def window(selector: Selector, within: int | None, world: World) -> list[Event]:
    """Give the matching events of `(now - within, now]`, in the timeline's order."""
    edge = world.now - (world.retention if within is None else within)
    return [event for event in world.events if edge < event.ts <= world.now and takes(selector, event)]


def holds_of_window(state: Seen | Count | Fold | Last, events: Sequence[Event]) -> bool:
    match state:
        case Seen():
            return bool(events)
        case Count(_, op, value):
            return compares(len(events), op, value)
        case Last(_, test):
            return bool(events) and fits(test, events[-1].properties)
        case Fold(name, _, path, op, value):
            folded = fold(name, [reach(event.properties, path) for event in events])
            return folded is not None and OPERATORS[op](folded, exact(value))


def fold(name: str, values: Sequence[Any]) -> Fraction | None:
    """Aggregate values, exactly; None over no numbers, where it compares false."""
    if name == "distinct":
        return Fraction(len({identity(value) for value in values if kind(value)}))
    numbers: list[Fraction] = [exact(value) for value in values if kind(value) == "number"]
    if name == "sum":
        return sum(numbers, Fraction())
    if not numbers:
        return None
    return {"avg": sum(numbers, Fraction()) / len(numbers), "min": min(numbers), "max": max(numbers)}[name]
