"""The feed, over a virtual clock: whoever follows is told everything in the order of commits, from any cursor on."""

import random
from collections.abc import Iterable

import pytest
import trio

from adapters.store.memory import MemoryStore
from engine.core.decisions import Firing
from engine.runtime import feed as module
from engine.runtime.feed import Ended, Feed, Follower, TooSlow
from engine.runtime.records import Batch, Decision, Dispatch, Published
from tests.adapters.store.values import batch, decision, dispatch


def everything(_: Decision | Dispatch) -> bool:
    return True


class Writer:
    """Commits, and publishes what it has committed, as the journal does."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.feed = Feed(self.store)
        self.commits = 0
        self.number = 0

    async def write(self, made: Batch) -> None:
        self.commits += 1
        await self.store.write(made)
        self.feed.publish(self.commits, made.decisions, made.dispatches.values())

    async def decide(self, many: int = 1) -> None:
        made = [decision(self.number + one) for one in range(1, many + 1)]
        self.number += many
        await self.write(batch(decisions=made))


def firings(items: Iterable[Published]) -> list[Firing]:
    return [item.what.firing for item in items if isinstance(item.what, Decision)]


async def told(follower: Follower, number: int) -> list[str]:
    """Read until so many firings have come."""
    found: list[str] = []
    with trio.fail_after(60):
        while len(found) < number:
            found += [firing.id for firing in firings(await follower.next(1))]
    return found


def names(first: int, last: int) -> list[str]:
    return [f"f{number}" for number in range(first, last + 1)]


async def test_without_a_cursor_only_what_follows_is_told(autojump_clock: trio.abc.Clock) -> None:
    writer = Writer()
    await writer.decide(3)
    follower = await writer.feed.follow(None, everything)
    assert await follower.next(1) == []
    await writer.decide(2)
    assert await told(follower, 2) == names(4, 5)
    assert follower.cursor == 2


async def test_from_a_cursor_on_the_past_is_told_first_and_then_what_happens(autojump_clock: trio.abc.Clock) -> None:
    writer = Writer()
    for _ in range(5):
        await writer.decide(2)
    follower = await writer.feed.follow(2, everything)
    assert await told(follower, 6) == names(5, 10)
    assert follower.cursor == 5
    await writer.decide()
    assert await told(follower, 1) == names(11, 11)


@pytest.mark.parametrize("seed", range(20))
async def test_between_the_past_and_the_present_nothing_is_missing_doubled_or_out_of_order(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice, writer = random.Random(seed), Writer()
    monkeypatch.setattr(module, "_PAGE", dice.randint(1, 10))
    for _ in range(20):
        await writer.decide(dice.randint(1, 4))
    told_before = 0
    found: list[str] = []

    async def follow() -> None:
        while len(found) < 200:
            follower = await writer.feed.follow(told_before, everything)
            await read(follower, dice.randint(1, 60))
            follower.leave()

    async def read(follower: Follower, rounds: int) -> None:
        nonlocal told_before
        for _ in range(rounds):
            found.extend(firing.id for firing in firings(await follower.next(1)))
            told_before = follower.cursor
            if len(found) >= 200:
                break

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        while writer.number < 200:
            await writer.decide(min(dice.randint(1, 4), 200 - writer.number))
            for _ in range(dice.randint(0, 3)):
                await trio.lowlevel.checkpoint()
    assert found == names(1, 200), f"{seed=}"


async def test_a_message_is_told_as_it_is_and_again_when_it_changes(autojump_clock: trio.abc.Clock) -> None:
    writer = Writer()
    due, accepted = dispatch(1), dispatch(1, state="accepted")
    await writer.write(batch(dispatches={due.id: due}))
    follower = await writer.feed.follow(0, everything)
    assert await follower.next(1) == [Published(1, due)]
    await writer.write(batch(dispatches={due.id: accepted}))
    assert await follower.next(1) == [Published(2, accepted)]
    late = await writer.feed.follow(0, everything)
    assert await late.next(1) == [Published(2, accepted)]


async def test_who_wants_little_is_still_told_how_far_it_has_got(autojump_clock: trio.abc.Clock) -> None:
    writer = Writer()
    follower = await writer.feed.follow(0, lambda what: what.firing.id == "f3")
    assert await follower.next(1) == []
    await writer.decide(2)
    assert await follower.next(1) == []
    assert follower.cursor == 1
    await writer.decide(1)
    assert await told(follower, 1) == ["f3"]


async def test_who_does_not_keep_up_is_let_go_and_comes_back_with_its_cursor(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 10)
    writer = Writer()
    follower = await writer.feed.follow(0, everything)
    assert await follower.next(1) == []
    await writer.decide(50)
    assert await told(follower, 50) == names(1, 50)  # one commit may hold more than may wait
    for _ in range(15):
        await writer.decide()
    with pytest.raises(TooSlow):
        await follower.next(1)
    again = await writer.feed.follow(follower.cursor, everything)
    assert await told(again, 15) == names(51, 65)


async def test_what_waits_is_told_before_the_end(autojump_clock: trio.abc.Clock) -> None:
    writer = Writer()
    follower = await writer.feed.follow(0, everything)
    assert await follower.next(1) == []
    await writer.decide()
    writer.feed.end()
    assert await told(follower, 1) == ["f1"]
    with pytest.raises(Ended):
        await follower.next(1)


async def test_a_cursor_from_elsewhere_and_one_that_is_too_old_are_refused() -> None:
    writer = Writer()
    await writer.write(batch(decisions=[decision(1)]))
    await writer.write(batch(decisions=[decision(2)]))
    await writer.write(batch(decisions=[decision(3, at=60)]))
    await writer.store.prune(before=0, retained=50, linked=0, passed=0)
    with pytest.raises(ValueError, match="the cursor 9 lies ahead of 3"):
        await writer.feed.follow(9, everything)
    with pytest.raises(ValueError, match="what followed the cursor 1 is no longer kept; all after 2 is"):
        await writer.feed.follow(1, everything)
    assert [(await (await writer.feed.follow(after, everything)).next(1))[0].commit for after in (0, 2)] == [3, 3]
