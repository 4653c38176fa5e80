"""Whose turn it is to be asked about: everybody's about once a day, however polls fall, and nobody is left behind."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.feedback.report import BOUNCED, Report
from adapters.feedback.turns import ask_in_turn, turns
from engine.runtime.ports import DAY, Rejected, Unavailable

NOW = 1_800_000_000_000
MAILED = [f"ann-{number}@shop.example" for number in range(40)]


def ask_all(cursor: str, now: int, most: int = 100) -> tuple[list[str], str]:
    due, until = turns(cursor, MAILED, now, most)
    return [address for _, address in due], str(until)


@given(st.lists(st.integers(min_value=0, max_value=DAY), min_size=1, max_size=30))
def test_in_a_day_everybody_is_asked_about_once_however_polls_fall(instants: list[int]) -> None:
    _, cursor = ask_all("", NOW)
    asked = Counter[str]()
    for instant in sorted({*instants, DAY}):
        addresses, cursor = ask_all(cursor, NOW + instant)
        asked.update(addresses)
    assert asked == Counter(MAILED)


def test_the_first_time_it_is_everybodys_turn_once_however_they_are_written() -> None:
    due, _ = turns("", [*MAILED, " Ann-1@Shop.Example"], NOW, 100)
    assert sorted(address for _, address in due) == sorted(MAILED)
    assert all(NOW - DAY < at <= NOW for at, _ in due)


@given(st.integers(min_value=1, max_value=60), st.integers(min_value=1, max_value=3 * DAY))
def test_where_there_are_more_than_may_be_asked_about_nobody_is_left_behind(most: int, pause: int) -> None:
    cursor, asked, polls = "", list[str](), 0
    while len(asked) < len(MAILED):
        addresses, cursor = ask_all(cursor, NOW + polls * min(pause, DAY // 100), most)
        asked += addresses
        polls += 1
    assert sorted(asked[: len(MAILED)]) == sorted(MAILED)
    assert polls >= len(MAILED) // most


def test_after_days_of_rest_everybody_is_asked_about_within_a_day_and_nobody_twice() -> None:
    _, cursor = ask_all("", NOW)
    rested = NOW + 9 * DAY + DAY // 3
    addresses, cursor = ask_all(cursor, rested)
    later, _ = ask_all(cursor, NOW + 10 * DAY)
    assert sorted(addresses + later) == sorted(MAILED)
    assert addresses
    assert later


def test_a_clock_that_was_ahead_does_not_hold_up_anybody() -> None:
    addresses, cursor = ask_all(str(NOW + 30 * DAY), NOW)
    assert addresses == []
    assert sorted(ask_all(cursor, NOW + DAY)[0]) == sorted(MAILED)


class Service:
    """One that tells that everybody has bounced, and fails at some."""

    def __init__(self, failures: dict[str, Exception]) -> None:
        self.asked: list[str] = []
        self._failures = failures

    async def ask(self, address: str) -> Sequence[Report]:
        self.asked.append(address)
        if address in self._failures:
            raise self._failures[address]
        return [Report(BOUNCED, NOW, address, address)]


async def test_what_was_asked_before_a_failure_counts_and_it_goes_on_from_there() -> None:
    due, until = turns("", MAILED, NOW, 100)
    third = due[2][1]
    polled = await ask_in_turn(due, until, Service({third: Unavailable("answered 429")}).ask)
    assert [each.address for each in polled.reports] == [address for _, address in due[:2]]
    again, _ = turns(polled.cursor, MAILED, NOW, 100)
    assert again == due[2:]
    with pytest.raises(Unavailable):
        await ask_in_turn(again, until, Service({third: Unavailable("answered 429")}).ask)


async def test_an_address_that_is_refused_does_not_hold_up_the_others() -> None:
    due, until = turns("", MAILED, NOW, 100)
    service = Service({due[0][1]: Rejected("answered 422")})
    polled = await ask_in_turn(due, until, service.ask)
    assert service.asked == [address for _, address in due]
    assert len(polled.reports) == len(MAILED) - 1
    assert polled.cursor == str(NOW)
