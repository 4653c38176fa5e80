"""A run keeps the version of the trigger it started with, whatever the files say meanwhile."""

import json

import pytest

from engine.core.events import Membership, Millis, Track, encode
from engine.core.program import Program
from engine.core.sending.answers import Go, Never
from engine.core.sending.policy import Policy
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.files import load
from engine.language.retired import pick, retire

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_767_873_600_000
SEGMENTS = "segments: {keen: count(view) > 1 within 1d and in segment vip, vip: list}\n"
BEFORE = (
    SEGMENTS
    + """
triggers:
  welcome:
    when: signed_up
    per: plan
    steps: [{send: hello}, {after: 1h, send: tips, if: in segment "keen"}]
    until: order
  plain: {when: view, send: hello}
"""
)
AFTER = "segments: {keen: seen(nothing), vip: list}\ntriggers: {welcome: {when: signed_up, per: other, send: hello}}\n"


def program(text: str, carried: dict[str, str] | None = None) -> Program:
    loaded = load({"": text})
    retired = retire((carried or {}).items(), retention=90 * DAY)
    return compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY, retired=retired)


def carried() -> dict[str, str]:
    return pick({"": BEFORE}, (), retention=90 * DAY)


def begun() -> User:
    """Somebody in the middle of a run, when the files are changed."""
    user = User("k:u", program(BEFORE))
    do(user, "signed_up", NOON, plan="a")
    user.adopt(program(AFTER, carried()), NOON + 1)
    return user


def do(user: User, event: str, at: Millis, **properties: object) -> None:
    user.observe(Track(at - NOON, event, at, encode(properties)), at)


def ask(user: User, message: str = "tips") -> Go | Never:
    (key,) = [each for each in user.sending.due if each.endswith(message)]
    answer = user.release(key, NOON + HOUR, Policy())
    assert isinstance(answer, Go | Never)
    return answer


def test_only_what_says_until_or_if_is_carried_on() -> None:
    (text,) = carried().values()
    assert json.loads(text)["triggers"].keys() == {"welcome"}
    unchanged = carried().keys()
    assert pick({"": BEFORE}, unchanged, retention=90 * DAY) == {}


@pytest.mark.parametrize("holds", [True, False])
def test_the_if_of_a_step_is_asked_as_it_was_written_with_the_segments_of_then(*, holds: bool) -> None:
    user = begun()
    for after in (2, 3)[: 1 + holds]:
        do(user, "view", NOON + after)
    user.observe(Membership(9, "vip", member=True), NOON + 4)
    expected = 'if: `in segment "keen"` does not hold at 2026-01-08T13:00:00Z'
    assert ask(user) == (Go() if holds else Never("if", expected))


@pytest.mark.parametrize(("plan", "ends"), [("a", True), ("b", False), (None, True)])
def test_the_until_ends_it_by_the_property_of_then(plan: str | None, *, ends: bool) -> None:
    user = begun()
    do(user, "order", NOON + 2, **({} if plan is None else {"plan": plan}))
    answer = ask(user, "hello")
    assert answer == (Never("until", "until: `order` happened at 2026-01-08T12:00:00Z") if ends else Go())


def test_what_began_before_the_change_to_be_looked_for_is_not_forgotten() -> None:
    text = BEFORE.replace("until: order", "until: view then order within 1h")
    user = User("k:u", program(text))
    do(user, "signed_up", NOON, plan="a")
    do(user, "view", NOON + 1)
    user.adopt(program(AFTER, pick({"": text}, (), retention=90 * DAY)), NOON + 2)
    do(user, "order", NOON + 3)
    assert isinstance(ask(user), Never)


def test_where_it_can_be_told_no_more_nothing_is_sent() -> None:
    user = User("k:u", program(BEFORE))
    do(user, "signed_up", NOON, plan="a")
    user.adopt(program(AFTER), NOON + 1)
    assert ask(user) == Never("until", "until: its trigger was changed since, and what it asked can be told no more")
    assert user.segments(NOON + 1) == []


def test_segments_of_then_are_nobody_elses() -> None:
    user = begun()
    user.observe(Membership(9, "vip", member=True), NOON + 2)
    for after in (3, 4):
        do(user, "view", NOON + after)
    assert user.segments(NOON + 5) == ["vip"], "in force now is another `keen`"
