"""Every tree can be written down, and reads back as itself."""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language import tree
from engine.language.conditions import RETENTION, parse_moment, parse_state
from engine.language.writing import condition
from tests.language.rendering import moment as moment_text
from tests.language.rendering import state as state_text

names = st.sampled_from(["view", "buy", "then", "any", "Order Completed"]) | st.text(min_size=1, max_size=5)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
numbers = st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9)
scalars = st.booleans() | numbers | st.text(max_size=5)
operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
spans = st.integers(1, RETENTION)
windows = st.none() | spans

tests: st.SearchStrategy[Any] = st.one_of(
    st.builds(tree.Compare, paths, operators, scalars),
    st.builds(tree.OneOf, paths, st.lists(scalars, max_size=3).map(tuple)),
    st.builds(tree.Contains, paths, scalars),
    st.builds(tree.Exists, paths),
)


def _wheres(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(tree.NotWhere, inner) | st.builds(tree.AllWhere, several) | st.builds(tree.AnyWhere, several)


# Composite, lest the printed name of the whole strategy fill pages.
@st.composite
def _all_wheres(draw: st.DrawFn) -> Any:
    return draw(st.recursive(tests, _wheres, max_leaves=4))


@st.composite
def _selectors(draw: st.DrawFn) -> tree.Selector:
    choices = st.builds(tree.Choice, st.none() | names, st.none() | _all_wheres())
    return tree.Selector(tuple(draw(st.lists(choices, min_size=1, max_size=2))))


selectors = _selectors()
folds = st.sampled_from(["sum", "avg", "min", "max", "distinct"])

atoms: st.SearchStrategy[Any] = st.one_of(
    st.builds(tree.Seen, selectors, windows),
    st.builds(tree.Count, selectors, operators, numbers, windows),
    st.builds(tree.Folded, folds, selectors, paths, operators, numbers, windows),
    st.builds(tree.Last, selectors, tests, windows),
    st.builds(tree.Profile, tests),
    st.builds(tree.InSegment, st.text(min_size=1, max_size=5)),
)


def _states(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(tree.Not, inner) | st.builds(tree.And, inner, inner) | st.builds(tree.Or, inner, inner)


@st.composite
def _all_states(draw: st.DrawFn) -> Any:
    return draw(st.recursive(atoms, _states, max_leaves=3))


states = _all_states()
plain_moments: st.SearchStrategy[Any] = st.one_of(
    st.builds(tree.Happens, selectors),
    st.builds(tree.Becomes, states),
    st.builds(tree.For, states, spans),
    st.builds(tree.On, states, selectors),
)


def _is(kind: type) -> Callable[[object], bool]:
    return lambda node: isinstance(node, kind)


def _distinct_arms(either: tree.Either) -> bool:
    """Two events are one selector, and two states one state, so neither pair is an `Either`."""
    arms = (either.left, either.right)
    return not any(all(map(_is(kind), arms)) for kind in (tree.Happens, tree.Becomes))


def _moments(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    watched = inner.filter(lambda node: not isinstance(node, tree.Becomes))
    return reduce(
        operator.or_,
        [
            st.builds(tree.Then, inner, selectors, st.none() | selectors, windows),
            st.builds(tree.ThenNo, inner, selectors, spans),
            st.builds(tree.Either, inner, inner).filter(_distinct_arms),
            st.builds(tree.While, watched, states),
        ],
    )


moments = st.recursive(plain_moments, _moments, max_leaves=3)


@given(states)
def test_a_state_reads_back_as_itself(node: tree.State) -> None:
    assert parse_state(state_text(node)) == node


@given(moments)
def test_a_moment_reads_back_as_itself(node: tree.Moment) -> None:
    assert parse_moment(moment_text(node)) == node


@given(moments)
def test_what_is_written_for_people_reads_back_as_itself(node: tree.Moment) -> None:
    assert parse_moment(condition(node)) == node


@pytest.mark.parametrize(
    "text",
    [
        "cart_updated then no (cart_updated or order_completed) within 1h",
        "product_added then checkout_started within 30m then no order_completed within 2h",
        'profile.status == "onboarding" for 7d',
        "inactive for 30d",
        "(seen(a) within 2d and not seen(b) within 2d) on a",
        'cart_abandoned and in segment "high-value"',
        "sum((a or b).price) > 100 or count(a[x > 1 and (exists(y) or z == 2)]) >= 3",
    ],
)
def test_what_is_written_for_people_has_no_parentheses_that_nobody_needs(text: str) -> None:
    assert condition(parse_moment(text)) == text
