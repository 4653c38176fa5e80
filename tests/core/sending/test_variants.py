"""Variants and goals: who gets which, what is counted as exposure, and what as outcome."""

from collections import Counter
from functools import cache
from typing import Any

import pytest

from engine.core.events import Millis, Track, Traits, encode
from engine.core.exposures import Credit
from engine.core.program import Program
from engine.core.user import User
from tests.core.sending.people import DAY, HOUR, NOON
from tests.core.worlds import program_of

TEXTS = """
triggers:
  t:
    when: cart
    send: plain
    goal: {event: order within 1d, revenue: total}
    variants:
      control:
      late: {after: 1h, send: plain}
      other: {weight: 2, steps: [{send: other}, {after: 1h, send: last}]}
"""
WHENS = """
triggers:
  t:
    when: cart then no order within 1h
    send: m
    goal: order within 1d
    variants: {slow: , fast: {when: cart then no order within 10m}}
"""


@cache
def program(text: str) -> Program:
    return program_of(text, retention=90 * DAY, history_after=DAY)


def user_of(text: str, name: str = "k:u") -> User:
    return User(name, program(text))


def do(user: User, event: str, at: Millis = NOON, **properties: Any) -> list[str]:
    """An event; returns the variants of what fires."""
    return [each.variant for each in user.observe(Track(at - NOON, event, at, encode(properties)), at)]


def someone(text: str, variant: str) -> User:
    """Somebody who has that variant."""
    for number in range(100):
        user = user_of(text, f"k:u{number}")
        if user.exposures.arm(user.program.by_name["t"], user.first_id).name == variant:
            return user
    raise AssertionError(variant)


def counted(user: User) -> list[tuple[str, str, float]]:
    return [(each.variant, each.what, each.amount) for each in user.exposures.credits]


def test_people_are_spread_by_weight() -> None:
    program = user_of(TEXTS).program
    arms = Counter(User(f"k:u{n}", program).exposures.arm(program.by_name["t"], f"k:u{n}").name for n in range(4_000))
    assert {name: round(number / 1_000, 1) for name, number in arms.items()} == {"control": 1, "late": 1, "other": 2}


@pytest.mark.parametrize(
    ("variant", "due"),
    [
        ("control", [("plain", 0)]),
        ("late", [("plain", HOUR)]),
        ("other", [("other", 0), ("last", HOUR)]),
    ],
)
def test_each_gets_what_the_variant_says(variant: str, due: list[tuple[str, int]]) -> None:
    user = someone(TEXTS, variant)
    assert do(user, "cart") == [variant]
    assert [(each.message, each.start - each.at) for each in user.sending.due.values()] == due


def test_a_variant_is_kept_whatever_becomes_of_the_weights() -> None:
    user = someone(TEXTS, "late")
    do(user, "cart")
    user.adopt(program(TEXTS.replace("weight: 2", "weight: 2000")), NOON + 1)
    snapshot = user.snapshot()
    again = User.restore(snapshot.state, [snapshot.chunk], user.program)
    assert do(again, "cart", NOON + 2) == ["late"]


def test_who_was_not_exposed_yet_goes_by_the_weights_of_now() -> None:
    user = someone(TEXTS, "late")
    user.adopt(program(TEXTS.replace("weight: 2", "weight: 2000")), NOON + 1)
    assert do(user, "cart", NOON + 2) == ["other"]


def test_of_two_who_are_one_the_first_assignment_stays() -> None:
    for first, second in (("late", "other"), ("other", "late")):
        visitor, user = someone(TEXTS, first), someone(TEXTS, second)
        do(visitor, "cart", NOON)
        do(user, "cart", NOON + 1)
        user.observe(Traits(9), NOON + 2, visitor)
        assert do(user, "cart", NOON + 3) == [first]


def test_a_variant_that_was_taken_away_is_drawn_anew() -> None:
    user = someone(TEXTS, "late")
    do(user, "cart")
    text = TEXTS.replace("      late: {after: 1h, send: plain}\n", "")
    user.adopt(program(text), NOON + 1)
    (variant,) = do(user, "cart", NOON + 2)
    assert variant in {"control", "other"}


# Where the variants differ in `when` ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("variant", "after"), [("slow", HOUR), ("fast", HOUR // 6)])
def test_a_variant_has_a_when_of_its_own(variant: str, after: Millis) -> None:
    user = someone(WHENS, variant)
    do(user, "cart")
    assert [(each.trigger, each.at) for each in user.pending()] == [("t", NOON + after)]
    fired = user.wake(NOON + 2 * HOUR)
    assert [(each.trigger, each.variant, each.at) for each in fired] == [("t", variant, NOON + after)]


@pytest.mark.parametrize("variant", ["slow", "fast"])
def test_exposure_is_the_first_event_that_any_looks_at_in_every_arm(variant: str) -> None:
    user = someone(WHENS, variant)
    do(user, "view")
    assert counted(user) == []
    do(user, "cart", NOON + 1)
    do(user, "cart", NOON + 2)
    assert counted(user) == [(variant, "exposed", 1)]
    do(user, "order", NOON + 3)
    assert counted(user)[1:] == [(variant, "converted", 1)], "before anything fired: it is an outcome all the same"


def test_an_order_that_is_the_first_event_is_no_outcome_of_the_exposure() -> None:
    user = someone(WHENS, "slow")
    do(user, "order")
    assert counted(user) == [("slow", "exposed", 1)]


# Goals ---------------------------------------------------------------------------------------------------------------


def test_the_goal_counts_once_and_its_worth_each_time() -> None:
    user = someone(TEXTS, "control")
    do(user, "cart")
    for after, total in ((1, 20.5), (2, 10), (3, "free"), (4, True)):
        do(user, "order", NOON + after, total=total)
    assert counted(user) == [("control", "converted", 1), ("control", "revenue", 20.5), ("control", "revenue", 10)]
    assert user.exposures.credits[0] == Credit("t", user.program.by_name["t"].version, "control", "converted")


@pytest.mark.parametrize(("at", "converts"), [(NOON, True), (NOON + DAY - 1, True), (NOON + DAY, False)])
def test_it_must_be_reached_within_the_span(at: Millis, *, converts: bool) -> None:
    user = someone(TEXTS, "control")
    do(user, "cart")
    do(user, "order", at)
    assert bool(counted(user)) is converts


def test_what_happened_before_is_no_outcome_though_it_is_heard_of_later() -> None:
    user = someone(TEXTS, "control")
    do(user, "cart")
    user.observe(Track(9, "order", NOON - 1), NOON + 5)
    assert counted(user) == []


def test_an_order_goes_to_the_last_exposure_before_it() -> None:
    user = someone(TEXTS, "control")
    for after in (0, 1):
        do(user, "cart", NOON + after)
    do(user, "order", NOON + 2, total=5)
    do(user, "order", NOON + 3)
    assert counted(user) == [("control", "converted", 1), ("control", "revenue", 5)]


def test_a_goal_that_is_the_trigger_itself_is_not_reached_by_its_firing() -> None:
    user = user_of("triggers: {t: {when: order, goal: order within 1d}}")
    do(user, "order")
    assert counted(user) == []
    do(user, "order", NOON + 1)
    assert counted(user) == [("", "converted", 1)]


def test_outcomes_survive_sleep_and_a_merge() -> None:
    visitor = user_of("triggers: {t: {when: cart, goal: order within 1d}}", "a:v")
    do(visitor, "cart")
    snapshot = visitor.snapshot()
    visitor = User.restore(snapshot.state, [snapshot.chunk], visitor.program)
    user = User("k:u", visitor.program)
    do(user, "view")
    user.observe(Traits(9), NOON + 1, visitor)
    do(user, "order", NOON + 2)
    assert [each.what for each in user.exposures.credits] == ["converted"]


def test_shadow_and_rolled_out_triggers_expose_whom_they_fire_for() -> None:
    user = user_of("triggers: {t: {when: cart, send: m, mode: shadow, goal: order within 1d}}")
    do(user, "cart")
    do(user, "order", NOON + 1)
    assert [each.what for each in user.exposures.credits] == ["converted"]


# What services report ------------------------------------------------------------------------------------------------


def test_what_is_reported_of_a_message_counts_once() -> None:
    user = someone(TEXTS, "other")
    (firing,) = user.observe(Track(0, "cart", NOON), NOON)
    key = f"{firing.id}:last"
    for after, event in enumerate(("Email Delivered", "Email Opened", "Email Opened", "Email Link Clicked"), 1):
        do(user, event, NOON + after, impel_id=key)
    assert counted(user) == [("other", "delivered", 1), ("other", "opened", 1), ("other", "clicked", 1)]


def test_what_a_machine_opened_and_what_nobody_knows_does_not_count() -> None:
    user = someone(TEXTS, "other")
    (firing,) = user.observe(Track(0, "cart", NOON), NOON)
    do(user, "Email Opened", NOON + 1, impel_id=f"{firing.id}:last", machine=True)
    do(user, "Email Opened", NOON + 1, impel_id=f"{firing.id}:unheard")
    do(user, "Email Opened", NOON + 2)
    assert counted(user) == []
