"""ActiveCampaign is asked about few, seldom and slowly: an account's five requests a second are for all who use it."""

from itertools import pairwise

import pytest
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.activecampaign import Activecampaign as Destination
from engine.runtime.ports import DAY
from tests.adapters.services.activecampaign import KEYS, STANDING, settings
from tests.adapters.services.test_standing import BEFORE, NOW, THERE
from tests.simulators.activecampaign import Activecampaign
from tests.simulators.base import Asked, Direct, Told


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


async def test_each_is_asked_about_once_a_day_and_two_seconds_after_another(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator, instants = Activecampaign(), list[float]()
    mailed = [f"ann-{number}@shop.example" for number in range(60)]
    for address in mailed:
        STANDING.enter(simulator, "left a list", address, BEFORE)
    answer = simulator.answer

    async def noted(asked: Asked) -> Told:
        instants.append(simulator.now())
        return await answer(asked)

    monkeypatch.setattr(simulator, "answer", noted)
    async with build("a", settings(THERE), Direct(simulator)) as destination:
        assert isinstance(destination, Destination)
        cursor, found = "", list[str]()
        for sweep in range(3):
            polled = await destination.poll(cursor, mailed, NOW)
            cursor, found = polled.cursor, found + [each.address for each in polled.reports]
            assert len(simulator.asked) == min(25 * (sweep + 1), 60)
        assert sorted(found) == sorted(mailed)
        for poll in range(1, 289):
            cursor = (await destination.poll(cursor, mailed, NOW + poll * DAY // 288)).cursor
    assert sorted(each.query["email"] for each in simulator.asked[60:]) == sorted(mailed)
    assert all(later - earlier >= 2 for earlier, later in pairwise(instants))
    assert simulator.broken == []
