"""What SQLite says when it cannot go on, in words that help."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from engine.runtime.ports import StoreError

_SAVED = "nothing that was acknowledged is lost"

_REMEDIES: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.FullError, f"the disk is full: make room and start again; {_SAVED}"),
    (apsw.ReadOnlyError, "it is read-only: let Impel write the file and its folder, and start again"),
    (apsw.CantOpenError, "it cannot be opened: let Impel read and write the file and its folder"),
    (apsw.PermissionsError, "it may not be used: let Impel read and write the file and its folder"),
    (apsw.NotADBError, "it is not a database: name another folder as `data`, or put back a copy"),
    (apsw.CorruptError, "it is damaged: `impel db check` says where; put back a copy made by `impel db backup`"),
    (apsw.IOError, f"the disk does not do as asked: see the system's log, and start again; {_SAVED}"),
    (apsw.BusyError, "another program holds it: let that one end"),
)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a StoreError that says what, where and what to do."""
    try:
        yield
    except apsw.Error as error:
        remedy = next((text for kind, text in _REMEDIES if isinstance(error, kind)), "this is a fault of Impel")
        raise StoreError(f"{path}: {remedy} ({error})") from error


def damaged(path: Path, table: str, row: object) -> StoreError:
    """A row is not what was written."""
    return StoreError(
        f"{path}: row {row} of table {table} is damaged: `impel db check` lists all such rows; put back a copy made by"
        " `impel db backup`"
    )
