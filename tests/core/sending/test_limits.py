"""Caps and fatigue: never more than is allowed at any instant, and not a millisecond later than it is."""

import random
from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from engine.core.events import Millis, Outcome, Sent, Track
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.policy import Cap, Facts, Fatigue, Hours, Period, Policy
from engine.core.user import User
from tests.core.sending.people import DAY, HOUR, NOON, due, first, person, policy_of, sent
from tests.core.worlds import program_of

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia")


def period_of(at: Millis, period: Period, zone: str) -> tuple[int, ...]:
    """The day, week or month that the clock shows, by another way than the engine's."""
    day = datetime.fromtimestamp(at / 1_000, UTC).astimezone(ZoneInfo(zone)).date()
    match period:
        case "day":
            return day.timetuple()[:3]
        case "week":
            return day.isocalendar()[:2]
        case "month":
            return day.timetuple()[:2]


def felt(messages: list[Sent], half_life: Millis, at: Millis) -> float:
    """LANGUAGE.md, "Fatigue"."""
    return sum(each.weight * 2 ** (-(at - each.at) / half_life) for each in messages if each.at <= at)


def lives(draw: random.Random, policy: Policy, weights: tuple[float, ...], zone: str) -> list[Sent]:
    """Somebody to whom messages fall due at random, and are sent at the instants that are said."""
    user, numbers = person(zone=zone), count()
    done: list[Sent] = []
    now, waiting = NOON + draw.randrange(300) * DAY, dict[str, tuple[Millis, float]]()
    for _ in range(25):
        if draw.random() < 0.7 or not waiting:
            waiting[due(user, number=next(numbers))] = (now, draw.choice(weights))
        ready = min(waiting, key=lambda each: waiting[each])
        now, weight = max(now, waiting[ready][0]), waiting[ready][1]
        rules = Policy(messages={"m": Facts(weight=weight)}, caps=policy.caps, fatigue=policy.fatigue)
        answer = user.release(ready, now, rules)
        match answer:
            case Held(_, _, until):
                assert until > now
                others = [user.release(each, until, rules) for each in waiting if each != ready]
                goes = not isinstance(user.release(ready, until, rules), Held)
                assert goes or Go() in others, "asked again then, it goes, or one that was due before"
                assert isinstance(user.release(ready, until - 1, rules), Held), "and not before"
                waiting[ready] = (until, weight)
            case Go():
                done.append(Sent(ready, now, "t", "m", weight=weight))
                user.sending.ledger.enter(done[-1])
                del user.sending.due[ready], waiting[ready]
        now += draw.choice((0, 0, 1, HOUR, 7 * HOUR, DAY))
    return done


@pytest.mark.parametrize("zone", ZONES)
def test_no_cap_and_no_budget_is_exceeded_at_any_instant(zone: str) -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for _ in range(12):
        spans = [Cap(draw.randint(1, 3), draw.choice((DAY, 7 * DAY, 90 * 60_000))) for _ in range(draw.randint(0, 2))]
        periods = [Cap(draw.randint(1, 3), period=draw.choice(("day", "week", "month")))] * draw.randint(0, 1)
        fatigue = (
            Fatigue(draw.choice((1.0, 2.5, 3.0)), draw.choice((HOUR, 2 * DAY, 1_001))) if draw.random() < 0.6 else None
        )
        messages = lives(draw, Policy(caps=(*spans, *periods), fatigue=fatigue), (1.0, 0.5, 0.3, 1.0), zone)
        for one in messages:
            for cap in spans:
                assert cap.span
                inside = [each for each in messages if one.at - cap.span < each.at <= one.at]
                assert len(inside) <= cap.limit, f"seed {seed}"
            for cap in periods:
                assert cap.period
                same = [
                    each
                    for each in messages
                    if period_of(each.at, cap.period, zone) == period_of(one.at, cap.period, zone)
                ]
                assert len(same) <= cap.limit, f"seed {seed}"
            if fatigue:
                before = [each for each in messages if each.at <= one.at and each is not one]
                assert felt(before, fatigue.half_life, one.at) + one.weight <= fatigue.budget + 1e-9, f"seed {seed}"


def test_a_message_leaves_a_rolling_cap_its_span_after_it_was_sent_and_not_before() -> None:
    user = person(sent(NOON - DAY + 5), sent(NOON - 1), sent(NOON - 1, 1))
    message, policy = due(user), policy_of(caps=(Cap(3, DAY, text="3 per 1d"),))
    reason = "cap: 3 sent, and the cap is 3 per 1d; from 2026-01-08T12:00:00Z on"
    assert user.release(message, NOON, policy) == Held("cap", reason, NOON + 5)
    assert isinstance(user.release(message, NOON + 4, policy), Held)
    assert user.release(message, NOON + 5, policy) == Go()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_calendar_cap_opens_with_the_first_minute_of_the_next_period(zone: str, period: Period) -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    policy = policy_of(caps=(Cap(1, period=period),))
    for _ in range(12):
        now = draw.choice((NOON, 1_325_200_000_000, 1_541_280_000_000, 1_774_700_000_000)) + draw.randrange(72) * HOUR
        user = person(sent(now), zone=zone)
        answer = user.release(due(user), now, policy)
        assert isinstance(answer, Held)
        minutes = range(now, now + 32 * DAY, 30 * 60_000)
        found = first(lambda at: period_of(at, period, zone) != period_of(now, period, zone), minutes)  # noqa: B023
        assert found is not None
        assert found - 30 * 60_000 < answer.until <= found, f"seed {seed}"
        assert period_of(answer.until - 1, period, zone) == period_of(now, period, zone), f"seed {seed}"


def test_the_first_millisecond_at_which_the_budget_suffices_is_found_without_a_search() -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for _ in range(300):
        messages = [
            sent(NOON - draw.randrange(5 * DAY), each, weight=draw.uniform(0, 2)) for each in range(draw.randint(0, 6))
        ]
        rule, weight = Fatigue(draw.uniform(0.5, 3), draw.choice((500, HOUR, 2 * DAY, 90 * DAY))), draw.uniform(0, 1.5)
        user, policy = person(*messages), policy_of(Facts(weight=weight), fatigue=rule)
        message = due(user)
        match user.release(message, NOON, policy):
            case Go():
                assert felt(messages, rule.half_life, NOON) + weight <= rule.budget + 1e-9, f"seed {seed}"
            case Held(_, _, until):
                assert felt(messages, rule.half_life, until) + weight <= rule.budget + 1e-9, f"seed {seed}"
                assert felt(messages, rule.half_life, until - 1) + weight > rule.budget - 1e-9, f"seed {seed}"
            case Never():
                assert weight >= rule.budget, f"seed {seed}"


def test_a_day_that_begins_twice_is_waited_for_the_second_time() -> None:
    # St John's, 7 November 2010: at 00:01 the clock was put back to 23:01 of the day before
    again = int(datetime.fromisoformat("2010-11-06T23:30-03:30").timestamp()) * 1_000
    user = person(sent(again - 2 * HOUR), zone="America/St_Johns")
    answer = user.release(due(user), again, policy_of(caps=(Cap(1, period="day"),)))
    assert isinstance(answer, Held)
    assert answer.until == again + HOUR // 2


def test_the_order_in_which_things_were_sent_makes_no_difference() -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for _ in range(200):
        messages = [sent(NOON - draw.randrange(DAY), each, weight=draw.uniform(0, 2)) for each in range(6)]
        policy = policy_of(fatigue=Fatigue(draw.uniform(1, 4), draw.choice((HOUR, DAY))))
        answers = []
        for _ in range(3):
            user = person(*messages)
            answers.append(user.release(due(user), NOON, policy))
            draw.shuffle(messages)
        assert answers[0] == answers[1] == answers[2], f"seed {seed}"


@pytest.mark.parametrize("room", [1e-3, 1e-9, 1e-15])
def test_where_hardly_any_room_is_left_the_first_millisecond_is_found_all_the_same(room: float) -> None:
    user, policy = person(sent(NOON)), policy_of(Facts(weight=1 - room), fatigue=Fatigue(1, 90 * DAY))
    message = due(user)
    answer = user.release(message, NOON, policy)
    assert isinstance(answer, Held)
    assert user.release(message, answer.until, policy) == Go()
    assert isinstance(user.release(message, answer.until - 1, policy), Held)


def test_of_what_may_go_at_one_instant_the_higher_priority_goes_first() -> None:
    program = program_of(
        "triggers:\n  a: {when: view, send: m}\n  b: {when: view, send: m, priority: 1}\n  c: {when: view, send: m}\n",
        retention=90 * DAY,
        history_after=DAY,
    )
    user, policy = User("k:u", program), policy_of(caps=(Cap(1, DAY),))
    b, a, c = (f"{each.id}:m" for each in user.observe(Track(1, "view", NOON), NOON))
    assert user.release(c, NOON, policy) == user.release(a, NOON, policy)
    assert isinstance(user.release(a, NOON, policy), Held)
    assert user.release(b, NOON, policy) == Go()
    user.observe(Outcome(2, b, "sending", Sent(b, NOON, "b", "m")), NOON)
    user.observe(Outcome(3, b, "later"), NOON)
    assert user.release(a, NOON, policy) == Go(), "one whose destination did not take it stands in nobody's way"
    assert isinstance(user.release(c, NOON, policy), Held)


def test_what_is_due_itself_does_not_stand_in_its_own_way() -> None:
    user = person()
    message = due(user)
    user.sending.ledger.enter(Sent(message, NOON, "t", "m"))
    policy = policy_of(caps=(Cap(1, DAY),), fatigue=Fatigue(1, DAY))
    assert user.release(message, NOON + 1, policy) == Go()


def test_a_cap_counts_what_it_is_about() -> None:
    user = person(sent(NOON, channel="sms"), sent(NOON, 1, tags=("winback", "promo")))
    message = due(user)
    for cap, held in (
        (Cap(1, DAY, channel="sms"), False),
        (Cap(1, DAY, channel="email"), True),
        (Cap(1, DAY, tag="winback"), False),
        (Cap(2, DAY), True),
        (Cap(1, DAY, trigger="t"), True),
        (Cap(1, DAY, trigger="other"), False),
        (Cap(1, DAY, channel="email", tag="promo"), False),
    ):
        assert isinstance(user.release(message, NOON, policy_of(caps=(cap,))), Held) is held, cap
    tagged = policy_of(Facts(tags=("winback",)), caps=(Cap(1, DAY, tag="winback"),))
    assert isinstance(user.release(message, NOON, tagged), Held)


def test_what_is_to_be_dropped_over_the_limit_does_not_wait() -> None:
    user = person(sent(NOON))
    message = due(user)
    for rules in ({"caps": (Cap(1, DAY, text="1 per 1d"),)}, {"fatigue": Fatigue(1.5, DAY)}):
        answer = user.release(message, NOON, policy_of(Facts(over="drop"), **rules))
        assert isinstance(answer, Never)
        assert "from 2026-01-0" in answer.reason


def test_transactional_messages_pass_every_limit() -> None:
    user = person(sent(NOON), sent(NOON, 1))
    policy = policy_of(Facts(purpose="transactional"), caps=(Cap(1, DAY),), fatigue=Fatigue(1, DAY), holdout=1.0)
    assert user.release(due(user), NOON, policy) == Go()


def test_the_answer_is_the_instant_at_which_all_agree() -> None:
    policy = policy_of(caps=(Cap(1, 10 * HOUR),), quiet=(_night(),))
    user = person(sent(NOON))
    answer = user.release(due(user), NOON + HOUR, policy)
    # the cap lets go at 22:00, when it is quiet already
    assert answer == Held("cap", answer.reason if isinstance(answer, Held) else "", NOON + 20 * HOUR)


def test_what_would_go_only_when_it_has_expired_is_dropped_then() -> None:
    user = person(sent(NOON))
    message = due(user, expires=NOON + HOUR)
    answer = user.release(message, NOON, policy_of(caps=(Cap(1, DAY),)))
    assert isinstance(answer, Held)
    assert answer.until == NOON + HOUR
    assert isinstance(user.release(message, NOON + HOUR, policy_of(caps=(Cap(1, DAY),))), Never)


def test_a_share_of_the_people_that_grows_only_adds_people() -> None:
    people = [User(f"k:{each}", person().program) for each in range(2_000)]
    before: set[str] = set()
    for share in (0.0, 0.01, 0.05, 0.3, 1.0):
        policy = policy_of(holdout=share)
        held = {user.name for user in people if isinstance(user.release(due(user), NOON, policy), Never)}
        assert held >= before
        assert len(held) / len(people) == pytest.approx(share, abs=0.03)
        before = held


def test_a_holdout_of_one_trigger_is_drawn_apart_from_the_one_of_all() -> None:
    people = [User(f"k:{each}", person().program) for each in range(2_000)]
    both = policy_of(holdout=0.5, holdouts={"t": 0.5})
    held = sum(isinstance(user.release(due(user), NOON, both), Never) for user in people)
    assert held / len(people) == pytest.approx(0.75, abs=0.04)


def _night() -> Hours:
    return Hours(21 * 60, 8 * 60)
