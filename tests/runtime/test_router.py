import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from adapters.store.memory import MemoryStore
from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.identity import anonymous, known
from engine.core.program import Program
from engine.runtime.arrivals import Alias, Arrival, Event, Listing, Profile
from engine.runtime.router import Closed, Router
from engine.simulate import run
from tests.runtime.rig import Quiet, compiled, trio_clock

TRIGGERS = """
segments: {vip: list}
triggers:
  left: {when: cart then no (cart or order) within 5s}
  thrice: {when: count(view) >= 3 within 4s}
  welcome: {when: vip_page and in segment "vip"}
"""


class SlowStore(MemoryStore):
    """A store that takes its time, in seconds: meanwhile turns pile up in the mailbox."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay

    async def load(self, name: str) -> bytes | None:
        await trio.sleep(self._delay)
        return await super().load(name)

    async def save(self, name: str, snapshot: bytes) -> None:
        await trio.sleep(self._delay)
        await super().save(name, snapshot)


class Rig:
    """A router over a virtual clock, and what it decided."""

    def __init__(self, program: Program, telemetry: Quiet, store: MemoryStore) -> None:
        self.fired: list[tuple[str, Firing]] = []
        self.store = store
        self.router = Router(program, self.store, trio_clock, telemetry, self._decided)

    def _decided(self, name: str, firing: Firing) -> None:
        self.fired.append((name, firing))

    @property
    def said(self) -> list[tuple[str, str, Millis]]:
        return [(firing.user, firing.trigger, firing.at) for _, firing in self.fired]


@asynccontextmanager
async def running(telemetry: Quiet, idle_after: Millis = 300_000, delay: float = 0) -> AsyncIterator[Rig]:
    rig = Rig(compiled(TRIGGERS), telemetry, SlowStore(delay))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.router.run, idle_after)
        await trio.testing.wait_all_tasks_blocked()
        yield rig
        nursery.cancel_scope.cancel()


def event(name: str, user: str | None = "u", visitor: str | None = None) -> Event:
    return Event(name=name, user_id=user, anonymous_id=visitor)


async def test_a_deadline_fires_at_its_instant(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("cart"))
        await trio.sleep(4.999)
        assert rig.said == []
        await trio.sleep(0.002)
        assert rig.said == [("u", "left", 5_000)]


async def test_once_the_user_is_awake_a_turn_is_a_plain_call(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("view"))
        await rig.router.look(known("u"))
        rig.router.take(event("view"))
        rig.router.take(event("view"))
        assert [trigger for _, trigger, _ in rig.said] == ["thrice"]


async def test_an_idle_user_sleeps_in_the_store_and_wakes_for_a_deadline(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(telemetry, idle_after=1_000) as rig:
        rig.router.take(event("cart"))
        await trio.sleep(3)
        assert rig.router.statistics().awake == 0
        assert rig.router.statistics().armed == 1
        assert len(rig.store) == 1
        await trio.sleep(2.1)
        assert rig.said == [("u", "left", 5_000)]


async def test_a_visitor_who_logs_in_takes_the_deadline_along(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("cart", None, "v"))
        rig.router.take(Profile(user_id="u", anonymous_id="v", links=True))
        await trio.sleep(6)
        assert rig.said == [("u", "left", 5_000)]
        statistics = rig.router.statistics()
        assert (statistics.awake, statistics.armed) == (1, 0)


async def test_a_visitor_asleep_is_absorbed_all_the_same(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry, idle_after=500) as rig:
        rig.router.take(event("cart", None, "v"))
        await trio.sleep(2)
        assert rig.router.statistics().awake == 0
        rig.router.take(Alias(previous_id="v", user_id="u"))
        await trio.sleep(4)
        assert rig.said == [("u", "left", 5_000)]


async def test_a_second_person_on_the_device_inherits_nothing(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("cart", None, "v"))
        rig.router.take(Profile(user_id="first", anonymous_id="v", links=True))
        rig.router.take(Profile(user_id="second", anonymous_id="v", links=True))
        rig.router.take(event("order", None, "v"))
        await trio.sleep(6)
        assert rig.said == [("first", "left", 5_000)]


async def test_a_list_kept_outside_counts(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("vip_page"))
        rig.router.take(Listing(user_id="u", segment="vip", member=True))
        rig.router.take(event("vip_page"))
        await rig.router.finish()
        assert [trigger for _, trigger, _ in rig.said] == ["welcome"]


async def test_a_person_is_found_by_every_id_and_a_stranger_by_none(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(telemetry) as rig:
        rig.router.take(event("view", None, "v"))
        rig.router.take(Profile(user_id="u", anonymous_id="v", links=True))
        found = await rig.router.look(anonymous("v"))
        assert found is not None
        assert found is await rig.router.look(known("u"))
        assert await rig.router.look(known("stranger")) is None


async def test_a_closed_router_takes_nothing_and_finishes_what_it_took(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(telemetry) as rig:
        for _ in range(3):
            rig.router.take(event("view"))
        rig.router.close()
        with pytest.raises(Closed):
            rig.router.take(event("view"))
        await rig.router.finish()
        assert [trigger for _, trigger, _ in rig.said] == ["thrice"]


async def test_a_turn_that_fails_stops_nobody(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(telemetry) as rig:
        rig.router.take(Profile(user_id="u", traits=b"{not an object"))
        for _ in range(3):
            rig.router.take(event("view"))
        await rig.router.finish()
        assert [trigger for _, trigger, _ in rig.said] == ["thrice"]


@pytest.mark.parametrize("seed", range(40))
async def test_asleep_or_awake_the_decisions_are_those_of_the_simulation(
    seed: int, autojump_clock: MockClock, telemetry: Quiet
) -> None:
    draw = random.Random(seed)
    said: list[dict[str, Any]] = []
    idle_after, delay = draw.choice([100, 700, 3_000]), draw.choice([0, 0.4, 1.7])
    async with running(telemetry, idle_after, delay) as rig:
        for _ in range(60):
            await trio.sleep(draw.choice([0, 0, 0.001, 0.3, 1, 2.5, 5]))
            arrival = _drawn(draw)
            rig.router.take(arrival)
            said.append(_as_said(arrival, rig.router.now()))
        await trio.sleep(30)
        until = rig.router.now()
    expected = run(compiled(TRIGGERS), said, until=until)
    assert sorted(rig.said) == sorted((firing.user, firing.trigger, firing.at) for firing in expected), f"{seed=}"


def _drawn(draw: random.Random) -> Arrival:
    user, visitor = draw.choice(["a", "b"]), draw.choice(["x", "y", "z"])
    match draw.randrange(10):
        case 0:
            return Profile(user_id=user, anonymous_id=visitor, links=True)
        case 1:
            return Alias(previous_id=draw.choice(["x", "y", "a"]), user_id="b")
        case 2:
            return Listing(user_id=user, segment="vip", member=draw.random() < 0.8)
        case _:
            name = draw.choice(["cart", "order", "view", "view", "vip_page"])
            return event(name, user, None) if draw.random() < 0.5 else event(name, None, visitor)


def _as_said(arrival: Arrival, now: Millis) -> dict[str, Any]:
    """The same input as the simulation takes it."""
    kinds = {Event: "track", Profile: "identify", Alias: "alias", Listing: "segment"}
    fields: dict[str, Any] = msgspec.structs.asdict(arrival)
    names = {"user_id": "userId", "anonymous_id": "anonymousId", "previous_id": "previousId", "name": "event"}
    content = {names.get(key, key): value for key, value in fields.items() if key not in {"properties", "traits"}}
    return content | {"type": kinds[type(arrival)], "receivedAt": now, "timestamp": now}
