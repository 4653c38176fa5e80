"""Each request, and what the vendor's own description says of it."""

from dataclasses import replace

import pytest
from trio.testing import MockClock

from tests.adapters.services import test_standing
from tests.adapters.services.test_contract import at, message
from tests.adapters.services.test_standing import NOW, fill
from tests.adapters.services.vendor import Standing, Vendor
from tests.adapters.services.vendors import KEYS, STANDINGS, VENDORS
from tests.simulators.spec import FOLDER, answer_faults, faults, query_faults

STANDING = [standing for standing in STANDINGS if standing.described[0]]
DESCRIBED = [vendor for vendor in VENDORS if vendor.described[0]]

needs_specs = pytest.mark.skipif(not FOLDER.is_dir(), reason="the vendors' descriptions are not at hand")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@needs_specs
@pytest.mark.parametrize("vendor", DESCRIBED, ids=lambda vendor: vendor.name)
async def test_a_request_is_as_it_is_described(vendor: Vendor) -> None:
    async with at(vendor) as (destination, simulator):
        await destination.send(message(vendor))
        asked = simulator.asked[-1]
    assert faults(*vendor.described, asked) == []
    broken = replace(asked, body=b"[1]")
    assert faults(*vendor.described, broken), "the description says something of the body"


@needs_specs
@pytest.mark.parametrize("standing", STANDING, ids=lambda standing: standing.vendor.name)
async def test_what_asks_and_what_answers_are_as_they_are_described(
    standing: Standing, autojump_clock: MockClock
) -> None:
    file, path = standing.described
    async with test_standing.at(standing) as (destination, simulator):
        fill(standing, simulator)
        await destination.poll("", [], NOW)
        asked = next(each for each in simulator.asked if each.path.removesuffix(".json") == path)
        told = await simulator.answer(asked)
    method = asked.method.lower()
    if asked.body:
        assert faults(file, path, asked) == []
        assert faults(file, path, replace(asked, body=b"[1]"))
    else:
        assert query_faults(file, path, asked) == []
        assert query_faults(file, path, replace(asked, query={"since": "0"}))
    assert answer_faults(file, path, method, told) == []
    assert told.body, "it says something"
    assert answer_faults(file, path, method, told._replace(body="ann")), "and of the answer, too"
