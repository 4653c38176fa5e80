"""What an operator asks of a database: whether it is whole, what takes the room, and a copy. All of it only reads."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import msgspec

from adapters.store.faults import explained
from adapters.store.rows import checksum, entries_from_bytes
from engine.core import snapshot
from engine.core.snapshot import SnapshotError
from engine.runtime.ports import StoreError

Tell = Callable[[int, int], None]
"""Told how many rows are checked, and of how many."""

_EVERY = 1_000
_MOST = 100
"""Faults that are listed; a file with more is beyond telling."""

_BLOBS = {
    "journal": "SELECT commits, entries, commits, checksum FROM journal",
    "states": "SELECT id, state, id, checksum FROM states",
    "history": "SELECT id, chunk, user, checksum FROM history",
}
_SIZES = """
    SELECT tables.tbl_name, sum(pgsize), sum(pgsize - unused)
    FROM dbstat JOIN sqlite_schema AS tables ON tables.name = dbstat.name
    WHERE aggregate = TRUE GROUP BY 1 ORDER BY 2 DESC"""


class TableSize(msgspec.Struct):
    """A table with its indexes; sizes in bytes."""

    table: str
    rows: int
    size: int
    used: int
    """Without what is left free in its pages."""


class Sizes(msgspec.Struct):
    """What takes the room, in bytes."""

    tables: list[TableSize]
    file: int
    free: int
    """Pages of the file that wait to be used again."""
    log: int
    """The write-ahead log."""


def check(connection: apsw.Connection, tell: Tell = lambda _done, _all: None) -> list[str]:
    """Look at every row; returns what is wrong."""
    wrong = [
        f"the structure is damaged: {text}"
        for (text,) in connection.execute(f"PRAGMA integrity_check({_MOST})")
        if text != "ok"
    ]
    counts = {table: _count(connection, table) for table in _BLOBS}
    done = 0
    for table, query in _BLOBS.items():
        for row, content, place, expected in connection.execute(query):
            problem = _problem(table, content, place, expected)
            if problem and len(wrong) < _MOST:
                wrong.append(f"row {row} of table {table} {problem}")
            done += 1
            if not done % _EVERY:
                tell(done, sum(counts.values()))
    tell(done, done)
    return wrong


def sizes(connection: apsw.Connection) -> Sizes:
    """Measure the tables."""
    page, free, pages = (connection.pragma(name) for name in ("page_size", "freelist_count", "page_count"))
    log = Path(connection.filename_wal)
    return Sizes(
        [TableSize(table, _count(connection, table), size, used) for table, size, used in connection.execute(_SIZES)],
        page * pages,
        page * free,
        log.stat().st_size if log.exists() else 0,
    )


def backup(connection: apsw.Connection, file: Path) -> None:
    """Write a copy, as of now, to a file that must not be there yet; it is checked when it is written.

    Raises:
        StoreError: it cannot be written.

    """
    if file.exists():
        raise StoreError(f"{file} is there already: name another file, or remove that one")
    if not file.parent.is_dir():
        raise StoreError(f"there is no folder {file.parent}")
    with explained(file):
        connection.execute("VACUUM INTO ?", (str(file),))
        with closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as copy:
            wrong = check(copy)
    if wrong:
        raise StoreError(f"{file} was written, and is damaged: {wrong[0]}; try another disk")


def _problem(table: str, content: bytes, place: int, expected: bytes) -> str:
    if expected != checksum(content, place):
        return "is not what was written"
    try:
        if table == "states":
            snapshot.read(content)
        elif table == "journal":
            entries_from_bytes(content)
    except (SnapshotError, msgspec.MsgspecError) as error:
        return f"cannot be read by this version of Impel: {error}"
    return ""


def _count(connection: apsw.Connection, table: str) -> int:
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - the schema's own names
    return int(rows)
