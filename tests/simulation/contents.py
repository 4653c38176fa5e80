"""Whether a file holds what was written to it: read back when it is opened, and compared with the transactions."""

from collections import Counter

import apsw

from adapters.store import upkeep
from adapters.store.rows import decision_row, dispatch_row
from adapters.store.sqlite import SqliteStore
from engine.core.events import Track
from engine.runtime.records import ENDED
from tests.simulation.world import World

_DECISIONS = "SELECT firing, name, at, version, content, commits FROM decisions"
_OUTBOX = "SELECT message, name, state, changed, content, commits, destination, address FROM outbox"

Row = tuple[object, ...]


async def compare(world: World, store: SqliteStore) -> None:
    """Compare; what is old enough to be let go of may be there or not.

    Raises:
        AssertionError: something is missing, damaged or too much.

    """
    assert await store.upkeep(upkeep.check) == [], "the file is damaged"
    turns = [entry for page in [page async for page in store.journal()] for entry in page]
    assert turns == _journal(world), "the journal is not what was written"
    versions = [version for page in [page async for page in store.versions()] for version in page]
    assert versions == world.versions[len(world.versions) - len(versions) :], "other trigger files are kept"
    assert bool(versions) is bool(world.versions), "no trigger files are kept"
    counted = {seen.name: seen.number for seen in await store.events()}
    events = Counter(entry.item.name for entry in world.entries if isinstance(entry.item, Track))
    assert counted == events, "the events are miscounted"
    log = list(enumerate(world.log, start=1))
    decisions = {
        decision_row(decision, commits): decision.firing.at < world.retained
        for commits, batch in log
        for decision in batch.decisions
    }
    _hold(await store.upkeep(lambda connection: _rows(connection, _DECISIONS)), decisions, "decisions")
    last = {each.id: (each, commits) for commits, batch in log for each in batch.dispatches.values()}
    messages = {
        dispatch_row(each, commits): each.state in ENDED and each.changed < world.retained
        for each, commits in last.values()
    }
    _hold(await store.upkeep(lambda connection: _rows(connection, _OUTBOX)), messages, "messages")


def _journal(world: World) -> list[object]:
    """The turns that the journal is to hold: those of the batches that no later one has let go of."""
    needed, kept = 0, []
    for commits in range(len(world.log), 0, -1):
        batch = world.log[commits - 1]
        needed = max(needed, batch.journal_from)
        if commits >= needed:
            kept.append(batch.entries)
    return [entry for entries in reversed(kept) for entry in entries]


def _rows(connection: apsw.Connection, query: str) -> set[Row]:
    return set(connection.execute(query))


def _hold(found: set[Row], written: dict[Row, bool], what: str) -> None:
    """Compare rows with those that were written, and whether each may be gone."""
    assert found <= set(written), f"{what} are there that were not written"
    missing = {row for row, old in written.items() if not old} - found
    assert not missing, f"{what} are missing: {missing}"
