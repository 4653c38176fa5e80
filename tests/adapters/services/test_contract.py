"""What every service's way out does, against its simulator, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from adapters.content import MessageErrors, Messages
from adapters.destinations import build
from engine.runtime.ports import Delivery, Destination, Rejected, Unavailable, Unclear
from tests.adapters.services.vendor import Mutant, Vendor
from tests.adapters.services.vendors import KEYS, VENDORS
from tests.simulators.base import Fault, Mutating, Simulator, served

DELIVERY = Delivery("f1:reminder", "cart", "u1", 1_767_323_045_678, "reminder", {})

every = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def at(vendor: Vendor, seconds: float = 10) -> AsyncIterator[tuple[Destination, Simulator]]:
    """The way out, which waits so long for an answer, and the simulator behind it."""
    simulator = vendor.simulator()
    async with served(simulator) as url:
        settings = msgspec.structs.replace(vendor.settings(url), timeout=seconds)
        async with build(vendor.name, settings) as destination:
            yield destination, simulator


def message(vendor: Vendor, key: str = "f1:reminder") -> Delivery:
    return replace(DELIVERY, id=key, data=vendor.data)


def order(simulator: Simulator, vendor: Vendor, *faults: Fault) -> None:
    """Let these happen to the request that has an effect, and those after it."""
    simulator.faults.extend(["none"] * vendor.before)
    simulator.faults.extend(faults)


@every
async def test_a_message_arrives_and_breaks_no_rule(vendor: Vendor) -> None:
    async with at(vendor) as (destination, simulator):
        await destination.send(message(vendor))
        await destination.send(message(vendor, "f2:reminder"))
        assert [str(each) for each in simulator.broken] == []
        assert len(simulator.effects) == 2


@every
async def test_the_same_key_has_one_effect_where_that_is_promised(vendor: Vendor) -> None:
    async with at(vendor) as (destination, simulator):
        for _ in range(2):
            await destination.send(message(vendor))
        assert len(simulator.effects) == (1 if vendor.deduplicates else 2)
        assert (destination.retries("reminder").remembers > 0) is vendor.deduplicates


@every
@pytest.mark.parametrize(
    ("fault", "kind", "for_all", "pause"),
    [
        ("400", Rejected, False, None),
        ("429", Unavailable, True, None),
        ("429 in 7 s", Unavailable, True, 7),
        ("503", Unavailable, True, None),
        ("401", Unavailable, True, None),
        ("500", Unclear, False, None),
        ("502", Unclear, False, None),
        ("silence before", Unclear, False, None),
        ("silence after", Unclear, False, None),
    ],
)
async def test_each_way_to_end_is_told_apart(
    vendor: Vendor, fault: Fault, kind: type[Exception], pause: float | None, *, for_all: bool
) -> None:
    async with at(vendor, 0.4 if fault.startswith("silence") else 10) as (destination, simulator):
        order(simulator, vendor, *[fault] * (2 if fault == "401" and vendor.renews else 1))
        with pytest.raises(kind) as caught:
            await destination.send(message(vendor))
        assert "ann@shop.example" not in str(caught.value), "a reason holds no personal data"
        if isinstance(caught.value, Unavailable):
            assert caught.value.account is for_all
            if pause is not None:
                assert caught.value.retry_after == pause


@every
async def test_what_cannot_be_reached_was_not_sent(vendor: Vendor) -> None:
    async with build(vendor.name, vendor.settings("http://127.0.0.1:9")) as destination:
        with pytest.raises(Unavailable):
            await destination.send(message(vendor))


@every
async def test_after_an_answer_that_was_lost_the_key_keeps_it_single(vendor: Vendor) -> None:
    if not vendor.deduplicates:
        pytest.skip("it recognises no keys, and nothing is sent again there")
    async with at(vendor, 0.4) as (destination, simulator):
        order(simulator, vendor, "silence after")
        with pytest.raises(Unclear):
            await destination.send(message(vendor))
        await destination.send(message(vendor))
        assert len(simulator.effects) == 1


@every
async def test_a_refusal_inside_an_answer_of_success_is_one(vendor: Vendor) -> None:
    if not vendor.refused:
        pytest.skip("it answers with success only what it has taken")
    async with at(vendor) as (destination, simulator):
        with pytest.raises(Rejected) as caught:
            await destination.send(replace(DELIVERY, data=vendor.refused))
        assert "@" not in str(caught.value)
        assert simulator.effects == []


@every
async def test_a_message_that_it_cannot_take_is_refused_before_it_leaves(vendor: Vendor) -> None:
    async with at(vendor) as (destination, simulator):
        with pytest.raises(Rejected):
            await destination.send(replace(DELIVERY, data=vendor.wrong))
        assert simulator.asked == []


@every
def test_what_is_wrong_is_told_when_the_files_are_loaded(vendor: Vendor) -> None:
    settings = {"there": vendor.settings("")}
    text = msgspec.json.encode({"destination": "there", "data": vendor.wrong}).decode()
    with pytest.raises(MessageErrors) as caught:
        Messages.load({"messages/m.yaml": text}, settings)
    assert len(caught.value.errors) >= 1
    right = msgspec.json.encode({"destination": "there", "data": vendor.data}).decode()
    assert Messages.load({"messages/m.yaml": right}, settings).names == {"m"}


MUTANTS = [(vendor, mutant) for vendor in VENDORS for mutant in vendor.mutants]


@pytest.mark.parametrize(("vendor", "mutant"), MUTANTS, ids=lambda each: each.name)
async def test_the_simulator_notices_a_faulty_adapter(
    vendor: Vendor, mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(vendor) as (destination, simulator):
        client = destination.caller._client  # type: ignore[attr-defined]  # noqa: SLF001 - it is to be broken
        monkeypatch.setattr(client, "_transport", Mutating(client._transport, mutant.change))  # noqa: SLF001
        for key in ("f1:reminder", "f2:reminder"):
            try:
                await destination.send(message(vendor, key))
            except (Rejected, Unavailable, Unclear):
                assert mutant.rule
        if mutant.rule:
            assert mutant.rule in {str(each).rpartition(" (")[0] for each in simulator.broken}
        else:
            assert len(simulator.effects) != 2
