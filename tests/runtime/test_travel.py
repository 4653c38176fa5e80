"""A service whose clock is moved ahead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations.memory import Memory
from adapters.store.memory import MemoryStore
from engine.runtime.clock import MovableClock
from engine.runtime.service import Service
from engine.runtime.travel import Travel
from tests.runtime.rig import Quiet, compile_content, configured, event, trio_clock

HOUR = 3_600_000
DAY = 24 * HOUR
SERIES = """
triggers:
  left:
    when: cart then no order within 1h
    steps:
      - {send: first, if: not seen(order)}
      - {after: 24h, send: second}
    expires: 10m
  away: {when: inactive for 30d, cooldown: 1d, send: third}
"""


class Traveller:
    """A service and its travel; `telemetry` hears how late deadlines are settled."""

    def __init__(self, telemetry: Quiet) -> None:
        self.there, self.store, self.telemetry = Memory(), MemoryStore(), telemetry
        clock = MovableClock(trio_clock)
        self.service = Service(
            configured(SERIES, "first", "second", "third"),
            compile_content=compile_content,
            store=self.store,
            destinations={"there": self.there},
            clock=clock,
            telemetry=telemetry,
        )
        self.travel = Travel(self.service, clock)

    @property
    def fired(self) -> list[tuple[str, str, int]]:
        return [(each.firing.trigger, each.firing.user, each.firing.at) for each in self.store.decisions]


@asynccontextmanager
async def travelling(telemetry: Quiet) -> AsyncIterator[Traveller]:
    one = Traveller(telemetry)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.service.run)
        yield one
        nursery.cancel_scope.cancel()


async def test_deadlines_in_between_fire_in_order_each_at_its_own_instant(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with travelling(telemetry) as one:
        began = one.service.now()
        await one.service.take([event("cart", "a")])
        await one.travel.forward(HOUR // 2)
        assert one.fired == []
        await one.service.take([event("cart", "b")])
        await one.travel.forward(DAY)
        assert one.fired == [("left", "a", began + HOUR), ("left", "b", began + HOUR * 3 // 2)]
        assert max(telemetry.lateness) <= 0.001
        assert trio_clock() < began + 1_000, "no time has passed outside"


async def test_a_message_goes_at_its_instant_and_does_not_expire_by_the_jump(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with travelling(telemetry) as one:
        await one.service.take([event("cart")])
        await one.travel.forward(2 * DAY)
        assert [each.message for each in one.there.accepted] == ["first", "second"]
        first, second = await one.store.dispatches(states=["accepted"])
        assert abs(first.changed - second.changed) == DAY


async def test_the_clock_runs_on_from_where_it_was_moved_to(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with travelling(telemetry) as one:
        began = one.service.now()
        await one.travel.forward(DAY)
        await trio.sleep(5)
        assert one.service.now() == began + DAY + 5_000
        assert one.travel.ahead == DAY


async def test_a_month_of_one_deadline_takes_a_few_steps(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with travelling(telemetry) as one:
        await one.service.take([event("view")])
        await one.travel.forward(31 * DAY)
        assert one.fired == [("away", "u", 30 * DAY)]
        assert len(telemetry.commits) < 20


async def test_two_who_move_it_at_once_move_it_by_both_spans(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with travelling(telemetry) as one:
        await one.service.take([event("cart")])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.travel.forward, HOUR)
            nursery.start_soon(one.travel.forward, HOUR)
        assert one.travel.ahead == 2 * HOUR
        assert [trigger for trigger, _, _ in one.fired] == ["left"]


async def test_time_does_not_go_back(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with travelling(telemetry) as one:
        with pytest.raises(ValueError, match="time does not go back"):
            await one.travel.forward(-1)
        with pytest.raises(ValueError, match="time does not go back"):
            MovableClock(trio_clock).forward(-1)
