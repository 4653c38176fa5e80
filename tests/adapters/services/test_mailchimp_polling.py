"""What Mailchimp is asked: each thing is told, and told once, however pages, rounds and failures fall."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from trio.testing import MockClock

from adapters.destinations import build, mailchimp_polling
from adapters.feedback.polling import Polled, Poller
from adapters.feedback.report import Report
from engine.core.events import Millis
from engine.runtime.ports import Rejected, Unavailable
from tests.adapters.services.mailchimp import KEYS, settings
from tests.simulators.base import Direct, Fault, Mutating, Parts
from tests.simulators.mailchimp import Mailchimp, hashed

NOW = 1_795_428_000
"""Seconds."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ANN, BOB = "ann@shop.example", "bob@shop.example"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


class Asking:
    """Asks again and again, with the cursor that was given; times are in seconds."""

    def __init__(self, poller: Poller, simulator: Mailchimp) -> None:
        self._poller = poller
        self.simulator = simulator
        self.cursor = ""

    async def ask(self, now: float = NOW, *mailed: str) -> Polled:
        polled = await self._poller.poll(self.cursor, mailed or (ANN,), round(now * 1_000))
        self.cursor = polled.cursor
        return polled

    async def done(self, now: float = NOW, *mailed: str) -> list[Report]:
        """What was told of doings, and not of how things stand."""
        polled = await self.ask(now, *mailed)
        assert polled.problem is None
        return [report for report in polled.reports if not report.standing]

    async def standing(self, now: float = NOW) -> list[tuple[str, str]]:
        return sorted((each.event, each.address) for each in (await self.ask(now)).reports if each.standing)


@asynccontextmanager
async def at(change: Callable[[Parts], None] = lambda _: None, **more: Any) -> AsyncIterator[Asking]:
    simulator, set_as = Mailchimp(), msgspec.structs.replace(settings("http://there.example"), **more)
    async with build("m", set_as, Mutating(Direct(simulator), change)) as destination:
        assert isinstance(destination, Poller)
        yield Asking(destination, simulator)


async def test_what_members_do_is_told_with_whom_it_is_about(autojump_clock: MockClock) -> None:
    async with at() as asking:
        asking.simulator.do("Ann@Shop.example", "open", NOW - MINUTE)
        asking.simulator.do(ANN, "click", NOW - 50, link_clicked="https://shop.example/x")
        asking.simulator.do(ANN, "bounce", NOW - 40, bounce_type="soft")
        asking.simulator.do(ANN, "sent", NOW - 30)
        asking.simulator.do(BOB, "unsub", NOW - 20)
        told = await asking.done(NOW, ANN, BOB)
        assert [(each.event, each.address, each.at, each.link, each.soft) for each in sorted(told, key=_at)] == [
            ("Email Opened", ANN, (NOW - MINUTE) * 1_000, "", False),
            ("Email Link Clicked", ANN, (NOW - 50) * 1_000, "https://shop.example/x", False),
            ("Email Bounced", ANN, (NOW - 40) * 1_000, "", True),
            ("Unsubscribed", BOB, (NOW - 20) * 1_000, "", False),
        ]
        assert len({each.id for each in told}) == 4
        assert not any("@" in each.id for each in told), "an id holds no address"
        assert [str(each) for each in asking.simulator.broken] == []


async def test_what_is_told_again_bears_the_same_id_and_only_while_that_is_recognised(
    autojump_clock: MockClock,
) -> None:
    async with at() as asking:
        asking.simulator.do(ANN, "open", NOW - MINUTE)
        first = await asking.done(NOW)
        assert await asking.done(NOW + 5 * MINUTE) == first, "for it may be shown late"
        assert await asking.done(NOW + HOUR) == first
        assert await asking.done(NOW + HOUR + 1) == []
        asking.simulator.do(ANN, "click", NOW + HOUR)
        assert len(await asking.done(NOW + HOUR + 2)) == 1
        assert await asking.done(NOW + 2 * DAY) == [], "the process stood still: what was told is recognised no more"


async def test_nothing_is_missed_that_is_shown_late_or_happened_while_nobody_asked(autojump_clock: MockClock) -> None:
    async with at() as asking:
        assert await asking.done(NOW) == []
        asking.simulator.do(ANN, "open", NOW - 20 * MINUTE)
        assert len(await asking.done(NOW + 5 * MINUTE)) == 1
        asking.simulator.do(ANN, "open", NOW + HOUR)
        asking.simulator.do(ANN, "click", NOW + 3 * DAY)
        assert len(await asking.done(NOW + 4 * DAY)) == 2


async def test_without_a_cursor_no_more_is_told_than_is_recognised(autojump_clock: MockClock) -> None:
    async with at() as asking:
        for hours in (12, 23, 30, 100):
            asking.simulator.do(ANN, "open", NOW - hours * HOUR)
        assert [each.at for each in await asking.done()] == [(NOW - 12 * HOUR) * 1_000]
        asking.cursor = "{not a cursor"
        assert len(await asking.done()) == 1


async def test_everybody_is_asked_about_once_in_a_round(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailchimp_polling, "FEEDS", 3)
    people = [f"p{number}@shop.example" for number in range(8)]
    async with at() as asking:
        for person in people:
            asking.simulator.do(person, "open", NOW - MINUTE)
        told: list[Report] = []
        for poll in range(3):
            told += await asking.done(NOW + poll, *people)
        assert sorted(each.address for each in told) == people
        late = "a@shop.example"  # who stands before where the round is
        await asking.done(NOW + 10, *people)
        asking.simulator.do(late, "open", NOW + 20)
        told = []
        for poll in range(5):
            told += [each for each in await asking.done(NOW + 30 + poll, late, *people) if each.address == late]
        assert len({each.id for each in told}) == 1


async def test_who_is_not_in_the_audience_holds_up_nobody(autojump_clock: MockClock) -> None:
    async with at() as asking:
        asking.simulator.do(ANN, "open", NOW - MINUTE)
        assert len(await asking.done(NOW, "aaa@nowhere.example", ANN, "zzz@nowhere.example")) == 1


async def test_those_who_have_left_are_told_at_first_and_then_when_that_changes(autojump_clock: MockClock) -> None:
    async with at() as asking:
        asking.simulator.leave("old@shop.example", "unsubscribed", NOW - 400 * DAY)
        asking.simulator.leave("dead@shop.example", "cleaned", NOW - 30 * DAY)
        assert await asking.standing() == [("Email Bounced", "dead@shop.example"), ("Unsubscribed", "old@shop.example")]
        asking.simulator.leave(BOB, "unsubscribed", NOW)
        assert ("Unsubscribed", BOB) in await asking.standing(NOW + 1)


async def test_whoever_impel_itself_lets_enter_as_unsubscribed_has_not_left(autojump_clock: MockClock) -> None:
    async with at(status_if_new="unsubscribed") as asking:
        asking.simulator.leave(BOB, "unsubscribed", NOW - DAY)
        asking.simulator.leave("dead@shop.example", "cleaned", NOW - DAY)
        asking.simulator.do(ANN, "unsub", NOW - MINUTE)
        assert await asking.standing() == [("Email Bounced", "dead@shop.example")]
        assert [each.event for each in await asking.done(NOW + 1)] == ["Unsubscribed"]


@pytest.mark.parametrize("people", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("every", [0, 1, 60])
async def test_however_many_have_left_all_of_them_are_told(
    people: int, every: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pages of 3, up to 2 in a poll, with all changes in one second or far from each other."""
    monkeypatch.setattr(mailchimp_polling, "PAGE", 3)
    monkeypatch.setattr(mailchimp_polling, "PAGES", 2)
    addresses = [f"p{number:02}@shop.example" for number in range(people)]
    async with at() as asking:
        for number, address in enumerate(addresses):
            asking.simulator.leave(address, "unsubscribed", NOW - DAY + number * every)
        told: set[str] = set()
        for poll in range(1 + people // 2):
            told |= {address for _, address in await asking.standing(NOW + poll)}
        assert sorted(told) == addresses


async def test_a_member_who_changes_between_two_pages_hides_nobody(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailchimp_polling, "PAGE", 3)
    monkeypatch.setattr(mailchimp_polling, "PAGES", 1)
    addresses = [f"p{number}@shop.example" for number in range(7)]
    async with at() as asking:
        for number, address in enumerate(addresses):
            asking.simulator.leave(address, "unsubscribed", NOW - DAY + number * 60)
        told = {address for _, address in await asking.standing()}
        asking.simulator.leave(addresses[0], "unsubscribed", NOW)
        for poll in range(4):
            told |= {address for _, address in await asking.standing(NOW + poll)}
        assert sorted(told) == addresses


@pytest.mark.parametrize(
    ("fault", "kind"), [("429", Unavailable), ("503", Unavailable), ("500", Unavailable), ("400", Rejected)]
)
@pytest.mark.parametrize("passed", [0, 1])
async def test_where_asking_for_those_who_have_left_fails_that_is_told_and_asked_again(
    fault: Fault, kind: type[Exception], passed: int, autojump_clock: MockClock
) -> None:
    async with at() as asking:
        asking.simulator.leave(BOB, "unsubscribed", NOW - DAY)
        asking.simulator.leave("dead@shop.example", "cleaned", NOW - DAY)
        asking.simulator.do(ANN, "open", NOW - MINUTE)
        asking.simulator.faults.extend([*["none"] * passed, fault])  # type: ignore[list-item]
        polled = await asking.ask()
        assert isinstance(polled.problem, kind)
        assert len(polled.reports) == 2, "what else can be told is"
        assert len(await asking.standing(NOW + 1)) == 2


async def test_a_service_that_is_out_of_order_is_not_asked_on_and_on_and_the_cursor_stays(
    autojump_clock: MockClock,
) -> None:
    async with at() as asking:
        await asking.done()
        before, number = asking.cursor, len(asking.simulator.asked)
        asking.simulator.faults.extend(["503"] * 9)
        assert (await asking.ask(NOW + HOUR, *[f"p{each}@shop.example" for each in range(9)])).problem is not None
        assert asking.cursor == before
        assert len(asking.simulator.asked) - number == 3


@pytest.mark.parametrize("fault", ["429", "500", "503"])
async def test_where_asking_for_activities_fails_the_round_goes_on_from_there(
    fault: Fault, autojump_clock: MockClock
) -> None:
    people = [f"p{number}@shop.example" for number in range(4)]
    async with at() as asking:
        for person in people:
            asking.simulator.do(person, "open", NOW - MINUTE)
        asking.simulator.faults.extend(["none", "none", "none", "none", fault])
        polled = await asking.ask(NOW, *people)
        assert polled.problem is not None
        assert [each.address for each in polled.reports if not each.standing] == people[:2]
        told = await asking.done(NOW + 3 * DAY, *people)
        assert [each.address for each in told] == people[2:], "not told before, so told however late"


def _at(report: Report) -> Millis:
    return report.at


def _query(name: str, value: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        head, _, query = parts.url.partition("?")
        pairs = [each for each in query.split("&") if not each.startswith(f"{name}=")]
        parts.url = f"{head}?{'&'.join([*pairs, f'{name}={value}'])}"

    return change


def _in_the_path(parts: Parts) -> None:
    parts.url = parts.url.replace(hashed(ANN), ANN)


MUTANTS: list[tuple[Callable[[Parts], Any], str]] = [
    (lambda parts: parts.headers.pop("authorization"), "a key is shown by Basic authentication"),
    (_query("status", "gone"), "there is such a status"),
    (_query("sort_field", ""), "they come in the order of a field"),
    (_query("count", "2000"), "at most 1,000 are given"),
    (_query("activity_filters", "open,clicked"), "there are such activities"),
    (_query("since_last_changed", "1795428000"), "instants"),
    (_in_the_path, "the member is in the audience"),
]


@pytest.mark.parametrize(("change", "rule"), MUTANTS)
async def test_the_simulator_notices_a_faulty_question(
    change: Callable[[Parts], None], rule: str, autojump_clock: MockClock
) -> None:
    async with at(change) as asking:
        asking.simulator.do(ANN, "open", NOW - MINUTE)
        asking.simulator.leave(BOB, "unsubscribed", NOW - DAY)
        await asking.ask()
        await asking.ask(NOW + 1)
        assert rule in {str(each).rpartition(" (")[0] for each in asking.simulator.broken}
