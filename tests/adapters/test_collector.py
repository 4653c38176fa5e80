"""When Python looks for cycles."""

import gc
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from adapters import collector


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """When all was looked through."""
    threshold, found = gc.get_threshold(), list[float]()
    monkeypatch.setattr(gc, "collect", lambda: found.append(trio.current_time()))
    yield found
    gc.unfreeze()
    gc.set_threshold(*threshold)


async def test_all_is_looked_through_seldom_and_only_when_nothing_has_come_for_a_while(
    collections: list[float], autojump_clock: trio.testing.MockClock
) -> None:
    began, busy_until = autojump_clock.current_time(), 4_000.0

    def inputs() -> int:
        return round(min(trio.current_time() - began, busy_until))

    with trio.move_on_after(8_000):
        await collector.collect(inputs)
    assert [at - began for at in collections] == [4_010.0, 7_620.0]


async def test_what_is_there_at_the_beginning_is_not_looked_at_again(collections: list[float]) -> None:
    with trio.move_on_after(0):
        await collector.collect(lambda: 0)
    assert gc.get_freeze_count()
    assert gc.isenabled()
    assert not collections
