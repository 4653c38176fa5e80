"""States: conditions that are true or false at any instant, as functions of a scope and the instant.

A window of span D at t is `(t - D, t]`: an event leaves it exactly D after it happened, and since no event lies in the
future, only its old end needs a look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.core.events import Millis
from engine.core.scope import Scope
from engine.core.series import EXACT, Distinct, Extreme, Latest, Places, Total
from engine.core.timeline import instant
from engine.core.truth import FALSE, TRUE, Truth
from engine.core.where import COMPARISONS, Predicate

Evaluate = Callable[[Scope, Millis], Truth]


@dataclass(frozen=True, slots=True)
class State:
    """How to evaluate a state, and what time alone can do to it."""

    truth: Evaluate
    only_falls: bool = False
    """It becomes true through inputs only, and its `until` is exact: nobody needs to be woken for it."""
    only_rises: bool = False
    """The mirror image: it becomes false through inputs only."""
    form: tuple[Any, ...] = ()
    """What it is made of, for whoever writes it out in place: its kind, then what made it; empty: it is called."""


def negation(part: State) -> State:
    """`not S`."""
    truth = part.truth
    return State(lambda scope, t: -truth(scope, t), part.only_rises, part.only_falls, ("not", part))


def conjunction(left: State, right: State) -> State:
    """`S and S`."""
    a, b = left.truth, right.truth
    return State(
        lambda scope, t: min(a(scope, t), b(scope, t)),
        left.only_falls and right.only_falls,
        left.only_rises and right.only_rises,
        ("and", left, right),
    )


def disjunction(left: State, right: State) -> State:
    """`S or S`."""
    a, b = left.truth, right.truth
    return State(
        lambda scope, t: max(a(scope, t), b(scope, t)),
        left.only_falls and right.only_falls,
        left.only_rises and right.only_rises,
        ("or", left, right),
    )


def constant(*, value: bool) -> State:
    """A state that never changes."""
    truth = TRUE if value else FALSE
    return State(lambda _scope, _t: truth, only_falls=True, only_rises=True, form=("constant", truth))


def at_least(key: int, number: int, span: Millis) -> State:
    """At least `number` places of a `Places` or `Distinct` series lie in the window.

    It is true until the number-th latest of them leaves.
    """
    if number <= 0:
        return constant(value=True)

    def truth(scope: Scope, t: Millis) -> Truth:
        series: Places | Distinct | None = scope.series.get(key)
        if series is None or len(series.places) < number:
            return FALSE
        leaves = instant(series.places[-number]) + span
        return leaves if leaves > t else FALSE

    return State(truth, only_falls=True, form=("at least", key, number, span))


def numerous(key: int, op: str, threshold: Decimal, span: Millis) -> State:
    """The number of places in the window compares so."""
    whole = int(threshold.to_integral_value(rounding="ROUND_FLOOR"))

    def least(number: int) -> State:
        return at_least(key, number, span)

    reached = least(whole if whole == threshold else whole + 1)
    passed = least(whole + 1)
    if op == ">=":
        return reached
    if op == "<":
        return negation(reached)
    if op == ">":
        return passed
    if op == "<=":
        return negation(passed)
    equal = conjunction(reached, negation(passed)) if whole == threshold else constant(value=False)
    return equal if op == "==" else negation(equal)


def total(key: int, op: str, threshold: Decimal, span: Millis, *, mean: bool) -> State:
    """The sum, or the mean, over the window compares so; `sum` over nothing is 0, `avg` over nothing compares false."""
    compares = COMPARISONS[op]
    empty = FALSE if mean or not compares(Decimal(0), threshold) else TRUE

    def truth(scope: Scope, t: Millis) -> Truth:
        series: Total | None = scope.series.get(key)
        if series is None:
            return empty
        value, number, oldest = series.at(t)
        if oldest is None:
            return empty
        bound = EXACT.multiply(threshold, Decimal(number)) if mean else threshold
        changes = instant(oldest) + span
        return changes if compares(value, bound) else -changes

    return State(truth)


def extreme(key: int, op: str, threshold: Decimal, span: Millis) -> State:
    """The largest or smallest value of the window compares so; over nothing it compares false."""
    compares = COMPARISONS[op]

    def truth(scope: Scope, t: Millis) -> Truth:
        series: Extreme | None = scope.series.get(key)
        found = series.at(t) if series else None
        if found is None:
            return FALSE
        value, place = found
        changes = instant(place) + span
        return changes if compares(value, threshold) else -changes

    return State(truth)


def latest(key: int, span: Millis) -> State:
    """What the series' predicate said of the latest matching event, while that is in the window."""

    def truth(scope: Scope, t: Millis) -> Truth:
        series: Latest | None = scope.series.get(key)
        if series is None or series.place is None or not series.value:
            return FALSE
        leaves = instant(series.place) + span
        return leaves if leaves > t else FALSE

    return State(truth, only_falls=True, form=("latest", key, span))


def profile(predicate: Predicate) -> State:
    """The user's traits are so."""
    return State(lambda scope, _t: TRUE if predicate(scope.whole.profile) else FALSE, only_falls=True, only_rises=True)


def on_list(name: str) -> State:
    """The user is on a list kept from outside."""
    return State(lambda scope, _t: TRUE if name in scope.whole.lists else FALSE, only_falls=True, only_rises=True)


def on_whole(state: State) -> State:
    """The same state, asked of the user's whole timeline: what a segment means, within a `per` watch too."""
    truth = state.truth
    return State(lambda scope, t: truth(scope.whole, t), state.only_falls, state.only_rises, ("whole", state))
