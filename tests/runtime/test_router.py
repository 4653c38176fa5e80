import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, assert_no_checkpoints

from adapters.store.memory import MemoryStore
from engine.core.events import Millis, encode
from engine.core.identity import anonymous, known
from engine.runtime.arrivals import Alias, Arrival, Event, Listing, Profile
from engine.runtime.keeper import Limits
from engine.runtime.ports import Unavailable
from engine.runtime.records import Batch, Kept
from engine.runtime.router import Router
from engine.simulate import run
from tests.runtime.rig import Plain, Quiet, Rig, compiled, configured, event, running, watching

TRIGGERS = """
segments: {vip: list}
triggers:
  left: {when: cart then no (cart or order) within 5s}
  thrice: {when: count(view) >= 3 within 4s}
  welcome: {when: vip_page and in segment "vip"}
"""


THERE = configured(TRIGGERS)
SOON = Limits(idle_after=500)


class SlowStore(MemoryStore):
    """A store that takes its time, in seconds: meanwhile turns pile up in the mailbox."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay

    async def load(self, name: str) -> Kept | None:
        await trio.sleep(self._delay)
        return await super().load(name)

    async def write(self, batch: Batch) -> None:
        await trio.sleep(self._delay / 4)
        await super().write(batch)


async def test_a_deadline_fires_at_its_instant(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        rig.send(event("cart"))
        await trio.sleep(4.999)
        assert rig.said == []
        await trio.sleep(0.002)
        assert rig.said == [("u", "left", 5_000)]


async def test_once_the_user_is_awake_a_turn_is_a_plain_call(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        rig.send(event("view"))
        await rig.router.look(known("u"))
        rig.send(event("view"), event("view"))
        found = await rig.router.look(known("u"))
        assert found is not None
        assert [firing.trigger for firing in found.firings()] == ["thrice"]


async def test_an_idle_user_sleeps_in_the_store_and_wakes_for_a_deadline(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(THERE, telemetry, limits=Limits(idle_after=1_000)) as rig:
        rig.send(event("cart"))
        await trio.sleep(3)
        assert rig.router.statistics().awake == 0
        assert rig.router.statistics().armed == 1
        assert len(rig.store) == 1
        await trio.sleep(2.1)
        assert rig.said == [("u", "left", 5_000)]


async def test_a_visitor_who_logs_in_takes_the_deadline_along(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        rig.send(event("cart", None, "v"))
        rig.send(Profile(user_id="u", anonymous_id="v", links=True))
        await trio.sleep(6)
        assert rig.said == [("u", "left", 5_000)]
        statistics = rig.router.statistics()
        assert (statistics.awake, statistics.armed) == (1, 0)


async def test_a_visitor_asleep_is_absorbed_all_the_same(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry, limits=SOON) as rig:
        rig.send(event("cart", None, "v"))
        await trio.sleep(2)
        assert rig.router.statistics().awake == 0
        rig.send(Alias(previous_id="v", user_id="u"))
        await trio.sleep(4)
        assert rig.said == [("u", "left", 5_000)]


async def test_a_second_person_on_the_device_inherits_nothing(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        rig.send(event("cart", None, "v"))
        rig.send(Profile(user_id="first", anonymous_id="v", links=True))
        rig.send(Profile(user_id="second", anonymous_id="v", links=True))
        rig.send(event("order", None, "v"))
        await trio.sleep(6)
        assert rig.said == [("first", "left", 5_000)]


async def test_what_was_due_to_a_visitor_is_sent_though_the_device_has_passed_on(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    renderer = Plain("hello")
    there = configured("triggers: {left: {when: cart, send: hello}}", "hello")._replace(renderer=renderer)
    async with running(there, telemetry, limits=SOON) as rig:
        rig.there.script(Unavailable("busy", 30))
        await rig.take(event("cart", None, "v"))
        await trio.sleep(1)
        for person in ("first", "second"):
            await rig.take(
                Profile(user_id=person, anonymous_id="v", links=True),
                Profile(user_id=person, traits=encode({"is": person})),
            )
        await trio.sleep(60)
        assert [delivery.data["user"] for delivery in rig.there.accepted] == ["v"]
        assert [context["profile"]["is"] for context in renderer.contexts[1:]] == ["first"]


async def test_a_list_kept_outside_counts(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        await rig.take(event("vip_page"))
        await rig.take(Listing(user_id="u", segment="vip", member=True))
        await rig.take(event("vip_page"))
        assert [trigger for _, trigger, _ in rig.said] == ["welcome"]


async def test_a_person_is_found_by_every_id_and_a_stranger_by_none(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(THERE, telemetry) as rig:
        rig.send(event("view", None, "v"))
        rig.send(Profile(user_id="u", anonymous_id="v", links=True))
        found = await rig.router.look(anonymous("v"))
        assert found is not None
        assert found is await rig.router.look(known("u"))
        assert await rig.router.look(known("stranger")) is None


async def test_a_turn_that_fails_stops_nobody(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry) as rig:
        await rig.take(Profile(user_id="u", traits=b"{not an object"))
        for _ in range(3):
            await rig.take(event("view"))
        assert [trigger for _, trigger, _ in rig.said] == ["thrice"]


async def test_a_frame_of_many_users_wakes_no_more_than_may_be_awake(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with running(THERE, telemetry, SlowStore(0.01), Limits(awake=10)) as rig:
        with watching(rig.router) as crowd:
            async with trio.open_nursery() as nursery:
                for frame in range(3):
                    arrivals = [event("cart", f"u{frame}-{number}") for number in range(100)]
                    nursery.start_soon(rig.take, *arrivals)
            await trio.sleep(6)
        assert crowd.most == 10
        assert len({user for user, trigger, _ in rig.said if trigger == "left"}) == 300


async def test_a_message_wakes_its_user_only_where_there_is_room(autojump_clock: MockClock, telemetry: Quiet) -> None:
    triggers = "triggers: {left: {when: cart then no cart within 5s, send: hello}}"
    async with running(configured(triggers, "hello"), telemetry, SlowStore(0.5), Limits(awake=3)) as rig:
        with watching(rig.router) as crowd:
            await rig.take(*[event("cart", f"u{number}") for number in range(30)])
            await trio.sleep(60)
        assert crowd.most == 3
        assert len(rig.there.accepted) == 30


async def test_events_of_those_who_are_awake_do_not_wait_for_room(autojump_clock: MockClock, telemetry: Quiet) -> None:
    async with running(THERE, telemetry, limits=Limits(awake=2)) as rig:
        rig.send(event("view", "a"), event("view", None, "b"))
        assert rig.router.crowded
        with assert_no_checkpoints():
            await rig.router.room(known("a"))
            await rig.router.room(anonymous("b"))
        await rig.router.room(known("c"))
        assert not rig.router.crowded


LOGIN = Profile(user_id="u", anonymous_id="v", links=True)


@asynccontextmanager
async def crowded(telemetry: Quiet) -> AsyncIterator[Rig]:
    """A visitor is asleep, and for a second, while others are loaded, there is no room for them."""
    async with running(THERE, telemetry, SlowStore(1), Limits(idle_after=500, awake=2)) as rig:
        await rig.take(event("cart", None, "v"))
        await trio.sleep(3)
        rig.send(event("view", "u"), event("view", "w"))
        assert rig.router.crowded
        assert anonymous("v") not in rig.router.awake
        yield rig


async def test_who_is_looked_for_and_becomes_another_s_meanwhile_is_found_there(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    found = []

    async def look(router: Router) -> None:
        found.append(await router.look_for_heir(anonymous("v")))

    async with crowded(telemetry) as rig, trio.open_nursery() as nursery:
        nursery.start_soon(look, rig.router)
        await trio.sleep(0.1)
        rig.send(LOGIN)
    assert [user and user.name for user in found] == [known("u")]


async def test_who_is_to_take_up_new_files_and_becomes_another_s_meanwhile_is_not_woken(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    async with crowded(telemetry) as rig:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.service.reload, configured(TRIGGERS + "  anew: {when: view}\n"))
            await trio.sleep(0.1)
            rig.send(LOGIN)
        await trio.sleep(10)
        assert await rig.store.load(anonymous("v")) is None
    assert rig.said == [("u", "left", 5_250)]  # the event came when the first write was done


@pytest.mark.parametrize("seed", range(40))
async def test_asleep_or_awake_the_decisions_are_those_of_the_simulation(
    seed: int, autojump_clock: MockClock, telemetry: Quiet
) -> None:
    draw = random.Random(seed)
    said: list[dict[str, Any]] = []
    idle_after, delay = draw.choice([100, 700, 3_000]), draw.choice([0, 0.4, 1.7])
    limits = Limits(idle_after, awake=draw.choice([2, 50]), tail=draw.choice([5, 500]))
    async with running(THERE, telemetry, SlowStore(delay), limits) as rig:
        for _ in range(60):
            await trio.sleep(draw.choice([0, 0, 0.001, 0.3, 1, 2.5, 5]))
            arrival = _drawn(draw)
            rig.send(arrival)
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
