"""`until`: what is not wanted any more does not go."""

from typing import Any

import pytest

from engine.core.events import Track, encode
from engine.core.sending.answers import Go, Never
from engine.core.sending.policy import Policy
from engine.core.user import User
from tests.core.sending.people import DAY, HOUR, NOON
from tests.core.worlds import program_of

POLICY = Policy()


def user_of(text: str) -> User:
    return User("k:u", program_of(f"triggers: {{t: {{{text}, send: m}}}}", retention=90 * DAY, history_after=DAY))


def track(seq: int, name: str, at: int = NOON, **properties: object) -> Track:
    return Track(seq, name, at, encode(properties))


def answers(user: User) -> list[Go | Never]:
    found = [user.release(each, user.clock, POLICY) for each in user.sending.due]
    return [each for each in found if isinstance(each, Go | Never)]


def is_wanted(user: User) -> list[bool]:
    return [isinstance(each, Go) for each in answers(user)]


def test_a_purchase_between_firing_and_release_stops_the_mail() -> None:
    user = user_of("when: cart then no order within 1h, until: order")
    user.observe(track(1, "cart"), NOON)
    assert user.wake(NOON + HOUR)
    assert is_wanted(user) == [True]
    assert user.observe(track(2, "order", NOON + HOUR), NOON + HOUR) == [], "an `until` is no firing"
    assert answers(user) == [Never("until", "until: `order` happened at 2026-01-08T13:00:00Z")]
    assert user.sending.ended == list(user.sending.due)


def test_what_happened_before_the_firing_ends_nothing() -> None:
    user = user_of("when: view, until: order")
    user.observe(track(1, "order"), NOON)
    user.observe(track(2, "view"), NOON)
    assert is_wanted(user) == [True]


def test_what_fires_at_the_step_of_the_until_is_wanted_and_what_was_due_before_is_not() -> None:
    user = user_of("when: view, until: view")
    user.observe(track(1, "view"), NOON)
    user.observe(track(2, "view"), NOON)
    assert is_wanted(user) == [False, True]


@pytest.mark.parametrize(
    ("order", "wanted"), [({"cart": "a"}, [False, True]), ({}, [False, False]), ({"cart": "c"}, [True, True])]
)
def test_with_per_an_event_ends_what_is_its_and_one_without_a_value_all(
    order: dict[str, Any], wanted: list[bool]
) -> None:
    user = user_of("when: cart, per: cart, until: order")
    user.observe(track(1, "cart", cart="a"), NOON)
    user.observe(track(2, "cart", cart="b"), NOON)
    user.observe(track(3, "order", **order), NOON + 1)
    assert is_wanted(user) == wanted


def test_it_may_be_any_moment() -> None:
    user = user_of("when: view, until: order then no refund within 1h")
    user.observe(track(1, "view"), NOON)
    user.observe(track(2, "order"), NOON)
    assert is_wanted(user) == [True]
    assert [each.trigger for each in user.pending()] == []
    user.wake(NOON + HOUR)
    assert is_wanted(user) == [False]


def test_it_survives_sleep_and_new_files() -> None:
    user = user_of("when: view, until: order")
    user.observe(track(1, "view"), NOON)
    user.observe(track(2, "order"), NOON)
    snapshot = user.snapshot()
    again = User.restore(snapshot.state, [snapshot.chunk], user.program)
    assert is_wanted(again) == [False]
    again.adopt(user_of("when: view, until: refund").program, NOON + 1)
    assert is_wanted(again) == [False]
    again.observe(track(3, "view", NOON + 2), NOON + 2)
    again.observe(track(4, "order", NOON + 3), NOON + 3)
    assert is_wanted(again) == [False, True]
    again.observe(track(5, "refund", NOON + 4), NOON + 4)
    assert is_wanted(again) == [False, False]
