"""The token of Marketing Cloud, fetched once for all who wait, and anew in time; and the verification of a callback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.salesforce import Salesforce as Cloud
from adapters.destinations.salesforce import message_key, message_of
from engine.runtime.ports import Destination, Rejected, Unavailable
from tests.adapters.services.salesforce import JOURNEYS, KEYS, journeys
from tests.adapters.services.test_contract import DELIVERY
from tests.simulators.base import Direct
from tests.simulators.salesforce import Salesforce


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def at() -> AsyncIterator[tuple[Destination, Salesforce]]:
    simulator = Salesforce()
    async with build("s", journeys("http://there.example"), Direct(simulator)) as destination:
        yield destination, simulator


async def send(destination: Destination) -> None:
    await destination.send(replace(DELIVERY, data=JOURNEYS.data))


def fetched(simulator: Salesforce) -> int:
    return sum(asked.path == "/v2/token" for asked in simulator.asked)


async def test_twenty_at_once_fetch_one_token(autojump_clock: MockClock) -> None:
    async with at() as (destination, simulator):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(send, destination)
        assert len(simulator.effects) == 20
        assert fetched(simulator) == 1


async def test_another_is_fetched_before_it_expires(autojump_clock: MockClock) -> None:
    async with at() as (destination, simulator):
        for pause, tokens in ((0, 1), (1_000, 1), (21, 2), (1_021, 3)):
            await trio.sleep(pause)
            await send(destination)
            assert fetched(simulator) == tokens
        assert simulator.broken == [], "none was ever refused"


async def test_one_that_is_refused_before_its_time_is_fetched_again_once(autojump_clock: MockClock) -> None:
    async with at() as (destination, simulator):
        await send(destination)
        simulator.tokens.clear()
        simulator.tokens["other"] = 0.0
        await send(destination)
        assert (fetched(simulator), len(simulator.effects)) == (2, 2)
        simulator.faults.extend(["401", "none", "401"])
        with pytest.raises(Unavailable) as caught:
            await send(destination)
        assert caught.value.account
        assert len(simulator.effects) == 2


async def test_without_a_token_nothing_is_sent(autojump_clock: MockClock) -> None:
    async with at() as (destination, simulator):
        for fault in ("500", "429 in 7 s", "silence before"):
            simulator.faults.append(fault)
            with pytest.raises(Unavailable, match="no token") as caught:
                await send(destination)
            assert caught.value.account
        assert simulator.effects == []


async def test_a_callback_is_verified_by_the_key_that_was_posted_and_no_other(autojump_clock: MockClock) -> None:
    async with at() as (destination, simulator):
        assert isinstance(destination, Cloud)
        simulator.callbacks |= {"cb-1": "key-1", "cb-2": "key-2"}
        with pytest.raises(Rejected, match=r"answered 404.*make the callback again"):
            await destination.verify("cb-1", "key-2")
        simulator.faults.extend(["401", "none"])
        await destination.verify("cb-1", "key-1")
        assert simulator.callbacks == {"cb-2": "key-2"}
        with pytest.raises(Rejected):
            await destination.verify("cb-1", "key-1")
        simulator.faults.append("503")
        with pytest.raises(Unavailable):
            await destination.verify("cb-2", "key-2")
        assert simulator.effects == []


@pytest.mark.parametrize(
    ("key", "fits"), [("f1:reminder", True), ("f1:a b", False), ("f1:" + "x" * 120, False), ("f1:ä", False)]
)
def test_a_message_key_can_stand_in_an_address(key: str, *, fits: bool) -> None:
    made = message_key(key)
    assert (message_of(made) == key) is fits
    assert len(made) <= 100
    assert made.isascii()
    assert made != message_key(key + "2")
