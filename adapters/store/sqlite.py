"""The store in one SQLite file, in write-ahead mode with full sync: what `write` returns from has reached the disk.

One connection writes, used by one thread at a time; another reads. Loads that come in while one is under way are read
together in the next trip to a thread, for the trip costs more than the reading.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any, TypeVar

import apsw
import trio

from adapters.store import queries
from adapters.store.faults import explained
from adapters.store.guard import Lock, Witness
from adapters.store.reader import Asked, Reader
from adapters.store.rows import published, read, seen
from adapters.store.writer import Writer
from engine.core.events import Millis
from engine.core.sending.suppression import Suppressed
from engine.runtime.census import Seen
from engine.runtime.ports import StoreError
from engine.runtime.records import (
    Batch,
    Count,
    Counted,
    Dispatch,
    DispatchState,
    Entry,
    Kept,
    Mark,
    Person,
    Published,
    Version,
)

FILE = "impel.db"
"""The usual name, in the data folder."""

_OLDEST = (3, 51, 3)
"""Before it, SQLite could corrupt a write-ahead log that two connections wrote to or checkpointed."""

_PAGE = 10_000
_JOURNAL_PAGE = 100

_ALL = -1
"""As a limit: none."""

_Result = TypeVar("_Result")

Run = Callable[..., Awaitable[Any]]
"""Runs a function with its arguments where it holds up nobody."""


def open_file(
    path: Path, *, vfs: str = "", run: Run = trio.to_thread.run_sync, synchronous: str = "FULL"
) -> "SqliteStore":
    """Open the database at `path`, made if there is none; nobody else may use it until it is closed.

    Args:
        path: the file.
        vfs: the name of the apsw VFS through which SQLite is to reach the disk; its own by default.
        run: where the work is done; in a thread by default.
        synchronous: as SQLite knows it. Nothing but FULL keeps the promises.

    Raises:
        StoreError: it cannot be opened, is damaged or in use, or lacks what was acknowledged.

    """
    check_library()
    return SqliteStore(path, vfs=vfs, run=run, synchronous=synchronous)


class SqliteStore:
    """Keeps everything in one file."""

    def __init__(self, path: Path, *, vfs: str, run: Run, synchronous: str) -> None:
        self._path = path
        self._run = run
        self._failed: StoreError | None = None
        self._reading = trio.Lock()
        self._asked: list[Asked] = []
        with ExitStack() as opened:
            opened.callback(Lock(path).close)
            self._witness = Witness(path)
            opened.callback(self._witness.close)
            self._writer = Writer(path, vfs=vfs, synchronous=synchronous)
            opened.callback(self._writer.close)
            self._mark = self._writer.mark()
            self._witness.check(self._mark.commits)
            self._reader = Reader(path, vfs=vfs)
            opened.callback(self._reader.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close the file, and let others have it whatever the disk says to that.

        Raises:
            StoreError: the disk fails; nothing that was written is lost.

        """
        self._opened.close()

    # Writing -----------------------------------------------------------------------------------------------------

    async def mark(self) -> Mark:
        """How far the store has got."""
        await trio.lowlevel.checkpoint()
        return self._mark

    async def write(self, batch: Batch) -> None:
        """Write all of it in one transaction.

        Raises:
            StoreError: it cannot be written, and nothing can from now on.

        """
        await self._run(self._write, batch)

    def _write(self, batch: Batch) -> None:
        if self._failed is not None:
            raise self._failed
        commits, number, now = self._mark
        mark = Mark(commits + 1, max(number, batch.number), max(now, batch.now))
        try:
            self._writer.write(batch, mark)
        except StoreError as error:
            self._failed = error
            raise
        self._mark = mark
        self._witness.write(mark.commits)

    async def prune(self, before: Millis, retained: Millis, linked: Millis, passed: int) -> list[str]:
        """Let go of a little of what is too old; returns some visitors who may be forgotten.

        Raises:
            StoreError: it cannot be written.

        """
        names: list[str] = await self._run(self._writer.prune, before, retained, linked, passed)
        return names

    # Reading -----------------------------------------------------------------------------------------------------

    async def load(self, name: str) -> Kept | None:
        """What is kept of a user; None where nothing is.

        Raises:
            StoreError: it cannot be read, or is damaged.

        """
        asked = Asked(name)
        self._asked.append(asked)
        async with self._reading:
            if not asked.answered:
                together, self._asked = self._asked, []
                await self._run(self._reader.load, together)
        if asked.error is not None:
            raise asked.error
        return asked.kept

    def versions(self) -> AsyncIterator[list[Version]]:
        """All versions of the trigger files that are kept, oldest first."""
        return self._pages(queries.VERSIONS, lambda row: Version(*row))

    def links(self) -> AsyncIterator[list[tuple[str, str]]]:
        """All ids that lead elsewhere, each with the id that it leads to."""
        return self._pages(queries.LINKS, lambda row: (row[0], row[1]), start="")

    def linked(self) -> AsyncIterator[list[tuple[int, Millis]]]:
        """Hashes of the ids of messages that linked ids, and when, oldest first."""
        return self._pages(queries.LINKED, lambda row: (row[1], row[2]))

    def suppressions(self) -> AsyncIterator[list[tuple[str, Suppressed]]]:
        """All addresses that are suppressed, one for each channel and list."""
        return self._pages(queries.SUPPRESSIONS, lambda row: (row[1], Suppressed(*row[2:])))

    async def journal(self) -> AsyncIterator[list[Entry]]:
        """The entries that are kept, in the order in which they were written.

        Raises:
            StoreError: a row is damaged.

        """
        async with aclosing(self._pages(queries.JOURNAL, lambda row: row, size=_JOURNAL_PAGE)) as pages:
            async for rows in pages:
                yield [entry for row in rows for entry in self._reader.entries(*row)]

    def people(self) -> AsyncIterator[list[Person]]:
        """All users who are kept."""
        return self._pages(queries.PEOPLE, lambda row: Person(*row[1:]))

    def unended(self) -> AsyncIterator[list[Dispatch]]:
        """The messages that are not ended, in the order in which they were decided."""
        return self._pages(queries.UNENDED, lambda row: read(row[1], Dispatch))

    async def behind(self, version: int, after: str, limit: int) -> list[str]:
        """Up to `limit` users who have not taken up `version`, in the order of their names, those after `after`."""
        return [name for (name,) in await self._read(queries.BEHIND, (version, after, limit))]

    async def counts(self) -> list[Count]:
        """All that was counted."""
        return [Count(Counted(*row[:5]), *row[5:]) for row in await self._read(queries.COUNTS, ())]

    async def events(self) -> list[Seen]:
        """What events there are."""
        return list(map(seen, await self._read(queries.EVENTS, ())))

    async def dispatch(self, dispatch_id: str) -> Dispatch | None:
        """A message, by its id."""
        found = await self._read("SELECT content FROM outbox WHERE message = ?", (dispatch_id,))
        return read(found[0][0], Dispatch) if found else None

    async def dispatches(
        self, *, states: Collection[DispatchState] = (), name: str = "", limit: int = 100
    ) -> list[Dispatch]:
        """Messages, the latest change first; those in some states, or of one user, if given."""
        conditions: list[str] = []
        values: list[str] = []
        if states:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        if name:
            conditions.append("name = ?")
            values.append(name)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT content FROM outbox {where} ORDER BY changed DESC, id DESC LIMIT {limit:d}"  # noqa: S608 - ours
        return [read(content, Dispatch) for (content,) in await self._read(query, tuple(values))]

    async def accepted_for(self, address: str, destination: str, since: Millis, until: Millis) -> Dispatch | None:
        """The message that a destination accepted last for an address, as addresses are compared, between two instants.

        None where there is none, or where it was handed over by a version that kept no address of it.
        """
        found = await self._read(queries.ACCEPTED_FOR, (address, destination, since, until))
        return read(found[0][0], Dispatch) if found else None

    async def mailed(self, destination: str, since: Millis, limit: int) -> list[str]:
        """The addresses of the latest messages, up to `limit`, that a destination has accepted; the latest first."""
        rows = await self._read(queries.MAILED, (destination, since, limit))
        return list(dict.fromkeys(address for (address,) in rows))

    async def cursor(self, name: str) -> str:
        """How far the one of that name, who is asked, has told; empty where that is not known."""
        found = await self._read("SELECT cursor FROM cursors WHERE name = ?", (name,))
        return str(found[0][0]) if found else ""

    async def changed(self, after: tuple[Millis, str], limit: int) -> list[Dispatch]:
        """Messages in the order of their last change, then of their ids, after such an instant and id."""
        return [read(content, Dispatch) for (content,) in await self._read(queries.CHANGED, (*after, limit))]

    async def published(self, after: int, upto: int, limit: int) -> list[Published]:
        """Firings, and messages as they were last written, by commits: at least a whole one, and at most `limit`."""
        rows = await self._read(queries.PUBLISHED, (after, upto, limit + 1))
        if len(rows) > limit:
            cut = rows[-1][0]
            rows = [row for row in rows if row[0] < cut] or await self._read(queries.PUBLISHED, (cut - 1, cut, _ALL))
        return [published(row) for row in rows]

    async def pruned(self) -> int:
        """The latest commit of which something is let go that `published` would have given."""
        ((commits,),) = await self._read("SELECT pruned FROM mark", ())
        return int(commits)

    async def upkeep(self, work: Callable[[apsw.Connection], _Result]) -> _Result:
        """Let some work read the whole file on a connection of its own, while others go on."""

        def run() -> _Result:
            with explained(self._path):
                connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
                try:
                    return work(connection)
                finally:
                    connection.close()

        result: _Result = await self._run(run)
        return result

    async def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        async with self._reading:
            rows: list[tuple[Any, ...]] = await self._run(self._reader.rows, query, values)
        return rows

    async def _pages(
        self, query: str, make: Callable[[tuple[Any, ...]], _Result], *, start: int | str = -1, size: int = _PAGE
    ) -> AsyncGenerator[list[_Result], None]:
        """What a query gives, whose rows begin with a key by which they are ordered, a page at a time."""
        while rows := await self._read(query, (start, size)):
            yield [make(row) for row in rows]
            start = rows[-1][0]


def check_library() -> None:
    """See that the SQLite in use can be trusted with a write-ahead log.

    Raises:
        StoreError: it cannot.

    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < _OLDEST:
        wanted = ".".join(map(str, _OLDEST))
        raise StoreError(
            f"SQLite {apsw.sqlite_lib_version()} can damage a database; Impel needs {wanted} or later: update apsw"
        )
