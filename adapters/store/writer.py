"""The writing half of the store: one connection, used by one thread at a time."""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import apsw
import msgspec

from adapters.store import queries
from adapters.store.faults import explained
from adapters.store.rows import checksum, decision_row, dispatch_row, entries_to_bytes, seen
from adapters.store.schema import prepare
from engine.core.events import INF, Millis, encode
from engine.runtime.census import Census, Changes
from engine.runtime.records import Batch, Mark, Save

_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "wal_autocheckpoint": 250,
    "cache_size": -65_536,
    "mmap_size": 0,
}
_PUBLISHED = {"decisions", "outbox"}
"""Tables of which it is written down how far something of them is gone."""

_PRUNED = 500
"""Rows of a table that are let go at a time."""

_VACUUMED = 200
"""Pages given back at a time."""

_INSERT_DECISION = """
    INSERT OR IGNORE INTO decisions (firing, name, at, version, content, commits) VALUES (?, ?, ?, ?, ?, ?)"""
_UPSERT_DISPATCH = """
    INSERT INTO outbox (message, name, state, changed, content, commits, destination, address)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (message) DO UPDATE SET name = excluded.name, state = excluded.state, changed = excluded.changed,
    content = excluded.content, commits = excluded.commits, destination = excluded.destination,
    address = excluded.address"""
_UPSERT_PERSON = f"""
    INSERT INTO people (name, number, version, horizon, touched, bare) VALUES (?, ?, ?, min(?, {INF}), ?, ?)
    ON CONFLICT (name) DO UPDATE SET number = excluded.number, version = excluded.version, horizon = excluded.horizon,
    touched = excluded.touched, bare = excluded.bare RETURNING id"""  # noqa: S608 - our own number
_INSERT_SUPPRESSION = """
    INSERT INTO suppressions (address, channel, list, why, at, source) VALUES (?, ?, ?, ?, ?, ?)"""
_ADD_COUNT = """
    INSERT INTO counts (trigger, version, variant, what, gate, amount, since) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""
_PUT_EVENT = """
    INSERT INTO events (name, number, since, last, shape) VALUES (?, ?, ?, ?, x'')
    ON CONFLICT (name) DO UPDATE SET number = excluded.number, since = excluded.since, last = excluded.last"""
_INSERT_CHUNK = "INSERT INTO history (user, saved_at, chunk, checksum) VALUES (?, ?, ?, ?)"
_PEOPLE_PAGE = f"""
    SELECT id, name, touched, bare AND horizon = {INF}, EXISTS (SELECT 1 FROM links WHERE links.user = people.name)
    FROM people WHERE id > ? ORDER BY id LIMIT ?"""  # noqa: S608 - our own number
_OLD_HISTORY = "SELECT id FROM (SELECT id, saved_at FROM history ORDER BY id LIMIT ?2) WHERE saved_at < ?1"
_OLD_DECISIONS = "SELECT id FROM (SELECT id, at FROM decisions ORDER BY id LIMIT ?2) WHERE at < ?1"
_OLD_MESSAGES = """
    SELECT id FROM outbox WHERE changed < ?1 AND state NOT IN ('due', 'held', 'sending') ORDER BY changed LIMIT ?2"""
_OLD_LINKED = "SELECT id FROM (SELECT id, at FROM linked ORDER BY id LIMIT ?2) WHERE at < ?1"
_OLD_VERSIONS = """
    SELECT number FROM versions AS old WHERE CASE
        WHEN (SELECT min(at) FROM versions WHERE number > old.number AND number <= ?3) < ?1
        THEN EXISTS (SELECT 1 FROM people) AND NOT EXISTS (SELECT 1 FROM people WHERE version <= old.number)
    END LIMIT ?2"""
"""By `CASE`, so that all people are looked at only for a version that was superseded long ago."""


class Writer:
    """Writes batches, and lets go of what is old."""

    def __init__(self, path: Path, *, vfs: str = "", synchronous: str = "FULL") -> None:
        self._path = path
        self._page = 0
        with explained(path):
            self._connection = _opened(path, vfs, synchronous)
            self._census = Census(map(seen, self._connection.execute(queries.EVENTS)))

    def close(self) -> None:
        """Close the connection."""
        with explained(self._path):
            self._connection.close()

    def mark(self) -> Mark:
        """How far the database has got."""
        with explained(self._path):
            ((commits, number, now),) = self._connection.execute("SELECT commits, number, now FROM mark")
        return Mark(commits, number, now)

    def write(self, batch: Batch, mark: Mark) -> None:
        """Write a batch, with which the database has got to `mark`."""
        with explained(self._path):
            changes = self._census.take(batch, mark.now)
            self._in_transaction(partial(_put, batch, mark, changes))

    def prune(self, before: Millis, retained: Millis, linked: Millis, passed: int) -> list[str]:
        """Let go of a little of what is too old; returns some visitors who may be forgotten."""
        wanted = (
            ("history", _OLD_HISTORY, (before, _PRUNED)),
            ("decisions", _OLD_DECISIONS, (retained, _PRUNED)),
            ("outbox", _OLD_MESSAGES, (retained, _PRUNED)),
            ("linked", _OLD_LINKED, (linked, _PRUNED)),
            ("versions", _OLD_VERSIONS, (retained, _PRUNED, passed)),
        )
        with explained(self._path):
            doomed = {table: list(self._connection.execute(query, bound)) for table, query, bound in wanted}
            if any(doomed.values()):
                self._in_transaction(partial(_delete, doomed))
            return self._idle_visitors(before)

    def _idle_visitors(self, before: Millis) -> list[str]:
        """The next page of people, round and round; those of them who may be forgotten."""
        page = list(self._connection.execute(_PEOPLE_PAGE, (self._page, _PRUNED)))
        self._page = page[-1][0] if len(page) == _PRUNED else 0
        return [name for _, name, touched, bare, led in page if bare and touched < before and not led]

    def _in_transaction(self, work: Callable[[apsw.Cursor], None]) -> None:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            work(cursor)
            cursor.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise


def _opened(path: Path, vfs: str, synchronous: str) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs=vfs or None)
    try:
        if not connection.pragma("schema_version"):
            connection.pragma("page_size", 8192)
            connection.pragma("auto_vacuum", "INCREMENTAL")
        for name, value in (_PRAGMAS | {"synchronous": synchronous}).items():
            connection.pragma(name, value)
        prepare(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _put(batch: Batch, mark: Mark, events: Changes, cursor: apsw.Cursor) -> None:
    if batch.version is not None:
        cursor.execute("INSERT INTO versions VALUES (?, ?, ?, ?)", msgspec.structs.astuple(batch.version))
    if batch.entries:
        content = entries_to_bytes(batch.entries)
        row = (mark.commits, content, checksum(content, mark.commits))
        cursor.execute("INSERT INTO journal VALUES (?, ?, ?)", row)
    cursor.executemany("INSERT OR REPLACE INTO links VALUES (?, ?)", batch.links.items())
    cursor.executemany("INSERT OR IGNORE INTO linked (message, at) VALUES (?, ?)", batch.linked.items())
    commits = repeat(mark.commits)
    for place, suppressed in batch.suppressed.items():
        cursor.execute("DELETE FROM suppressions WHERE address = ? AND channel = ? AND list = ?", place)
        if suppressed is not None:
            cursor.execute(_INSERT_SUPPRESSION, (*place, suppressed.why, suppressed.at, suppressed.source))
    cursor.executemany(_INSERT_DECISION, map(decision_row, batch.decisions, commits))
    cursor.executemany(_UPSERT_DISPATCH, map(dispatch_row, batch.dispatches.values(), commits))
    cursor.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", batch.cursors.items())
    cursor.executemany(_ADD_COUNT, ((*counted, amount, mark.now) for counted, amount in batch.counts.items()))
    _put_events(cursor, events)
    for save in batch.saves:
        _save(cursor, save, mark.now)
    for name in batch.gone:
        _forget(cursor, name)
    if batch.journal_from:
        cursor.execute("DELETE FROM journal WHERE commits < ?", (batch.journal_from,))
    cursor.execute("UPDATE mark SET commits = ?, number = ?, now = ?", mark)


def _put_events(cursor: apsw.Cursor, events: Changes) -> None:
    cursor.executemany("DELETE FROM events WHERE name = ?", ((name,) for name in events.gone))
    counted = ((each.name, each.number, each.since, each.last) for each in events.counted.values())
    cursor.executemany(_PUT_EVENT, counted)
    shaped = ((encode(each.shape), each.name) for each in events.shaped.values())
    cursor.executemany("UPDATE events SET shape = ? WHERE name = ?", shaped)


def _save(cursor: apsw.Cursor, save: Save, now: Millis) -> None:
    row = (save.name, save.number, save.version, save.horizon, save.touched, save.bare)
    ((user,),) = cursor.execute(_UPSERT_PERSON, row)
    cursor.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (user, save.state, checksum(save.state, user)))
    if save.whole:
        cursor.execute("DELETE FROM history WHERE user = ?", (user,))
    if save.chunk:
        cursor.execute(_INSERT_CHUNK, (user, now, save.chunk, checksum(save.chunk, user)))


def _forget(cursor: apsw.Cursor, name: str) -> None:
    found = cursor.execute("DELETE FROM people WHERE name = ? RETURNING id", (name,)).fetchone()
    if found is not None:
        cursor.execute("DELETE FROM states WHERE id = ?", found)
        cursor.execute("DELETE FROM history WHERE user = ?", found)


def _delete(doomed: dict[str, list[tuple[Any, ...]]], cursor: apsw.Cursor) -> None:
    for table, rows in doomed.items():
        if table in _PUBLISHED:
            query = f"UPDATE mark SET pruned = max(pruned, (SELECT commits FROM {table} WHERE id = ?))"  # noqa: S608 - ours
            cursor.executemany(query, rows)
        cursor.executemany(f"DELETE FROM {table} WHERE rowid = ?", rows)  # noqa: S608 - our own names
    for _ in cursor.execute(f"PRAGMA incremental_vacuum({_VACUUMED})"):
        pass  # each step moves a page
