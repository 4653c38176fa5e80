"""`steps`: messages one after the other, what ends them, and who may go through them again."""

from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.events import Consent, Millis, Outcome, Sent, Suppression, Track, Traits, encode
from engine.core.release import Release
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.policy import ConsentRule, Facts, Hours, Policy
from engine.core.user import User
from tests.core.sending.people import DAY, HOUR, NOON
from tests.core.worlds import program_of

WELCOME = """
triggers:
  welcome:
    when: signed_up
    steps:
      - send: hello
      - {after: 1h, send: tips, if: not seen(tour)}
      - {after: 24h, send: [offer, hello]}
"""
FIRST, TIPS, OFFER, AGAIN = "hello", "tips", "offer", "hello:2"
ASKED = Policy(consent=ConsentRule())


def someone(text: str = WELCOME) -> User:
    return User("k:u", program_of(text, retention=90 * DAY, history_after=DAY))


def do(user: User, event: str, at: Millis = NOON, **properties: Any) -> list[str]:
    """An event; returns the ids of what fires."""
    return [each.id for each in user.observe(Track(at - NOON, event, at, encode(properties)), at)]


def ask(user: User, message: str, at: Millis, policy: Policy = Policy()) -> Release:  # noqa: B008 - immutable
    found = [each for each in user.sending.due if each.partition(":")[2] == message]
    return user.release(found[-1], at, policy)


def test_each_step_goes_at_its_time_and_not_before() -> None:
    user = someone()
    do(user, "signed_up")
    assert [each.partition(":")[2] for each in user.sending.due] == [FIRST, TIPS, OFFER, AGAIN]
    assert ask(user, FIRST, NOON) == Go()
    for message, start in ((TIPS, NOON + HOUR), (OFFER, NOON + DAY), (AGAIN, NOON + DAY)):
        for early in (NOON, start - 1):
            assert ask(user, message, early) == Held("delay", f"delay: it is due at {said(start)}", start)
        assert ask(user, message, start) == Go()


def said(at: Millis) -> str:
    return {NOON + HOUR: "2026-01-08T13:00:00Z", NOON + DAY: "2026-01-09T12:00:00Z"}[at]


def test_a_step_whose_if_does_not_hold_when_it_goes_is_left_out_and_the_others_go() -> None:
    user = someone()
    do(user, "signed_up")
    do(user, "tour", NOON + HOUR - 1)
    assert ask(user, TIPS, NOON + HOUR) == Never("if", "if: `not seen(tour)` does not hold at 2026-01-08T13:00:00Z")
    assert ask(user, OFFER, NOON + DAY) == Go()


def test_a_step_that_is_due_in_quiet_hours_waits_for_both() -> None:
    user = someone()
    do(user, "signed_up")
    policy = Policy(quiet=(Hours(12 * 60, 14 * 60),))
    answer = ask(user, TIPS, NOON, policy)
    assert isinstance(answer, Held)
    assert (answer.gate, answer.until) == ("delay", NOON + 2 * HOUR), "the instant at which it can go, told at once"


def test_it_expires_by_the_step_and_not_by_the_firing() -> None:
    user = someone(WELCOME + "    expires: 2h\n")
    do(user, "signed_up")
    assert ask(user, OFFER, NOON + DAY + 2 * HOUR - 1) == Go()
    assert isinstance(ask(user, OFFER, NOON + DAY + 2 * HOUR), Never)


@pytest.mark.parametrize(
    ("end", "gate"),
    [
        (Track(9, "order", NOON + 9), "until"),
        (Consent(9, "marketing", granted=False, source="mail"), "consent"),
        (Traits(9, encode({"consent": {"marketing": False}})), "consent"),
        (Suppression(9, "email", "", "bounced", "desk"), "suppression"),
        (Track(9, "Unsubscribed", NOON + 9), "suppression"),
        (Track(9, "Email Bounced", NOON + 9), "suppression"),
    ],
)
def test_what_ends_a_run_ends_it_before_its_next_step_is_due(end: Any, gate: str) -> None:
    user = someone(WELCOME + "    until: order\n")
    user.observe(Consent(0, "marketing", granted=True, source="form"), NOON - 1)
    do(user, "signed_up")
    assert isinstance(ask(user, TIPS, NOON, ASKED), Held)
    user.observe(end, NOON + 9)
    for message in (TIPS, OFFER):
        answer = ask(user, message, NOON + 9, ASKED)
        assert isinstance(answer, Never)
        assert answer.gate == gate


def test_consent_given_again_does_not_bring_a_run_back() -> None:
    user = someone()
    user.observe(Consent(0, "marketing", granted=True, source="form"), NOON - 1)
    do(user, "signed_up")
    for after, granted in ((1, False), (2, True)):
        user.observe(Consent(after, "marketing", granted=granted, source="form"), NOON + after)
    assert ask(user, OFFER, NOON + DAY, ASKED) == Never(
        "consent", "consent: they withdrew it for marketing at 2026-01-08T12:00:00Z"
    )
    do(user, "signed_up", NOON + 3)
    assert ask(user, FIRST, NOON + 3, ASKED) == Go(), "a new run is another matter"


def test_a_soft_bounce_ends_nothing() -> None:
    user = someone()
    do(user, "signed_up")
    do(user, "Email Bounced", NOON + 1, soft=True)
    assert isinstance(ask(user, TIPS, NOON + 1), Held)


def test_transactional_steps_outlive_a_withdrawal() -> None:
    user = someone()
    do(user, "signed_up")
    user.observe(Consent(9, "marketing", granted=False, source="form"), NOON + 1)
    assert ask(user, TIPS, NOON + HOUR, replace_facts(Facts(purpose="transactional"))) == Go()


def replace_facts(facts: Facts) -> Policy:
    return Policy(consent=ConsentRule(), messages={TIPS: facts})


# Who may go through it again -----------------------------------------------------------------------------------------


def conclude(user: User, fate: Any, at: Millis, *names: str) -> None:
    for each in [each for each in user.sending.due if not names or each.partition(":")[2] in names]:
        user.observe(Outcome(0, each, fate), at)


def test_once_is_once() -> None:
    user = someone(WELCOME + "    reentry: once\n")
    assert do(user, "signed_up")
    assert do(user, "signed_up", NOON + 1) == []
    conclude(user, "accepted", NOON + 2, FIRST)
    conclude(user, "dropped", NOON + 3)
    assert do(user, "signed_up", NOON + 4) == []


@pytest.mark.parametrize("fate", ["dropped", "failed"])
def test_a_run_that_ended_before_its_first_message_does_not_use_up_once(fate: Any) -> None:
    user = someone(WELCOME + "    reentry: once\n")
    do(user, "signed_up")
    conclude(user, fate, NOON + 1, FIRST, TIPS, OFFER)
    assert do(user, "signed_up", NOON + 1) == [], "one step may still go"
    conclude(user, fate, NOON + 2)
    assert do(user, "signed_up", NOON + 3)


def test_what_may_have_been_sent_uses_it_up() -> None:
    user = someone(WELCOME + "    reentry: once\n")
    do(user, "signed_up")
    conclude(user, "unconfirmed", NOON + 1, FIRST)
    conclude(user, "dropped", NOON + 2)
    assert do(user, "signed_up", NOON + 3) == []


def test_once_survives_sleep_and_a_merge_and_counts_by_value() -> None:
    user = someone("triggers: {t: {when: signed_up, per: plan, send: m, reentry: once}}")
    assert do(user, "signed_up", plan="a")
    snapshot = user.snapshot()
    again = User.restore(snapshot.state, [snapshot.chunk], user.program)
    assert do(again, "signed_up", NOON + 1, plan="a") == []
    assert do(again, "signed_up", NOON + 2, plan="b")
    other = User("a:v", user.program)
    do(other, "signed_up", NOON + 3, plan="c")
    again.observe(Traits(9), NOON + 4, other)
    assert do(again, "signed_up", NOON + 5, plan="c") == []


def test_after_is_a_cooldown_and_always_is_the_default() -> None:
    user = someone("triggers: {t: {when: a, reentry: after 1h}, u: {when: a, reentry: always}}")
    fired = [len(do(user, "a", NOON + after)) for after in (0, 1, HOUR - 1, HOUR)]
    assert fired == [2, 1, 1, 2]


# A run keeps what it began with --------------------------------------------------------------------------------------


def test_a_renewed_message_of_a_run_is_due_at_its_time_still() -> None:
    user = someone()
    (firing,) = do(user, "signed_up")
    user.observe(Outcome(0, f"{firing}:{TIPS}", "failed"), NOON + 1)
    user.observe(Outcome(0, f"{firing}:{TIPS}", "due"), NOON + 2)
    answer = ask(user, TIPS, NOON + 2)
    assert isinstance(answer, Held)
    assert answer.until == NOON + HOUR


def test_a_trigger_that_went_takes_no_message_with_it() -> None:
    user = someone("triggers: {t: {when: a, steps: [{after: 1h, send: m}]}}")
    do(user, "a")
    user.adopt(program_of("triggers: {other: {when: b}}", retention=90 * DAY, history_after=DAY), NOON + 1)
    assert ask(user, "m", NOON + HOUR) == Go()


# Fallbacks -----------------------------------------------------------------------------------------------------------

GROUP = """
triggers:
  vip: {when: cart then no order within 10m, if: profile.vip == true, send: gold, exclusive: carts}
  rest: {when: cart, send: plain, exclusive: carts, otherwise: true, after: 30m}
"""


@pytest.mark.parametrize("vip", [True, False])
def test_a_fallback_takes_what_no_other_took(*, vip: bool) -> None:
    user = someone(GROUP)
    user.observe(Traits(0, encode({"vip": vip})), NOON)
    do(user, "cart")
    assert isinstance(ask(user, "plain", NOON), Held)
    user.wake(NOON + HOUR)
    answer = ask(user, "plain", NOON + HOUR // 2)
    assert answer == (Never("exclusive", "exclusive: `vip` of the same group came first") if vip else Go())
    assert bool(user.sending.ended) is vip, "it is told at once"


def test_exactly_at_its_time_the_others_come_too_late() -> None:
    text = "triggers:\n  x: {when: y, send: a, exclusive: g}\n"
    text += "  z: {when: cart, send: b, exclusive: g, otherwise: true, after: 30m}\n"
    for at, taken in ((NOON + HOUR // 2 - 1, True), (NOON + HOUR // 2, False)):
        user = someone(text)
        do(user, "cart")
        do(user, "y", at)
        assert isinstance(ask(user, "b", NOON + HOUR), Never) is taken


def test_another_value_takes_nothing_and_in_one_step_the_fallback_yields() -> None:
    text = "triggers:\n  x: {when: cart, per: id, send: a, exclusive: g, if: profile.vip == true}\n"
    text += "  a: {when: cart, per: id, send: b, exclusive: g, otherwise: true, after: 30m, priority: 5}\n"
    user = someone(text)
    do(user, "cart", id=1)
    user.observe(Traits(0, encode({"vip": True})), NOON)
    do(user, "cart", NOON + 1, id=2)
    late = NOON + HOUR
    answers = {
        each.per: user.release(each.id, late, Policy()) for each in user.sending.due.values() if each.message == "b"
    }
    assert answers[1] == Go()
    assert isinstance(answers[2], Never)
    assert ask(user, "a", NOON + 1) == Go(), "whatever its priority, a fallback bars nobody else"


def test_the_ledger_counts_each_step() -> None:
    user = someone()
    (firing,) = do(user, "signed_up")
    for name in (FIRST, AGAIN):
        key = f"{firing}:{name}"
        user.observe(Outcome(0, key, "sending", replace(Sent(key, NOON, "welcome", "hello"))), NOON)
    assert len(user.sending.ledger) == 2
