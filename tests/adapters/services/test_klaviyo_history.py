"""Klaviyo is told what is past: it is recorded once, and starts no flow."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.klaviyo import Klaviyo
from engine.runtime.account import Account
from engine.runtime.ports import Chronicle, Delivery, Pace, Unavailable, Unclear
from tests.adapters.services import klaviyo
from tests.adapters.services.test_contract import DELIVERY
from tests.adapters.services.test_specs import needs_specs
from tests.adapters.services.vendor import Vendor, edited
from tests.adapters.services.vendors import KEYS, VENDORS
from tests.simulators.base import Direct, Mutating, Parts
from tests.simulators.klaviyo import Klaviyo as Simulator
from tests.simulators.spec import faults

BULK, SINGLE = "/api/event-bulk-create-jobs", "/api/events"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in klaviyo.KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def opened(change: Callable[[Parts], None] | None = None) -> AsyncIterator[tuple[Klaviyo, Simulator]]:
    simulator = Simulator()
    transport = Direct(simulator) if change is None else Mutating(Direct(simulator), change)
    async with build("news", klaviyo.EVENTS.settings("http://klaviyo.test"), transport) as destination:
        assert isinstance(destination, Klaviyo)
        yield destination, simulator


def account() -> Account:
    return Account([Pace(concurrency=8, rate=57.5, burst=50)])


def past(number: int, **properties: Any) -> list[Delivery]:
    data = klaviyo.EVENTS.data
    return [
        replace(DELIVERY, id=f"f{each}:reminder", data={**data, "properties": {"number": each, **properties}})
        for each in range(number)
    ]


def paths(simulator: Simulator) -> list[str]:
    return [each.path for each in simulator.asked]


async def test_what_is_past_is_told_in_bulk_and_starts_no_flow() -> None:
    async with opened() as (destination, simulator):
        assert await destination.record(past(2_500), account()) == {}
        assert [str(each) for each in simulator.broken] == []
        assert paths(simulator) == [BULK] * 3
        assert len(simulator.effects) == 2_500
        assert simulator.flows == []
        first = simulator.effects[0]
        assert first["unique_id"] == "f0:reminder"
        assert first["time"] == "2026-01-02T03:04:05.678Z"
        await destination.send(replace(past(1)[0], id="f9999:reminder"))
        assert len(simulator.flows) == 1


async def test_a_request_has_at_most_five_megabytes() -> None:
    async with opened() as (destination, simulator):
        assert await destination.record(past(120, text="x" * 90_000), account()) == {}
        assert [str(each) for each in simulator.broken] == []
        assert len(simulator.asked) == 3
        assert len(simulator.effects) == 120


async def test_what_it_knows_already_is_not_recorded_twice_and_the_rest_is_taken() -> None:
    async with opened() as (destination, simulator):
        told = past(40)
        for known in told[3:6]:
            await destination.send(known)
        assert await destination.record(told, account()) == {}
        assert {str(each).rpartition(" (")[0] for each in simulator.broken} == {"no `unique_id` repeats"}
        assert sorted(each["unique_id"] for each in simulator.effects) == sorted(each.id for each in told)
        assert len(simulator.flows) == 3, "those that were sent when it was time"
        assert await destination.record(told, account()) == {}
        assert len(simulator.effects) == 40


async def test_a_message_that_stands_there_twice_is_told_once() -> None:
    async with opened() as (destination, simulator):
        assert await destination.record(past(5) * 2, account()) == {}
        assert paths(simulator) == [BULK]
        assert len(simulator.effects) == 5


async def test_what_is_wrong_with_one_keeps_back_no_other() -> None:
    async with opened() as (destination, simulator):
        told = past(30)
        told[7] = replace(told[7], data={**told[7].data, "properties": {"text": "x" * 200_000}})
        told[8] = replace(told[8], data={**told[8].data, "profile": {"first_name": "Ann"}})
        refused = await destination.record(told, account())
        assert list(refused) == ["f8:reminder", "f7:reminder"]
        assert refused["f7:reminder"] == "answered 400: invalid"
        assert "no address" in refused["f8:reminder"]
        assert len(simulator.effects) == 28
        assert simulator.flows == []


async def test_an_answer_that_was_lost_is_made_good(autojump_clock: MockClock) -> None:
    async with opened() as (destination, simulator):
        simulator.faults.append("silence after")
        assert await destination.record(past(20), account()) == {}
        assert len(simulator.effects) == 20


@pytest.mark.parametrize(
    ("faults", "kind"),
    [(["429 in 7 s"], Unavailable), (["401"], Unavailable), (["500"] * 20, Unclear), (["400", "503"], Unavailable)],
)
async def test_where_it_cannot_be_told_now_it_is_told_again_later(
    faults: Sequence[Any], kind: type[Exception], autojump_clock: MockClock
) -> None:
    async with opened() as (destination, simulator):
        simulator.faults.extend(faults)
        with pytest.raises(kind):
            await destination.record(past(20), account())
        simulator.faults.clear()
        assert await destination.record(past(20), account()) == {}
        assert len(simulator.effects) == 20


async def test_neither_rate_is_exceeded_with_people_written_to_meanwhile(autojump_clock: MockClock) -> None:
    shared = account()
    async with opened() as (destination, simulator):
        told = past(2_000)
        assert await destination.record(told, shared) == {}
        await trio.sleep(60)

        async def send() -> None:
            for number in range(500):
                async with shared.attempt():
                    await destination.send(replace(past(1)[0], id=f"live{number}:reminder"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            for start in range(0, 2_000, 5):
                assert await destination.record(told[start : start + 5], shared) == {}
        assert {str(each).rpartition(" (")[0] for each in simulator.broken} == {"no `unique_id` repeats"}
        assert len(simulator.effects) == 2_500


@pytest.mark.parametrize("path", [BULK, SINGLE])
@needs_specs
async def test_each_request_is_as_it_is_described(path: str) -> None:
    async with opened() as (destination, simulator):
        await destination.record(past(3 if path == BULK else 1), account())
        (asked,) = simulator.asked
        assert asked.path == path
        assert faults("klaviyo.json", path, asked) == []
        assert faults("klaviyo.json", path, replace(asked, body=asked.body.replace(b'"metric":', b'"metrik":', 1)))


def without_mark(parts: Parts) -> None:
    """Leave `backfill` out, wherever it stands."""
    parts.content = parts.content.replace(b'"backfill":true', b'"backfill":false')


def entries(body: Any) -> Any:
    return body["data"]["attributes"]["events-bulk-create"]["data"]


def fold(body: Any) -> None:
    """All events under the first profile's entry, each with its profile: the shape of single events."""
    first = entries(body)[0]["attributes"]
    for each in entries(body)[1:]:
        each["attributes"]["events"]["data"][0]["attributes"]["profile"] = each["attributes"]["profile"]
        first["events"]["data"] += each["attributes"]["events"]["data"]
    del entries(body)[1:]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (edited(lambda body: entries(body).extend(entries(body))), "no `unique_id` repeats"),
        (edited(lambda body: entries(body).extend(entries(body) * 400)), "a request has at most 1,000 events"),
        (edited(fold), "the profile stands beside its events"),
        (edited(lambda body: entries(body)[0].update(type="event")), "each resource says its type"),
        (edited(lambda body: entries(body)[0]["attributes"].pop("profile")), "KeyError('profile') is missing"),
        (edited(lambda body: entries(body)[0]["attributes"].pop("events")), "KeyError('events') is missing"),
    ],
)
async def test_the_simulator_notices_a_faulty_bulk_request(change: Callable[[Parts], None], rule: str) -> None:
    def only_bulk(parts: Parts) -> None:
        if parts.url.endswith(BULK):
            change(parts)

    async with opened(only_bulk) as (destination, simulator):
        await destination.record(past(3), account())
        assert rule in {str(each).rpartition(" (")[0] for each in simulator.broken}


@pytest.mark.parametrize("number", [1, 3])
async def test_the_simulator_notices_history_that_would_be_sent(number: int) -> None:
    async with opened(without_mark) as (destination, simulator):
        await destination.record(past(number), account())
        assert len(simulator.flows) == number


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
async def test_only_klaviyo_can_be_told_what_is_past(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    async with build(vendor.name, vendor.settings("")) as destination:
        assert isinstance(destination, Chronicle) is (vendor.name == "klaviyo")
