"""Random conditions over few event names, biased towards such as do happen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from tests.reference.terms import (
    ANY,
    And,
    Becomes,
    BothWhere,
    Choice,
    Compare,
    Contains,
    Count,
    Either,
    EitherWhere,
    Exists,
    Fold,
    For,
    Happens,
    InSegment,
    Last,
    Literal,
    Moment,
    Not,
    NotWhere,
    On,
    OneOf,
    Or,
    Path,
    Profile,
    Rules,
    Seen,
    Selector,
    Span,
    State,
    Then,
    ThenNo,
    Trigger,
    Where,
    While,
)

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SPANS = (30 * MINUTE, HOUR, HOUR, 90 * MINUTE, 2 * HOUR, 3 * HOUR)
NAMES = ("view", "view", "add", "add", "order", "Order Completed", "page", "Email Opened")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def terms_in(term: Any) -> Iterator[Any]:
    """Give a condition and everything in it."""
    yield term
    for part in term if isinstance(term, tuple) else vars(term).values() if hasattr(term, "__dict__") else ():
        yield from terms_in(part)


def names_in(term: Any) -> set[str]:
    """Give the event names that a condition speaks of."""
    return {part.name for part in terms_in(term) if isinstance(part, Choice) and part.name}


class Conditions:
    """Random conditions over few event names, so that they meet. `depth` bounds how deeply forms nest."""

    def __init__(self, random: Random, segments: tuple[str, ...] = ()) -> None:
        self.random = random
        self.segments = segments
        self.names = random.choices(NAMES, k=3)

    def span(self) -> int:
        return self.random.choice(SPANS)

    def window(self) -> int | None:
        return None if self.random.random() < 0.15 else self.span()

    def scalar(self) -> Literal:
        return self.random.choice((5, 10, 10.0, 20, 0.3, -1, 1, True, False, "a", "b", "20", "vip"))

    def comparison(self, path: Path) -> Compare:
        value: Literal = self.scalar()
        if path == ("time_spent",):
            value = Span(self.random.choice((30_000, 30_500, 90 * MINUTE)))
        ops = COMPARISONS[:2] if isinstance(value, bool) else COMPARISONS
        return Compare(path, self.random.choice(ops), value)

    def where(self, paths: tuple[Path, ...], depth: int = 1) -> Where:
        random, path = self.random, self.random.choice(paths)
        roll = random.random()
        if depth and roll < 0.15:
            return NotWhere(self.where(paths, depth - 1))
        if depth and roll < 0.3:
            return BothWhere(self.where(paths, depth - 1), self.where(paths, depth - 1))
        if depth and roll < 0.45:
            return EitherWhere(self.where(paths, depth - 1), self.where(paths, depth - 1))
        if roll < 0.6:
            return Exists(path)
        if roll < 0.68:
            return OneOf(path, tuple(self.scalar() for _ in range(random.randint(1, 3))))
        if roll < 0.76:
            return Contains(path, random.choice(("a", "b", 1, True)))
        return self.comparison(path)

    def choice(self) -> Choice:
        name = None if self.random.random() < 0.08 else self.random.choice(self.names)
        paths: tuple[Path, ...] = (("price",), ("cat",), ("tags",), ("time_spent",), ("cart", "total"))
        return Choice(name, self.where(paths) if self.random.random() < 0.15 else None)

    def selector(self) -> Selector:
        roll = self.random.random()
        if roll < 0.05:
            return tuple(ANY)
        return tuple(self.choice() for _ in range(2 if roll < 0.2 else 1))

    def test(self, paths: tuple[Path, ...]) -> Where:
        """Give a comparison of one path, as `last` and `profile` take it."""
        path, roll = self.random.choice(paths), self.random.random()
        if roll < 0.1:
            return OneOf(path, (self.scalar(), self.scalar()))
        if roll < 0.2:
            return Contains(path, self.random.choice(("a", "b", 1)))
        return self.comparison(path)

    def counted(self) -> Count:
        op = self.random.choice((">=", ">=", ">", *COMPARISONS))
        return Count(self.selector(), op, self.random.choice((0, 1, 2, 2, 3)), self.window())

    def folded(self) -> Fold:
        kind = self.random.choice(("sum", "avg", "min", "max", "distinct"))
        values = (0, 1, 2, 3) if kind == "distinct" else (0, 0.3, 10, 10.1, 15, 20.3, 30)
        path: Path = self.random.choice((("price",), ("price",), ("cat",), ("cart", "total")))
        op, value = self.random.choice((*COMPARISONS, ">", ">=")), self.random.choice(values)
        return Fold(kind, self.selector(), path, op, value, self.window())

    def profile(self) -> Profile:
        paths: tuple[Path, ...] = (("plan",), ("age",), ("home", "city"), ("tags",), ("group", "id"))
        if self.random.random() < 0.3:
            return Profile(Exists(self.random.choice(paths)))
        return Profile(self.test(paths))

    def state(self, depth: int = 2) -> State:
        roll = self.random.random()
        if depth and roll < 0.15:
            return Not(self.state(depth - 1))
        if depth and roll < 0.3:
            return And(self.state(depth - 1), self.state(depth - 1))
        if depth and roll < 0.4:
            return Or(self.state(depth - 1), self.state(depth - 1))
        if self.segments and roll < 0.48:
            return InSegment(self.random.choice(self.segments))
        makers: tuple[Callable[[], State], ...] = (
            self.seen,
            self.seen,
            self.counted,
            self.folded,
            self.last,
            self.profile,
        )
        return self.random.choice(makers)()

    def seen(self) -> Seen:
        return Seen(self.selector(), self.window())

    def last(self) -> Last:
        return Last(self.selector(), self.test((("price",), ("cat",), ("tags",))), self.window())

    def moment(self, depth: int = 3) -> Moment:
        roll = self.random.random()
        if depth == 0 or roll < 0.08:
            return Happens(self.selector())
        if roll < 0.3:
            without = self.selector() if self.random.random() < 0.3 else None
            return Then(self.first(depth), self.selector(), without, self.window())
        if roll < 0.52:
            return ThenNo(self.first(depth), self.selector(), self.span())
        if roll < 0.6:
            return For(self.state(), self.span())
        if roll < 0.7:
            state = self.state()
            names = sorted(names_in(state))
            return On(state, (Choice(self.random.choice(names)),) if names else self.selector())
        if roll < 0.78:
            return Becomes(self.state())
        if roll < 0.9:
            return self.either(depth)
        return While(self.happening(depth - 1), self.state(1))

    def first(self, depth: int) -> Moment:
        """Give what a chain begins with: often just an event."""
        return Happens(self.selector()) if self.random.random() < 0.4 else self.moment(depth - 1)

    def happening(self, depth: int) -> Moment:
        """Give a moment that is not a whole state, which beside another state would read as a state."""
        found = self.moment(depth)
        return Happens(self.selector()) if isinstance(found, Becomes) else found

    def either(self, depth: int) -> Moment:
        left, right = self.moment(depth - 1), self.happening(depth - 1)
        if isinstance(left, Happens) and isinstance(right, Happens):
            return Happens(left.selector + right.selector)
        return Either(left, right)

    def trigger(self, name: str) -> Trigger:
        random = self.random
        return Trigger(
            name,
            self.moment(),
            per=random.choice((("item",), ("item",), ("cart", "id"))) if random.random() < 0.25 else None,
            condition=self.state(1) if random.random() < 0.15 else None,
            cooldown=self.span() if random.random() < 0.2 else None,
            priority=random.choice((0, 0, 1, -1)),
        )


def rules(random: Random, short: bool) -> Rules:
    """Give one or two triggers and at times a segment; `short` says that events will be forgotten on the way."""
    segments = {"s1": Conditions(random).state(1)} if random.random() < 0.15 else {}
    conditions = Conditions(random, tuple(segments))
    names = random.choice((("t1",), ("t1",), ("b", "a")))
    triggers = tuple(conditions.trigger(name) for name in names)
    return Rules(tuple(map(without_values, triggers)) if short else triggers, segments)


def without_values(trigger: Trigger) -> Trigger:
    """Watch no values where something else than their events could make a forgotten one fire."""
    outside = any(isinstance(part, Profile | InSegment) for part in terms_in(trigger.when))
    return replace(trigger, per=None) if outside else trigger
