"""Destinations of one account keep together within what it allows; others do not touch each other."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations.memory import Memory
from engine.core.sending.policy import Policy
from engine.runtime.account import Account
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Delivery, Pace, Unavailable
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Plain, Quiet
from tests.runtime.test_outbox import HOUR, PROGRAM, context, firing

ROUTES = {"hello": "one", "again": "other", "third": "elsewhere"}


class Routed(Plain):
    """Each message goes its own way."""

    def destination_of(self, name: str) -> str:
        return ROUTES[name]


class Busy(Memory):
    """Takes `seconds` for a message, and watches how many it has at a time, alone and with those beside it."""

    beside: "tuple[Busy, ...]" = ()

    def __init__(self, pace: Pace, seconds: float = 1) -> None:
        super().__init__(pace)
        self.seconds = seconds
        self.now = self.most = self.most_together = 0
        self.ended: list[float] = []

    async def send(self, delivery: Delivery) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        self.most_together = max(self.most_together, sum(each.now for each in self.beside))
        try:
            await trio.sleep(self.seconds)
        finally:
            self.now -= 1
        await super().send(delivery)
        self.ended.append(trio.current_time())


def ways(concurrency: int, accounts: Mapping[str, str], **more: Any) -> dict[str, Busy]:
    """By name, ways out of these accounts, each of which sees the others of its account."""
    made = {name: Busy(Pace(concurrency, account=whose, **more)) for name, whose in accounts.items()}
    for name, way in made.items():
        way.beside = tuple(each for other, each in made.items() if accounts[other] == accounts[name])
    return made


def opened(there: Mapping[str, Memory]) -> tuple[Outbox, FakeDesk]:
    desk = FakeDesk(PROGRAM)
    more: dict[str, Any] = {"context": context, "desk": desk, "find": desk.find, "telemetry": Quiet()}
    return Outbox(there, Routed(*ROUTES), Policy(), **more), desk


def put(outbox: Outbox, desk: FakeDesk, messages: Iterable[str]) -> None:
    """Let each be due, to a person of its own."""
    for message in messages:
        fired = firing(message, at=desk.now())
        desk.make_due(f"k:{fired.id}", fired)
        outbox.admit(outbox.make(f"k:{fired.id}", fired, desk.now(), ""))


async def until_sent(outbox: Outbox) -> float:
    """How long all that waits takes."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        while outbox.waiting:  # noqa: ASYNC110 - time is virtual
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    return trio.current_time() - began


@pytest.mark.parametrize(("account", "least", "most"), [("shop", 9, 10.5), ("", 4, 5.5)])
async def test_one_account_has_one_rate(account: str, least: float, most: float, autojump_clock: MockClock) -> None:
    there = {name: Memory(Pace(concurrency=4, rate=1, burst=1, account=account)) for name in ("one", "other")}
    outbox, desk = opened(there)
    put(outbox, desk, ["hello", "again"] * 5)
    assert least <= await until_sent(outbox) <= most


async def test_one_account_never_has_more_attempts_at_a_time_than_it_allows(autojump_clock: MockClock) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - shown where it fails
    dice = random.Random(seed)
    there = ways(3, {"one": "shop", "other": "shop", "elsewhere": "another"})
    outbox, desk = opened(there)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        for _ in range(60):
            for way in there.values():
                way.seconds = dice.choice((0.0, 0.2, 3.0))
            put(outbox, desk, dice.choices(list(ROUTES), k=dice.randrange(6)))
            await trio.sleep(dice.choice((0.0, 0.1, 2.0)))
        while outbox.waiting:  # noqa: ASYNC110 - time is virtual
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert there["one"].most_together == there["elsewhere"].most_together == 3
    assert all(way.now == 0 for way in there.values())


async def test_destinations_of_one_account_take_turns(autojump_clock: MockClock) -> None:
    there = ways(2, {"one": "shop", "other": "shop"})
    outbox, desk = opened(there)
    put(outbox, desk, ["hello"] * 20 + ["again"] * 20)
    assert 20 <= await until_sent(outbox) <= 21
    assert Counter(there["one"].ended) == Counter(there["other"].ended)


async def test_an_idle_destination_takes_nothing_from_the_other(autojump_clock: MockClock) -> None:
    there = ways(3, {"one": "shop", "other": "shop"})
    outbox, desk = opened(there)
    put(outbox, desk, ["hello"] * 30)
    assert 10 <= await until_sent(outbox) <= 11
    assert there["one"].most == 3


async def test_a_destination_that_waits_takes_nothing_from_the_other(autojump_clock: MockClock) -> None:
    there = ways(1, {"one": "shop", "other": "shop"})
    outbox, desk = opened(there)
    there["one"].script(*[Unavailable("busy", 3_600, account=True)] * 5)
    put(outbox, desk, ["hello"] * 10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        await trio.sleep(600)
        assert there["one"].now == 0
        put(outbox, desk, ["again"] * 10)
        await trio.sleep(10.5)
        assert len(there["other"].accepted) == 10
        assert len(there["one"].accepted) == 0
        nursery.cancel_scope.cancel()


async def test_accounts_do_not_touch_each_other(autojump_clock: MockClock) -> None:
    there = ways(1, {"one": "shop", "other": "", "elsewhere": ""})
    outbox, desk = opened(there)
    there["one"].seconds = 1_000
    put(outbox, desk, ["hello"] * 3 + ["again"] * 10 + ["third"] * 10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        await trio.sleep(10.5)
        assert len(there["other"].accepted) == len(there["elsewhere"].accepted) == 10
        nursery.cancel_scope.cancel()


async def test_what_is_not_sent_counts_against_no_rate(autojump_clock: MockClock) -> None:
    there = {name: Memory(Pace(rate=1 / 60, burst=1, account="shop")) for name in ("one", "other")}
    outbox, desk = opened(there)
    put(outbox, desk, ["hello"])
    for _ in range(200):
        fired = firing("again", at=desk.now())
        desk.make_due("k:u", fired, expires=desk.now() - HOUR)
        outbox.admit(outbox.make("k:u", fired, desk.now(), ""))
    put(outbox, desk, ["hello"])
    assert 60 <= await until_sent(outbox) <= 121
    assert len(there["one"].accepted) == 2
    assert len(there["other"].attempts) == 0


async def test_an_account_allows_the_least_of_what_its_destinations_say(autojump_clock: MockClock) -> None:
    account = Account([Pace(4), Pace(2, rate=100), Pace(3, rate=1, burst=1)])
    began = [trio.current_time()]
    for _ in range(2):
        await account.turn()
        began.append(trio.current_time())
    assert began[2] - began[1] == 1
    with trio.move_on_after(10) as third:
        await account.turn()
    assert third.cancelled_caught
    account.end()
    await account.turn()
