"""What HubSpot is asked: each thing is told, and told once, however pages, spans and failures fall."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build, http, hubspot_polling
from adapters.feedback.polling import Polled, Poller
from adapters.feedback.report import Report
from engine.runtime.ports import Rejected, Unavailable
from tests.adapters.services.hubspot import KEYS, settings
from tests.simulators.base import Direct, Fault, Mutating, Parts
from tests.simulators.hubspot import Hubspot

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

    def __init__(self, poller: Poller, simulator: Hubspot) -> None:
        self._poller = poller
        self.simulator = simulator
        self.cursor = ""

    async def ask(self, now: float = NOW, *mailed: str) -> Polled:
        polled = await self._poller.poll(self.cursor, mailed, round(now * 1_000))
        self.cursor = polled.cursor
        return polled

    async def happened(self, now: float = NOW) -> list[Report]:
        """What was told to have happened, in order."""
        polled = await self.ask(now)
        assert polled.problem is None
        return sorted(polled.reports, key=lambda each: each.at)

    async def left(self, now: float = NOW, *mailed: str) -> list[str]:
        """Who was told to have left."""
        return [each.address for each in (await self.ask(now, *mailed)).reports if each.standing]

    def asked_about(self) -> list[str]:
        """The addresses that were asked about so far."""
        paths = [asked.path for asked in self.simulator.asked if asked.path.endswith("/unsubscribe-all")]
        return [path.split("/")[-2].replace("%40", "@") for path in paths]


@asynccontextmanager
async def at(change: Callable[[Parts], None] = lambda _: None) -> AsyncIterator[Asking]:
    simulator = Hubspot()
    async with build("h", settings("http://there.example"), Mutating(Direct(simulator), change)) as destination:
        assert isinstance(destination, Poller)
        yield Asking(destination, simulator)


async def test_what_became_of_mails_is_told_with_whom_it_is_about(autojump_clock: MockClock) -> None:
    async with at() as asking:
        happen = asking.simulator.happen
        happen("SENT", ANN, NOW - 90)
        happen("DELIVERED", ANN, NOW - 80)
        happen("OPEN", ANN, NOW - 70, filteredEvent=True)
        happen("OPEN", ANN, NOW - 60, filteredEvent=False)
        happen("CLICK", ANN, NOW - 50, url="https://shop.example/x")
        happen("SPAMREPORT", BOB, NOW - 40)
        happen("DEFERRED", BOB, NOW - 30)
        told = await asking.happened()
        assert [(each.event, each.address, each.link, each.machine) for each in told] == [
            ("Email Delivered", ANN, "", False),
            ("Email Opened", ANN, "", True),
            ("Email Opened", ANN, "", False),
            ("Email Link Clicked", ANN, "https://shop.example/x", False),
            ("Email Marked as Spam", BOB, "", False),
        ]
        assert len({each.id for each in told}) == len(told)
        assert [str(each) for each in asking.simulator.broken] == []


@pytest.mark.parametrize(
    ("said", "soft"),
    [
        ({"category": "UNKNOWN_USER", "status": "5.1.1"}, False),
        ({"category": "MAILBOX_FULL", "status": "5.2.2"}, True),
        ({"status": "5.1.10"}, False),
        ({"status": "4.4.2"}, True),
        ({"category": "SPAM"}, True),
        ({}, False),
    ],
)
async def test_a_bounce_is_soft_where_the_address_may_be_good(
    said: dict[str, str], soft: bool, autojump_clock: MockClock
) -> None:
    async with at() as asking:
        asking.simulator.happen("BOUNCE", ANN, NOW - 1, **said)
        assert [(each.event, each.soft) for each in await asking.happened()] == [("Email Bounced", soft)]


async def test_who_leaves_everything_or_some_lists_is_told(autojump_clock: MockClock) -> None:
    lists = [
        {"id": 7, "status": "UNSUBSCRIBED"},
        {"id": 8, "status": "SUBSCRIBED"},
        {"id": 9, "status": "UNSUBSCRIBED"},
    ]
    async with at() as asking:
        happen = asking.simulator.happen
        happen("STATUSCHANGE", ANN, NOW - 3, portalSubscriptionStatus="UNSUBSCRIBED", subscriptions=lists)
        happen("STATUSCHANGE", BOB, NOW - 2, portalSubscriptionStatus="SUBSCRIBED", subscriptions=lists)
        happen("STATUSCHANGE", ANN, NOW - 1, portalSubscriptionStatus="SUBSCRIBED")
        told = await asking.happened()
        assert [(each.address, each.of) for each in told] == [(ANN, ""), (BOB, "7"), (BOB, "9")]
        assert {each.event for each in told} == {"Unsubscribed"}
        assert len({each.id for each in told}) == 3


async def test_a_single_send_of_ours_is_told_with_its_message(autojump_clock: MockClock) -> None:
    ours = f"{'0a' * 16}:reminder"
    async with at() as asking:
        for number, send in enumerate([ours, "reminder", "0a:reminder"]):
            asking.simulator.happen("OPEN", ANN, NOW - 9 + number, sendId=send)
        assert [each.message for each in await asking.happened()] == [ours, "", ""]


async def test_what_is_told_again_bears_the_same_id_and_only_while_that_is_recognised(
    autojump_clock: MockClock,
) -> None:
    async with at() as asking:
        asking.simulator.happen("OPEN", ANN, NOW - MINUTE)
        first = await asking.happened(NOW)
        assert len(first) == 1
        assert await asking.happened(NOW + 5 * MINUTE) == first, "for it may be shown late"
        assert await asking.happened(NOW + HOUR) == first
        assert await asking.happened(NOW + HOUR + 1) == []
        asking.simulator.happen("CLICK", ANN, NOW + HOUR + 1)
        assert len(await asking.happened(NOW + HOUR + 2)) == 1
        assert await asking.happened(NOW + 2 * DAY) == [], (
            "the process stood still: what was told is recognised no more"
        )


async def test_without_a_cursor_no_more_is_told_than_is_recognised(autojump_clock: MockClock) -> None:
    async with at() as asking:
        for hours in (12, 23, 30, 100):
            asking.simulator.happen("OPEN", ANN, NOW - hours * HOUR)
        assert [each.at for each in await asking.happened()] == [(NOW - 12 * HOUR) * 1_000]
        asking.cursor = '{"events": 5}'
        assert len(await asking.happened()) == 1


@pytest.mark.parametrize("events", [1, 2, 3, 4, 9, 25])
async def test_however_much_happened_all_of_it_is_told(
    events: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pages of 2, up to 3 in a poll; tokens do not last from one poll to the next."""
    monkeypatch.setattr(hubspot_polling, "PAGE", 2)
    monkeypatch.setattr(hubspot_polling, "PAGES", 3)
    async with at() as asking:
        for number in range(events):
            asking.simulator.happen("OPEN", ANN, NOW - DAY / 2 + number // 2)
        told: set[str] = set()
        for poll in range(2 + events // 4):
            told |= {each.id for each in await asking.happened(NOW + 5 * MINUTE * poll)}
            await trio.sleep(5 * MINUTE)
        assert len(told) == events
        asking.simulator.happen("OPEN", ANN, NOW + DAY - 1)
        assert len(await asking.happened(NOW + DAY)) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "pause"),
    [("429", Unavailable, None), ("429 in 7 s", Unavailable, 7), ("500", Unavailable, None), ("400", Rejected, None)],
)
@pytest.mark.parametrize("passed", [0, 1, 2])
async def test_where_a_page_fails_what_was_told_is_not_lost_and_the_rest_is_asked_for_again(
    fault: Fault,
    kind: type[Exception],
    pause: float | None,
    passed: int,
    *,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubspot_polling, "PAGE", 2)
    async with at() as asking:
        for number in range(6):
            asking.simulator.happen("OPEN", ANN, NOW - HOUR + number)
        asking.simulator.faults.extend([*["none"] * passed, fault])  # type: ignore[list-item]
        polled = await asking.ask()
        assert isinstance(polled.problem, kind)
        if isinstance(polled.problem, Unavailable):
            assert polled.problem.retry_after == pause
        assert len(polled.reports) == 2 * passed
        told = {each.id for each in polled.reports} | {each.id for each in await asking.happened(NOW + 3 * DAY)}
        assert len(told) == 6


async def test_who_has_left_is_asked_about_once_a_day_and_a_few_at_a_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubspot_polling, "STATUSES", 2)
    people = [f"p{number}+x@shop.example" for number in range(5)]
    async with at() as asking:
        asking.simulator.leave(people[3], NOW - 400 * DAY)
        told = [await asking.left(NOW + poll, *people) for poll in range(10)]
        assert [address for each in told for address in each] == [people[3]]
        assert sorted(asking.asked_about()) == [each.replace("+", "%2B") for each in people]
        asking.simulator.leave(people[0], NOW)
        assert await asking.left(NOW + DAY, *people) == [people[0]]


@pytest.mark.parametrize("fault", ["403", "429", "500"])
async def test_what_became_of_mails_is_told_though_nobody_may_ask_who_has_left(
    fault: str, autojump_clock: MockClock
) -> None:
    async with at() as asking:
        asking.simulator.happen("OPEN", ANN, NOW - 1)
        asking.simulator.leave(ANN, NOW - 1)
        asking.simulator.faults.extend(["none", fault])  # type: ignore[list-item]
        polled = await asking.ask(NOW, ANN, BOB)
        assert polled.problem is not None
        assert [each.event for each in polled.reports] == ["Email Opened"]
        assert await asking.left(NOW + 1, ANN, BOB) == [ANN]


async def test_a_service_that_is_out_of_order_is_not_asked_on_and_on_and_the_cursor_stays(
    autojump_clock: MockClock,
) -> None:
    async with at() as asking:
        await asking.ask(NOW, ANN)
        before, number = asking.cursor, len(asking.simulator.asked)
        asking.simulator.faults.extend(["503"] * 9)
        assert (await asking.ask(NOW + 2 * DAY, ANN, BOB)).problem is not None
        assert asking.cursor == before
        assert len(asking.simulator.asked) - number == 2


async def test_an_address_that_is_refused_holds_up_no_other(autojump_clock: MockClock) -> None:
    async with at() as asking:
        asking.simulator.leave(BOB, NOW - 1)
        polled = await asking.ask(NOW, "no address", ANN, BOB)
        assert polled.problem is None
        assert [each.address for each in polled.reports] == [BOB]
        polled = await asking.ask(NOW + DAY, "no address")
        assert isinstance(polled.problem, Rejected), "where it refuses all, that is told"


async def test_an_answer_that_is_too_long_is_no_answer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_LONGEST_ASKED", 1 << 10)
    async with at() as asking:
        asking.simulator.happen("OPEN", ANN, NOW - 1, userAgent="x" * (1 << 10))
        polled = await asking.ask()
        assert isinstance(polled.problem, Unavailable)
        assert str(polled.problem) == "the answer is not shorter than 1,024 bytes"


def _query(name: str, value: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        head, _, query = parts.url.partition("?")
        pairs = [each for each in query.split("&") if not each.startswith(f"{name}=")]
        parts.url = f"{head}?{'&'.join([*pairs, f'{name}={value}'])}"

    return change


def _another_query(parts: Parts) -> None:
    if "offset=" in parts.url:
        _query("endTimestamp", "9")(parts)


def _id_in_the_path(parts: Parts) -> None:
    parts.url = parts.url.replace("ann%40shop.example", "17")


MUTANTS: list[tuple[Callable[[Parts], Any], str]] = [
    (lambda parts: parts.headers.pop("authorization"), "a token is shown as bearer"),
    (_query("limit", "1001"), "at most 1,000 are given"),
    (_query("offset", "made up"), "a token was given"),
    (_another_query, "a token is for the same query"),
    (_query("channel", "SMS"), "a channel is named"),
    (_id_in_the_path, "the subscriber is an address"),
]


@pytest.mark.parametrize(("change", "rule"), MUTANTS)
async def test_the_simulator_notices_a_faulty_question(
    change: Callable[[Parts], None], rule: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubspot_polling, "PAGE", 1)
    async with at(change) as asking:
        for _ in range(3):
            asking.simulator.happen("OPEN", ANN, NOW - 1)
        await asking.ask(NOW, ANN)
        assert rule in {str(each).rpartition(" (")[0] for each in asking.simulator.broken}
