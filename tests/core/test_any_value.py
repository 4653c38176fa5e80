"""Whatever stands in properties and traits, a user lives on, is saved and comes back the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.events import Track, Traits, encode
from engine.core.user import User
from tests.core.worlds import copied, program_of, told

DAY = 86_400_000
PROGRAM = program_of(
    """
triggers:
  dear: {when: sum(view.a) > 100 within 1d}
  mean: {when: avg(view.a) > 3 within 1d}
  high: {when: max(view.a) >= 7 within 1d}
  kinds: {when: distinct(view.a) > 2}
  each: {when: count(view) > 1, per: a}
  alike: {when: 'view[a == 1 or a > "x" or a contains 1 or a in [true, 2.5]]'}
  trait: {when: profile.a > 3 or profile.a == "x"}
  silent: {when: view then no view within 1h, per: a}
""",
    retention=90 * DAY,
    history_after=DAY,
)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, 0.1]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), VALUES), max_size=8), VALUES)
def test_any_value_is_lived_with_saved_and_brought_back(items: list[tuple[bool, Any]], last: Any) -> None:
    user = User("k:u", PROGRAM)
    for seq, (is_event, value) in enumerate(items):
        raw = encode({"a": value})
        user.observe(Track(seq, "view", seq, raw) if is_event else Traits(seq, raw), seq)
    other = copied(user)
    assert other.pending() == user.pending()
    final = Track(99, "view", 99, encode({"a": last}))
    assert told(other.observe(final, 99) + other.wake(DAY)) == told(user.observe(final, 99) + user.wake(DAY))


@given(VALUES, VALUES)
def test_two_people_with_any_values_become_one(mine: Any, theirs: Any) -> None:
    user, visitor = User("k:u", PROGRAM), User("a:v", PROGRAM)
    user.observe(Track(1, "view", 1, encode({"a": mine})), 1)
    visitor.observe(Track(2, "view", 2, encode({"a": theirs})), 2)
    user.observe(Traits(3, encode({"a": theirs})), 3, visitor)
    assert len(user.recent(9)) == 2
    assert copied(user).snapshot(whole=True) == user.snapshot(whole=True)
