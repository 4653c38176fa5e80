"""Quiet hours and send windows: what the person's own clock says decides, to the millisecond, in every night."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.core.events import Millis
from engine.core.sending.answers import Held, Never
from engine.core.sending.hours import is_within, opening
from engine.core.sending.local import beginning, zone_of
from engine.core.sending.policy import Facts, Hours, Policy
from tests.core.sending.people import DAY, HOUR, NOON, due, person, policy_of

MINUTE = 60_000
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NIGHT = Hours(21 * 60, 8 * 60)

NIGHTS = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "America/Sao_Paulo": ("2018-02-18", "2018-11-04"),
    "Africa/Cairo": ("2026-04-24", "2026-10-30"),
    "Asia/Beirut": ("2026-03-29", "2026-10-25"),
    "America/St_Johns": ("2010-03-14", "2010-11-07"),
    "Pacific/Apia": ("2011-12-30", "2012-04-01"),
    "Asia/Kathmandu": ("2026-01-01", "2026-06-01"),
}
"""Nights in which the clock is put forward or back, or a day is left out; and a zone without such nights."""


def ms(text: str) -> Millis:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000


def says(hours: Hours, zone: ZoneInfo, at: Millis) -> bool:
    """The same question, asked of the day on which the hours begin: today's, or yesterday's."""
    clock = (datetime.fromtimestamp(at // 1_000, UTC).astimezone(zone)).replace(tzinfo=None)
    for back in (0, 1):
        day = clock.date() - timedelta(days=back)
        begin = datetime.combine(day, datetime.min.time()) + timedelta(minutes=hours.start)
        end = datetime.combine(day, datetime.min.time()) + timedelta(minutes=hours.stop)
        if hours.stop <= hours.start:
            end += timedelta(days=1)
        if day.weekday() in hours.days and begin <= clock < end:
            return True
    return False


def allowed(policy: Policy, zone: ZoneInfo, at: Millis) -> bool:
    if any(says(hours, zone, at) for hours in policy.quiet):
        return False
    return not policy.windows or any(says(hours, zone, at) for hours in policy.windows)


def test_the_opening_is_the_first_instant_that_a_search_minute_by_minute_finds() -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for number in range(250):
        name = draw.choice(list(NIGHTS))
        zone = ZoneInfo(name)
        now = ms(draw.choice(NIGHTS[name]) + "T00:00+00:00") + draw.randrange(-30 * 60, 30 * 60) * MINUTE
        policy = Policy(
            quiet=tuple(some_hours(draw) for _ in range(draw.choice((0, 1, 1, 2)))),
            windows=tuple(some_hours(draw) for _ in range(draw.choice((0, 0, 1)))),
        )
        found = opening(policy, zone, now)
        searched = next(
            (at for at in range(now, now + 3 * DAY, MINUTE) if allowed(policy, zone, at)),
            None,
        )
        if found is None or found >= now + 3 * DAY:
            assert searched is None, f"seed {seed}, number {number}"
        else:
            assert found == searched, f"seed {seed}, number {number}: {policy}, {name}, {now}"


def some_hours(draw: random.Random) -> Hours:
    start, stop = (draw.choice((0, 30, 60, 90, 120, 125, 150, 180, 1380, 1410, draw.randrange(1_440))) for _ in "ab")
    days = frozenset(range(7)) if draw.random() < 0.6 else frozenset(draw.sample(range(7), draw.randint(1, 6)))
    return Hours(start, stop, days)


@pytest.mark.parametrize(
    ("zone", "clock", "quiet"),
    [
        (BERLIN, "2026-01-08T20:59:59+01:00", False),
        (BERLIN, "2026-01-08T21:00:00+01:00", True),
        (BERLIN, "2026-01-09T07:59:59+01:00", True),
        (BERLIN, "2026-01-09T08:00:00+01:00", False),
        (NEW_YORK, "2026-07-01T20:59:59-04:00", False),
        (NEW_YORK, "2026-07-01T21:00:00-04:00", True),
    ],
)
def test_hours_begin_with_their_start_and_end_before_their_stop(zone: ZoneInfo, clock: str, *, quiet: bool) -> None:
    assert is_within(NIGHT, zone, ms(clock)) is quiet
    assert is_within(NIGHT, zone, ms(clock) + 999) is quiet


@pytest.mark.parametrize(
    ("zone", "asked", "opens"),
    [
        # the night of 29 March has no hour from 2 to 3 in Berlin
        (BERLIN, "2026-03-28T22:00+01:00", "2026-03-29T08:00+02:00"),
        # that of 25 October has it twice
        (BERLIN, "2026-10-24T22:00+02:00", "2026-10-25T08:00+01:00"),
        (NEW_YORK, "2026-03-07T23:30-05:00", "2026-03-08T08:00-04:00"),
        (NEW_YORK, "2026-10-31T23:30-04:00", "2026-11-01T08:00-05:00"),
        (ZoneInfo("Asia/Kathmandu"), "2026-01-01T23:00+05:45", "2026-01-02T08:00+05:45"),
        (ZoneInfo("Pacific/Apia"), "2011-12-29T23:00-10:00", "2011-12-31T08:00+14:00"),
    ],
)
def test_the_morning_after_a_night_in_which_the_clock_changes_is_the_clocks(
    zone: ZoneInfo, asked: str, opens: str
) -> None:
    assert opening(Policy(quiet=(NIGHT,)), zone, ms(asked)) == ms(opens)


def test_a_boundary_that_the_clock_leaps_over_counts_where_it_leaps() -> None:
    policy = Policy(quiet=(Hours(60, 150),))  # until half past two, which there is not
    assert opening(policy, BERLIN, ms("2026-03-29T01:30+01:00")) == ms("2026-03-29T03:00+02:00")


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    policy = Policy(quiet=(Hours(120, 150),))
    assert opening(policy, BERLIN, ms("2026-10-25T02:10+02:00")) == ms("2026-10-25T02:30+02:00")
    assert opening(policy, BERLIN, ms("2026-10-25T02:10+01:00")) == ms("2026-10-25T02:30+01:00")


def test_hours_that_last_into_the_next_day_belong_to_the_day_on_which_they_begin() -> None:
    fridays = Policy(quiet=(Hours(22 * 60, 6 * 60, frozenset({4})),))
    assert opening(fridays, BERLIN, ms("2026-01-10T03:00+01:00")) == ms("2026-01-10T06:00+01:00")
    assert opening(fridays, BERLIN, ms("2026-01-09T03:00+01:00")) == ms("2026-01-09T03:00+01:00")


def test_a_window_on_one_day_of_the_week_is_waited_for() -> None:
    policy = Policy(windows=(Hours(9 * 60, 10 * 60, frozenset({2})),))
    assert opening(policy, BERLIN, ms("2026-01-08T12:00+01:00")) == ms("2026-01-14T09:00+01:00")


def test_what_is_never_open_is_known_to_be() -> None:
    user, policy = person(), policy_of(quiet=(Hours(0, 720), Hours(720, 0)))
    assert user.release(due(user), NOON, policy) == Never(
        "quiet hours", "quiet hours: it is 12:00 for them (UTC), and it is never time to send"
    )


def test_the_profiles_zone_counts_and_the_shops_where_it_names_none() -> None:
    policy = Policy(zone=BERLIN)
    for named, zone in {
        "America/New_York": "America/New_York",
        "Nowhere/Atall": "Europe/Berlin",
        "../../etc/passwd": "Europe/Berlin",
        "": "Europe/Berlin",
        "Europe": "Europe/Berlin",
        "localtime": "Europe/Berlin",
        "posixrules": "Europe/Berlin",
        "a" * 5_000: "Europe/Berlin",
        "x\0y": "Europe/Berlin",
    }.items():
        assert zone_of({"timezone": named}, policy).key == zone
    assert zone_of({"timezone": 7}, policy) == BERLIN
    assert zone_of({}, policy) == BERLIN


def test_a_message_is_held_until_the_persons_own_morning() -> None:
    user, policy = person(zone="America/New_York"), policy_of(quiet=(NIGHT,), zone=BERLIN)
    message, asked, opens = due(user), ms("2026-11-01T01:30-05:00"), ms("2026-11-01T08:00-05:00")
    answer = user.release(message, asked, policy)
    assert answer == Held(
        "quiet hours", "quiet hours: it is 01:30 for them (America/New_York); from Sun 08:00 on", opens
    )
    assert isinstance(user.release(message, opens - 1, policy), Held)
    assert not isinstance(user.release(message, opens, policy), Held)


def test_transactional_messages_go_at_any_time() -> None:
    user, policy = person(), policy_of(Facts(purpose="transactional"), quiet=(NIGHT,))
    assert not isinstance(user.release(due(user), NOON + 11 * HOUR, policy), Held | Never)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-29T00:00+01:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00-02:00"),  # midnight is left out
        (
            "America/St_Johns",
            "2010-11-07",
            "2010-11-07T00:00-02:30",
        ),  # and here comes twice, a minute apart from an hour
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00+14:00"),  # the day is left out
    ],
)
def test_a_day_begins_with_the_first_instant_of_which_the_clock_says_so(zone: str, day: str, begins: str) -> None:
    assert beginning(datetime.fromisoformat(day).date(), ZoneInfo(zone)) == ms(begins)
