"""Mandrill's denylist, of which a thousand entries are told and no more, and what is told of subaccounts."""

import msgspec
import pytest
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.mandrill import Mandrill as Destination
from engine.runtime.ports import DAY
from tests.adapters.services.mandrill import KEYS, MAILS, STANDING
from tests.adapters.services.test_standing import BEFORE, NOW, THERE
from tests.simulators.base import Direct
from tests.simulators.mandrill import Mandrill

EARLY = [f"ann-{number}@shop.example" for number in range(999)]
LATE = [f"bob-{number}@shop.example" for number in range(120)]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def enter(simulator: Mandrill, *addresses: str, subaccount: str | None = None) -> None:
    for address in addresses:
        STANDING.enter(simulator, "bounced", address, BEFORE)
        simulator.denied[-2]["subaccount"] = subaccount


async def test_those_who_were_mailed_are_asked_about_only_where_the_list_is_not_told_whole(
    autojump_clock: MockClock,
) -> None:
    simulator = Mandrill()
    enter(simulator, *EARLY)
    async with build("m", MAILS.settings(THERE), Direct(simulator)) as destination:
        assert isinstance(destination, Destination)
        polled = await destination.poll("", LATE, NOW)
        assert ({each.address for each in polled.reports}, len(simulator.asked)) == (set(EARLY), 1)
        enter(simulator, *LATE)
        found, polls = set[str](), 0
        while not set(LATE) <= found:
            polled = await destination.poll(polled.cursor, [*LATE, "eve@shop.example"], NOW + polls)
            found |= {each.address for each in polled.reports}
            polls += 1
        assert polls == 3
        asked = [each.json["email"] for each in simulator.asked if "email" in each.json]
        assert sorted(asked) == sorted([*LATE, "eve@shop.example"]), "each once a day"
        assert (await destination.poll(polled.cursor, LATE, NOW + DAY)).cursor != polled.cursor
        assert simulator.broken == []


async def test_the_list_is_told_where_those_who_were_mailed_cannot_be_asked_about(autojump_clock: MockClock) -> None:
    simulator = Mandrill()
    enter(simulator, *EARLY, *LATE)
    async with build("m", MAILS.settings(THERE), Direct(simulator)) as destination:
        assert isinstance(destination, Destination)
        simulator.faults.extend(["none", "429"])
        polled = await destination.poll("", LATE, NOW)
        assert len(polled.reports) == 1_000
        again = await destination.poll(polled.cursor, LATE, NOW)
        asked = [each.json["email"] for each in simulator.asked if "email" in each.json]
        assert asked[0] == asked[1], "it goes on from there"
        assert len(again.reports) == 1_050


@pytest.mark.parametrize(
    ("subaccount", "told"), [("", {"all@shop.example"}), ("eu", {"all@shop.example", "eu@shop.example"})]
)
async def test_what_another_subaccount_was_denied_says_nothing_of_ours(
    subaccount: str, told: set[str], autojump_clock: MockClock
) -> None:
    simulator = Mandrill()
    enter(simulator, "all@shop.example")
    for name in ("eu", "us"):
        enter(simulator, f"{name}@shop.example", subaccount=name)
    settings = msgspec.structs.replace(MAILS.settings(THERE), subaccount=subaccount)
    async with build("m", settings, Direct(simulator)) as destination:
        assert isinstance(destination, Destination)
        polled = await destination.poll("", [], NOW)
    assert {each.address for each in polled.reports} == told
    assert simulator.broken == []
