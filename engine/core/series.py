"""What is kept of the events that a selector takes, each in the shape in which one question is answered by bisection.

All are fed event by event, in any order of time, and forget from the old end. Those that answer for one window let go
of what has left it when asked, which is safe because a user's time never goes back.

Sums are exact: a number means the decimal that was written (`0.1 + 0.2 == 0.3`), not its binary neighbour.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Protocol

from engine.core.events import INF, Millis
from engine.core.timeline import SHIFT, Place, after_all
from engine.core.where import Key, Properties, kind, scalar_key

EXACT = Context(prec=10_000)
"""Enough digits for any sum to be exact, of doubles and of the longest integers that are read; only those that are
needed are computed."""


def number(value: object) -> Decimal | None:
    """The number as it was written; None for what is not one."""
    if type(value) is int:
        return Decimal(value)
    return Decimal(repr(value)) if type(value) is float and math.isfinite(value) else None


class Series(Protocol):
    """Fed by the events of one selector."""

    def insert(self, place: Place, value: Any, history: bool) -> None:
        """Take an event; `value` is what the feed extracts from its properties."""

    def forget(self, before: Place) -> None:
        """Let go of what stands before that place."""


class Feed:
    """How events reach a series: its key in the scope, how it is made, and what it wants of the properties."""

    __slots__ = ("extract", "key", "make")

    def __init__(self, key: int, make: Callable[[], Series], extract: Callable[[Properties], Any] | None) -> None:
        self.key = key
        self.make = make
        self.extract = extract


_NONE: frozenset[Place] = frozenset()
_NEVER: Place = -(INF << SHIFT)
"""Before all others."""


class Places:
    """Where the events stand; those that were history when they came are marked."""

    __slots__ = ("history", "places")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.history: frozenset[Place] = _NONE

    def insert(self, place: Place, value: Any, history: bool) -> None:  # noqa: ARG002  one protocol for all series
        """Take an event."""
        if not self.places or self.places[-1] < place:
            self.places.append(place)
        else:
            insort(self.places, place)
        if history:
            self.history |= {place}

    def forget(self, before: Place) -> None:
        """Let go of what stands before that place."""
        del self.places[: bisect_left(self.places, before)]
        if self.history:
            self.history = frozenset(place for place in self.history if place >= before)


class Total:
    """Sum and number of the numeric values in a window of `span` ms."""

    __slots__ = ("_places", "_span", "_total", "_values")

    def __init__(self, span: Millis) -> None:
        self._span = span
        self._places: list[Place] = []
        self._values: list[Decimal] = []
        self._total = Decimal(0)

    def insert(self, place: Place, value: Any, history: bool) -> None:  # noqa: ARG002
        """Take an event; without a numeric value it does not count."""
        exact = number(value)
        if exact is not None:
            at = bisect_left(self._places, place)
            self._places.insert(at, place)
            self._values.insert(at, exact)
            self._total = EXACT.add(self._total, exact)

    def forget(self, before: Place) -> None:
        """Let go of what stands before that place."""
        cut = bisect_left(self._places, before)
        for value in self._values[:cut]:
            self._total = EXACT.subtract(self._total, value)
        del self._places[:cut], self._values[:cut]

    def at(self, t: Millis) -> tuple[Decimal, int, Place | None]:
        """Sum, number and oldest place of the window `(t - span, t]`."""
        self.forget(after_all(t - self._span))
        return self._total, len(self._places), self._places[0] if self._places else None


class Extreme:
    """Largest (`sign` 1) or smallest (`sign` -1) numeric value in a window of `span` ms.

    Only a staircase is kept: the events that no later one outdoes.
    """

    __slots__ = ("_places", "_sign", "_span", "_values")

    def __init__(self, span: Millis, sign: int) -> None:
        self._span = span
        self._sign = sign
        self._places: list[Place] = []
        self._values: list[Decimal] = []

    def insert(self, place: Place, value: Any, history: bool) -> None:  # noqa: ARG002
        """Take an event; without a numeric value it does not count."""
        exact = number(value)
        if exact is None:
            return
        stair = self._signed(exact)
        at = bisect_left(self._places, place)
        if at < len(self._places) and self._values[at] >= stair:
            return
        low = at
        while low and self._values[low - 1] <= stair:
            low -= 1
        self._places[low:at] = [place]
        self._values[low:at] = [stair]

    def forget(self, before: Place) -> None:
        """Let go of what stands before that place."""
        cut = bisect_left(self._places, before)
        del self._places[:cut], self._values[:cut]

    def at(self, t: Millis) -> tuple[Decimal, Place] | None:
        """The value and the place it stands at, in the window `(t - span, t]`; None over nothing."""
        self.forget(after_all(t - self._span))
        return (self._signed(self._values[0]), self._places[0]) if self._places else None

    def _signed(self, value: Decimal) -> Decimal:
        return value if self._sign > 0 else value.copy_negate()


class Distinct:
    """The latest place of each different scalar value, in `places`, sorted."""

    __slots__ = ("_latest", "places")

    def __init__(self) -> None:
        self._latest: dict[Key, Place] = {}
        self.places: list[Place] = []

    def insert(self, place: Place, value: Any, history: bool) -> None:  # noqa: ARG002
        """Take an event; without a scalar value it does not count."""
        if kind(value) is None:
            return
        key = scalar_key(value)
        former = self._latest.get(key)
        if former is not None:
            if former > place:
                return
            del self.places[bisect_left(self.places, former)]
        self._latest[key] = place
        insort(self.places, place)

    def forget(self, before: Place) -> None:
        """Let go of the values last seen before that place."""
        cut = bisect_left(self.places, before)
        if cut:
            del self.places[:cut]
            self._latest = {key: place for key, place in self._latest.items() if place >= before}


class Latest:
    """What a predicate said of the latest event, and where that stands."""

    __slots__ = ("place", "value")

    def __init__(self) -> None:
        self.place: Place | None = None
        self.value = False

    def insert(self, place: Place, value: Any, history: bool) -> None:  # noqa: ARG002
        """Take an event, if it is later than the latest."""
        if self.place is None or place > self.place:
            self.place, self.value = place, value

    def forget(self, before: Place) -> None:
        """Let go of the latest if it stands before that place."""
        if self.place is not None and self.place < before:
            self.place = None


def first_after(series: Places | None, place: Place) -> Place | None:
    """The first place strictly after that one."""
    if series is None or not series.places or series.places[-1] <= place:
        return None
    return series.places[bisect_right(series.places, place)]


def last_before(series: Places | None, place: Place) -> Place | None:
    """The last place strictly before that one."""
    at = 0 if series is None else bisect_left(series.places, place)
    return series.places[at - 1] if series is not None and at else None


def last_of(series: Places | None) -> Place:
    """The last place of a series; before all others where there is none."""
    return series.places[-1] if series is not None and series.places else _NEVER


def last_live(series: Places | None) -> Place:
    """The last place of a series that was not history when it came."""
    if series is None or not series.history:
        return last_of(series)
    return next((place for place in reversed(series.places) if place not in series.history), _NEVER)


def series_of(table: dict[int, Series], key: int, make: Callable[[], Series]) -> Series:
    """A series of a scope, made if it is asked for first."""
    series = table.get(key)
    if series is None:
        series = table[key] = make()
    return series
