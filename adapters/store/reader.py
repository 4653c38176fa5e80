"""The reading half of the store: a connection that cannot write."""

from pathlib import Path
from typing import Any

import apsw

from adapters.store.faults import damaged, explained
from adapters.store.rows import checksum, entries_from_bytes
from engine.runtime.ports import StoreError
from engine.runtime.records import Entry, Kept

_PERSON = """
    SELECT people.id, number, version, state, checksum FROM people JOIN states USING (id) WHERE name = ?"""
_CHUNKS = "SELECT id, chunk, checksum FROM history WHERE user = ? ORDER BY id"


class Asked:
    """A load that waits for its answer."""

    __slots__ = ("answered", "error", "kept", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.answered = False
        self.kept: Kept | None = None
        self.error: StoreError | None = None


class Reader:
    """Reads rows, and sees that they are what was written."""

    def __init__(self, path: Path, *, vfs: str = "") -> None:
        self._path = path
        with explained(path):
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs or None)

    def close(self) -> None:
        """Close the connection."""
        with explained(self._path):
            self._connection.close()

    def rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """All that a query gives."""
        with explained(self._path):
            return list(self._connection.execute(query, values))

    def load(self, together: list[Asked]) -> None:
        """Answer some loads."""
        for asked in together:
            try:
                with explained(self._path):
                    asked.kept = self._kept(asked.name)
            except StoreError as error:
                asked.error = error
            asked.answered = True

    def entries(self, commits: int, content: bytes, check: bytes) -> list[Entry]:
        """The turns of a row of the journal."""
        if check != checksum(content, commits):
            raise damaged(self._path, "journal", commits)
        return entries_from_bytes(content)

    def _kept(self, name: str) -> Kept | None:
        found = self._connection.execute(_PERSON, (name,)).fetchone()
        if found is None:
            return None
        user, number, version, state, check = found
        if check != checksum(state, user):
            raise damaged(self._path, "states", user)
        chunks = []
        for row, chunk, check in self._connection.execute(_CHUNKS, (user,)):
            if check != checksum(chunk, user):
                raise damaged(self._path, "history", row)
            chunks.append(chunk)
        return Kept(number, version, state, tuple(chunks))
