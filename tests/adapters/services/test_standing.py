"""What is read of who is not to be written to, from each service that can be asked, under a virtual clock."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.activecampaign import Activecampaign
from adapters.destinations.klaviyo import Klaviyo
from adapters.destinations.mandrill import Mandrill
from adapters.destinations.sendgrid import Sendgrid
from adapters.feedback.lists import LATE
from adapters.feedback.polling import Polled, Poller
from adapters.feedback.report import Report
from engine.core.sending.person import OBJECTIONS
from engine.runtime.ports import DAY, DeliveryError, Unavailable
from tests.adapters.services.vendor import Mutant, Standing
from tests.adapters.services.vendors import KEYS, STANDINGS
from tests.simulators.base import Asked, Direct, Fault, Mutating, Told

NOW = 1_800_000_000_000
THERE = "http://there.example"
BEFORE = NOW // 1_000 - 86_400
"""A day before, in seconds."""

POLLERS: tuple[type[Poller], ...] = (Activecampaign, Klaviyo, Mandrill, Sendgrid)
"""Who can be asked, as the types have it."""

every = pytest.mark.parametrize("standing", STANDINGS, ids=lambda standing: standing.vendor.name)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def at(standing: Standing, **changed: Any) -> AsyncIterator[tuple[Any, Any]]:
    """The way out, which can be asked, and the simulator behind it, which knows nobody yet."""
    simulator = standing.vendor.simulator()
    settings = msgspec.structs.replace(standing.vendor.settings(THERE), **changed)
    async with build(standing.vendor.name, settings, Direct(simulator)) as destination:
        assert isinstance(destination, POLLERS)
        yield destination, simulator


def address(kind: str) -> str:
    return f"{kind.replace(' ', '-')}@shop.example"


def fill(standing: Standing, simulator: Any) -> list[str]:
    """Enter one of each kind; gives their addresses."""
    for kind in standing.kinds:
        standing.enter(simulator, kind, address(kind), BEFORE)
    return [address(kind) for kind in standing.kinds]


def told(reports: Sequence[Report]) -> set[tuple[str, str, str, bool]]:
    return {(each.address, each.event, each.of, each.soft) for each in reports}


def known(standing: Standing) -> set[tuple[str, str, str, bool]]:
    return {(address(kind), *each) for kind, each in standing.kinds.items()}


@every
async def test_who_is_not_to_be_written_to_is_told_and_nobody_else(
    standing: Standing, autojump_clock: MockClock
) -> None:
    async with at(standing) as (destination, simulator):
        mailed = fill(standing, simulator)
        polled = await destination.poll("", [*mailed, "ann@shop.example"], NOW)
        assert told(polled.reports) == known(standing)
        assert {each.event for each in polled.reports} <= OBJECTIONS.keys()
        assert [str(each) for each in simulator.broken] == []
        assert simulator.effects == [], "to ask changes nothing"
        assert all(abs(each.at - BEFORE * 1_000) < DAY for each in polled.reports)


@every
async def test_a_cursor_that_cannot_be_read_begins_anew(standing: Standing, autojump_clock: MockClock) -> None:
    async with at(standing) as (destination, simulator):
        polled = await destination.poll("of another version", fill(standing, simulator), NOW)
        assert told(polled.reports) == known(standing)


@every
async def test_entries_that_say_nothing_do_not_hold_up_the_others(
    standing: Standing, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(standing) as (destination, simulator):
        mailed, handle = fill(standing, simulator), simulator.handle

        def littered(asked: Asked) -> Told:
            answer: Told = handle(asked)
            inside = answer.body if isinstance(answer.body, list) else next(iter(answer.body.values()))
            inside += [7, {}, {"email": 5, "attributes": 7, "subaccount": {}, "created": "then", "reason": []}]
            return answer

        monkeypatch.setattr(simulator, "handle", littered)
        polled = await destination.poll("", mailed, NOW)
        assert known(standing) <= told(polled.reports)


@every
async def test_of_nobody_nothing_is_told(standing: Standing, autojump_clock: MockClock) -> None:
    async with at(standing) as (destination, simulator):
        polled = await destination.poll("", ["ann@shop.example"], NOW)
        assert polled.reports == []
        assert simulator.broken == []
        assert (await destination.poll(polled.cursor, [], NOW + 1)).reports == []


@every
async def test_what_is_told_again_bears_the_same_id(standing: Standing, autojump_clock: MockClock) -> None:
    async with at(standing) as (destination, simulator):
        mailed = fill(standing, simulator)
        first, again = [await destination.poll("", mailed, NOW + later) for later in (0, 300_000)]
        ids = [each.id for each in first.reports]
        assert len(set(ids)) == len(ids)
        assert {each.id for each in again.reports} == set(ids)


@every
async def test_what_is_entered_later_is_told_later(standing: Standing, autojump_clock: MockClock) -> None:
    async with at(standing) as (destination, simulator):
        kinds, polled = list(standing.kinds), await destination.poll("", [], NOW)
        for number, kind in enumerate(kinds):
            standing.enter(simulator, kind, address(kind), NOW // 1_000 + 60 * number)
        later = await destination.poll(polled.cursor, [address(kind) for kind in kinds], NOW + DAY)
        assert told(later.reports) == known(standing)


@every
@pytest.mark.parametrize(
    ("fault", "for_all", "pause"),
    [
        ("429", True, None),
        ("429 in 7 s", True, 7),
        ("503", True, None),
        ("401", True, None),
        ("500", False, None),
        ("silence before", False, None),
        ("silence after", False, None),
    ],
)
async def test_what_could_not_be_asked_is_asked_again(
    standing: Standing, fault: Fault, pause: float | None, autojump_clock: MockClock, *, for_all: bool
) -> None:
    async with at(standing, timeout=1) as (destination, simulator):
        mailed = fill(standing, simulator)
        simulator.faults.extend([fault] * standing.lists)
        with pytest.raises(Unavailable) as caught:
            await destination.poll("", mailed, NOW)
        assert (caught.value.account, caught.value.retry_after) == (for_all, pause)
        assert "@" not in str(caught.value), "a reason holds no personal data"
        polled = await destination.poll("", mailed, NOW)
        assert told(polled.reports) == known(standing)


@every
async def test_an_answer_that_cannot_be_read_is_not_one_of_nobody(
    standing: Standing, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(standing) as (destination, simulator):
        fill(standing, simulator)
        handle = simulator.handle
        monkeypatch.setattr(simulator, "handle", lambda asked: handle(asked)._replace(body="<html>"))
        with pytest.raises(Unavailable):
            await destination.poll("", ["ann@shop.example"], NOW)


paged = pytest.mark.parametrize(
    "standing", [each for each in STANDINGS if each.page], ids=lambda standing: standing.vendor.name
)


@paged
@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_all_pages_are_read_to_the_end_and_not_further(
    standing: Standing, more: int, autojump_clock: MockClock
) -> None:
    async with at(standing) as (destination, simulator):
        many = [f"ann-{number}@shop.example" for number in range(2 * standing.page + more)]
        for number, each in enumerate(many):
            standing.enter(simulator, "bounced", each, BEFORE + number)
        polled = await destination.poll("", [], NOW)
        assert [each.address for each in polled.reports] == many
        assert simulator.broken == []
        assert len(simulator.asked) <= standing.lists + 2


@paged
async def test_a_list_of_many_pages_is_read_on_from_poll_to_poll(
    standing: Standing, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.feedback.lists.PAGES", 2)
    async with at(standing) as (destination, simulator):
        many = {f"ann-{number}@shop.example" for number in range(5 * standing.page)}
        for number, each in enumerate(sorted(many)):
            standing.enter(simulator, "bounced", each, BEFORE + number)
        cursor, found, polls = "", list[str](), 0
        while len(found) < len(many):
            polled = await destination.poll(cursor, [], NOW + polls)
            found += [each.address for each in polled.reports]
            cursor, polls = polled.cursor, polls + 1
        assert set(found) == many
        assert polls == 3
        standing.enter(simulator, "bounced", "new@shop.example", NOW // 1_000)
        polled = await destination.poll((await destination.poll(cursor, [], NOW)).cursor, [], NOW + 1_000)
        assert [each.address for each in polled.reports] == ["new@shop.example"]


@paged
async def test_what_is_entered_late_is_told_all_the_same(standing: Standing, autojump_clock: MockClock) -> None:
    async with at(standing) as (destination, simulator):
        cursor = (await destination.poll("", [], NOW)).cursor
        standing.enter(simulator, "bounced", "late@shop.example", (NOW - LATE) // 1_000 + 1)
        for poll in (1, 2):
            polled = await destination.poll(cursor, [], NOW + poll * 2 * LATE)
            assert [each.address for each in polled.reports] == ["late@shop.example"] * (2 - poll)
            cursor = polled.cursor


@paged
async def test_a_list_that_cannot_be_read_keeps_its_place_and_does_not_hold_up_the_others(
    standing: Standing, autojump_clock: MockClock
) -> None:
    async with at(standing) as (destination, simulator):
        fill(standing, simulator)
        simulator.faults.append("500")
        polled = await destination.poll("", [], NOW)
        assert told(polled.reports) < known(standing)
        assert polled.reports
        later = await destination.poll(polled.cursor, [], NOW + 300_000)
        assert told([*polled.reports, *later.reports]) == known(standing)


@paged
async def test_a_page_that_the_service_knows_no_more_is_not_asked_for_for_ever(
    standing: Standing, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.feedback.lists.PAGES", 1)
    async with at(standing) as (destination, simulator):
        for number in range(standing.page + 1):
            standing.enter(simulator, "bounced", f"ann-{number}@shop.example", BEFORE + number)
        first = await destination.poll("", [], NOW)
        simulator.faults.append("400")
        refused = await destination.poll(first.cursor, [], NOW)
        anew = await destination.poll(refused.cursor, [], NOW)
        assert [each.id for each in anew.reports] == [each.id for each in first.reports]


MUTANTS = [(standing, mutant) for standing in STANDINGS for mutant in standing.mutants]


@pytest.mark.parametrize(("standing", "mutant"), MUTANTS, ids=lambda each: getattr(each, "name", each))
async def test_the_simulator_notices_a_faulty_poll(
    standing: Standing, mutant: Mutant, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(standing) as (destination, simulator):
        mailed = fill(standing, simulator)
        client = destination.caller._client  # noqa: SLF001 - it is to be broken
        monkeypatch.setattr(client, "_transport", Mutating(client._transport, mutant.change))  # noqa: SLF001
        polled = Polled((), "")
        try:
            polled = await destination.poll("", mailed, NOW)
        except DeliveryError:
            assert mutant.rule
        if mutant.rule:
            assert mutant.rule in {str(each).rpartition(" (")[0] for each in simulator.broken}
        else:
            assert told(polled.reports) != known(standing)
