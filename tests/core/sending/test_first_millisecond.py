"""A held message goes at the first millisecond at which all gates agree: against a search that reads only the text."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.core.events import INF, Millis, Sent
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.policy import Cap, Facts, Fatigue, Hours, Policy
from engine.core.sending.question import Due
from tests.core.sending.people import DAY, HOUR, NOON, person

MINUTE = 60_000
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
NIGHTS = {
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),
}
"""The evenings before the clock is put forward, or back."""


class Case:
    """Rules, somebody who was sent something, and a message; and, by another way than the engine's, when it may go."""

    def __init__(self, draw: random.Random, zone: str) -> None:
        evening = datetime.fromisoformat(draw.choice(NIGHTS[zone])).replace(tzinfo=ZoneInfo(zone))
        base = int(evening.timestamp()) * 1_000 + draw.randrange(-DAY, DAY)
        self.now: Millis = base if draw.random() < 0.7 else NOON + draw.randrange(300 * DAY)
        self.zone = ZoneInfo(zone)
        self.start = self.now + draw.choice((0, 0, 1, HOUR, 30 * HOUR))
        self.weight = draw.choice((1.0, 0.5, 2.0))
        self.sent = [
            Sent(f"s{n}", self.now - draw.choice((1, MINUTE, HOUR, draw.randrange(3 * DAY))), "t", "m", weight=1.0)
            for n in range(draw.randrange(5))
        ]
        begins, ends = draw.sample(range(24 * 60), 2)
        self.quiet = (begins, ends) if draw.random() < 0.7 else None
        self.cap = (draw.randint(1, 3), draw.choice((HOUR, DAY, 3 * DAY))) if draw.random() < 0.6 else None
        self.daily = draw.randint(1, 3) if draw.random() < 0.5 else None
        self.fatigue = (3.0, draw.choice((HOUR, DAY))) if draw.random() < 0.6 else None

    def answer(self) -> Go | Held | Never:
        """What the engine says."""
        caps = [Cap(self.cap[0], self.cap[1])] if self.cap else []
        caps += [Cap(self.daily, period="day")] if self.daily else []
        policy = Policy(
            messages={"m": Facts(weight=self.weight)},
            zone=self.zone,
            quiet=(Hours(*self.quiet),) if self.quiet else (),
            caps=tuple(caps),
            fatigue=Fatigue(*self.fatigue) if self.fatigue else None,
        )
        user = person(*self.sent)
        user.sending.due["x:m"] = Due("x:m", "t", "m", self.now, INF, start=self.start)
        return user.release("x:m", self.now, policy)

    def may(self, at: Millis) -> bool:
        """Whether it may go at an instant, if nothing else was sent meanwhile."""
        said = datetime.fromtimestamp(at // 1_000, UTC).astimezone(self.zone)
        if at < self.start:
            return False
        if self.quiet is not None:
            minute, (begins, ends) = said.hour * 60 + said.minute, self.quiet
            if begins <= minute < ends if begins < ends else minute >= begins or minute < ends:
                return False
        if self.cap is not None and sum(at - self.cap[1] < each.at for each in self.sent) >= self.cap[0]:
            return False
        if self.daily is not None:
            days = [datetime.fromtimestamp(each.at // 1_000, UTC).astimezone(self.zone).date() for each in self.sent]
            if days.count(said.date()) >= self.daily:
                return False
        if self.fatigue is None:
            return True
        budget, half_life = self.fatigue
        return sum(2 ** (-(at - each.at) / half_life) for each in self.sent) + self.weight <= budget

    def before(self, until: Millis) -> set[Millis]:
        """Instants from now on at which it might have gone earlier: all minutes, and whatever is near an edge."""
        minutes = range(self.now - self.now % MINUTE + MINUTE, until, MINUTE)
        step = max(len(minutes) // 2_000, 1)
        edges = [
            self.now,
            self.start,
            until - 1,
            *(each.at + span for each in self.sent for span in (HOUR, DAY, 3 * DAY)),
        ]
        near = {edge + off for edge in edges for off in (-1, 0, 1)}
        days = [datetime.fromtimestamp(self.now // 1_000, self.zone) + timedelta(n) for n in range(5)]
        near |= {int(day.replace(hour=0, minute=0, second=0).timestamp()) * 1_000 for day in days}
        return {at for at in {*minutes[::step], *near} if self.now <= at < until}


@pytest.mark.parametrize("zone", ZONES)
def test_it_goes_at_the_first_millisecond_at_which_all_agree_and_not_one_before(zone: str) -> None:
    seed = random.randrange(10**6)
    draw, held = random.Random(seed), 0
    for number in range(150):
        case = Case(draw, zone)
        note, answer = f"seed {seed}, case {number}: {vars(case)}", case.answer()
        if isinstance(answer, Held):
            held += 1
            assert case.may(answer.until), note
            assert not [at for at in case.before(answer.until) if case.may(at)], note
        else:
            assert answer == Go(), note
            assert case.may(case.now), note
    assert held > 30, f"seed {seed}"
