"""Each series answers as a walk over all events would, however late they came and whatever was forgotten."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.core.series import Distinct, Extreme, Latest, Places, Series, Total
from engine.core.timeline import Place, instant, place_of
from engine.core.where import kind, scalar_key

Fed = Sequence[tuple[int, Any]]
SPAN = 10
VALUES = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([0.1, 0.2, 0.3, 1.0, -0.1, 1e300, 5e-324, True, False, None, "1", "a", float("inf"), [1]]),
)
FED = st.lists(st.tuples(st.integers(0, 30), VALUES), max_size=30)


def fed(series: Series, events: Fed) -> list[tuple[Place, Any]]:
    placed = [(place_of(ts, seq), value) for seq, (ts, value) in enumerate(events)]
    for place, value in placed:
        series.insert(place, value, history=False)
    return sorted(placed, key=lambda each: each[0])


def window(placed: Sequence[tuple[Place, Any]], t: int) -> list[tuple[Place, Any]]:
    return [(place, value) for place, value in placed if instant(place) > t - SPAN]


def numbers(placed: Sequence[tuple[Place, Any]]) -> list[Fraction]:
    return [
        Fraction(repr(value))
        for _place, value in placed
        if kind(value) == "number" and value not in (float("inf"), float("-inf"))
    ]


@given(FED)
def test_a_total_is_exact_over_every_window(events: Fed) -> None:
    series = Total(SPAN)
    placed = fed(series, events)
    for t in range(30, 45):
        expected = numbers(window(placed, t))
        total, number, _oldest = series.at(t)
        assert (Fraction(total), number) == (sum(expected), len(expected))


def check_extreme(events: Fed, sign: int, choose: Callable[[list[Fraction]], Fraction]) -> None:
    series = Extreme(SPAN, sign)
    placed = fed(series, events)
    for t in range(30, 45):
        expected = numbers(window(placed, t))
        found = series.at(t)
        assert (found is None) == (not expected)
        assert found is None or Fraction(found[0]) == choose(expected)


@given(FED)
def test_the_largest_of_every_window_is_found(events: Fed) -> None:
    check_extreme(events, 1, max)


@given(FED)
def test_the_smallest_of_every_window_is_found(events: Fed) -> None:
    check_extreme(events, -1, min)


@given(FED, st.integers(0, 30))
def test_distinct_values_are_counted_once_each_at_their_latest(events: Fed, before: int) -> None:
    series = Distinct()
    placed = fed(series, events)
    latest = {scalar_key(value): place for place, value in placed if kind(value)}
    assert series.places == sorted(latest.values())
    series.forget(place_of(before, 0))
    assert series.places == sorted(place for place in latest.values() if instant(place) >= before)


@given(FED)
def test_the_latest_event_counts_whenever_it_came(events: Fed) -> None:
    series = Latest()
    placed = fed(series, events)
    assert (series.place, series.value) == (placed[-1] if placed else (None, False))


@given(FED, st.integers(0, 30))
def test_places_stay_sorted_and_forget_from_the_old_end(events: Fed, before: int) -> None:
    series = Places()
    placed = fed(series, events)
    assert series.places == [place for place, _value in placed]
    series.forget(place_of(before, 0))
    assert series.places == [place for place, _value in placed if instant(place) >= before]


def test_a_number_means_the_decimal_that_was_written() -> None:
    series = Total(SPAN)
    fed(series, [(1, 0.1), (2, 0.2)])
    assert str(series.at(2)[0]) == "0.3"
