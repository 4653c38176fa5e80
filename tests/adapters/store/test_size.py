"""The file's size under a steady load, round by round in a time that the test tells."""

from pathlib import Path

from adapters.store.sqlite import SqliteStore
from engine.core.events import Millis
from tests.adapters.store.conftest import opening
from tests.adapters.store.values import batch, decision, dispatch, entry, save, version

SECOND = 1_000
KEPT = 10 * SECOND


async def _load(store: SqliteStore, second: int) -> None:
    """What a hundred visitors, who never come again, and twenty who always do, leave in a second."""
    now, first = second * SECOND, second * 100
    visitors = [save(f"a:{first + each}", chunk=bytes(400), touched=now, bare=True) for each in range(100)]
    customers = [save(f"k:{each}", first, chunk=bytes(400), touched=now) for each in range(20)]
    made = [dispatch(first + each, state="accepted", changed=now) for each in range(50)]
    await store.write(
        batch(
            now=now,
            entries=[entry(first + each) for each in range(100)],
            saves=visitors + customers,
            decisions=[decision(first + each, at=now) for each in range(50)],
            dispatches={each.id: each for each in made},
            linked={first: now},
            journal_from=(await store.mark()).commits,
        )
    )


async def _prune(store: SqliteStore, now: Millis) -> None:
    gone = await store.prune(before=now - KEPT, retained=now - KEPT, linked=now - KEPT, passed=0)
    await store.write(batch(gone=gone))


async def _pages(store: SqliteStore) -> int:
    return int(await store.upkeep(lambda connection: connection.pragma("page_count")))


async def test_under_a_steady_load_the_file_stops_growing(database: Path) -> None:
    pages = []
    async with opening(database, synchronous="OFF") as store:
        for second in range(80):
            await _load(store, second)
            await _prune(store, second * SECOND)
            pages.append(await _pages(store))
    assert pages[9] > 3 * pages[0]
    assert max(pages[50:]) < 1.05 * max(pages[20:50])


async def test_when_the_load_ends_the_file_shrinks(database: Path) -> None:
    async with opening(database, synchronous="OFF") as store:
        for second in range(20):
            await _load(store, second)
        most = await _pages(store)
        for _ in range(40):
            await _prune(store, 100 * SECOND)
        assert await _pages(store) < most / 5


async def test_whom_a_report_is_about_costs_the_same_however_many_messages_there_are(database: Path) -> None:
    """Counted in steps of SQLite's virtual machine."""
    steps = 0

    def step() -> bool:
        nonlocal steps
        steps += 1
        return False

    costs = []
    async with opening(database, synchronous="OFF") as store:
        assert await store.accepted_for("7@x.example", "there", 0, 9) is None  # by which it reads the schema
        for first in range(0, 8_000, 2_000):
            made = [
                dispatch(first + each, state="accepted", address=f"{each % 50}@x.example", changed=first + each)
                for each in range(2_000)
            ]
            await store.write(batch(dispatches={each.id: each for each in made}))
            store._reader._connection.set_progress_handler(step, 1)  # noqa: SLF001 - whose work is counted
            assert await store.accepted_for("7@x.example", "there", 0, 1 << 40) == made[-43]
            assert len(await store.mailed("there", 0, 100)) == 50
            store._reader._connection.set_progress_handler(None)  # noqa: SLF001
            costs.append(steps)
            steps = 0
    assert max(costs) < 1.2 * min(costs)


async def test_pruning_costs_the_same_however_many_people_there_are(database: Path) -> None:
    """Counted in steps of SQLite's virtual machine, with a version that was superseded, but not long ago."""
    steps = 0

    def step() -> bool:
        nonlocal steps
        steps += 1
        return False

    costs = []
    async with opening(database, synchronous="OFF") as store:
        for number in (1, 2):
            await store.write(batch(number=number, version=version(number, at=50 * SECOND)))
        for people in range(2_000, 10_000, 2_000):
            saves = [save(f"k:{people + each}", 3, version=2, touched=60 * SECOND) for each in range(2_000)]
            await store.write(batch(saves=saves))
            store._writer._connection.set_progress_handler(step, 10)  # noqa: SLF001 - whose work is counted
            await _prune(store, 60 * SECOND)
            store._writer._connection.set_progress_handler(None)  # noqa: SLF001
            costs.append(steps)
            steps = 0
    assert max(costs) < 1.2 * min(costs)
