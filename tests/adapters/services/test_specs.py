"""Each request, and what the vendor's own description says of it."""

from dataclasses import replace

import pytest

from tests.adapters.services.test_contract import at, message
from tests.adapters.services.vendor import Vendor
from tests.adapters.services.vendors import KEYS, VENDORS
from tests.simulators.spec import FOLDER, faults

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
