"""What stands beside a database: a lock, so that two engines never write one file, and a witness of how far it got.

A write-ahead log that was cut short opens without an error, at whatever commit is the last complete one. So the number
of each commit is also written down elsewhere, after it. It need not be synced: it must never run ahead of the database,
and where it lags behind (only a machine that lost power lets it) it merely misses a loss that it might have seen.
"""

import fcntl
import os
from pathlib import Path

from engine.runtime.ports import StoreError

_DIGITS = 20


class Lock:
    """Held as long as the process lives, or until it is closed; the kernel lets go of it after `kill -9` too."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + "-lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}; let Impel write its folder") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            who = f"another Impel (process {holder or 'unknown'}) uses {database}"
            raise StoreError(f"{who}: stop it, or name another folder as `data`") from error
        os.truncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)


def in_use(database: Path) -> bool:
    """Whether an Impel that runs holds the database."""
    try:
        Lock(database).close()
    except StoreError:
        return True
    return False


class Witness:
    """The number of the last commit, in a file of its own."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + "-witness")
        self._file = -1

    def read(self) -> int:
        """The last commit that was written down; 0 where none was."""
        try:
            return int(self._path.read_text("ascii") or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def check(self, commits: int) -> None:
        """Compare with what the database holds.

        Raises:
            StoreError: it holds less.

        """
        seen = self.read()
        if commits < seen:
            raise StoreError(
                f"{self._database} lacks its last {seen - commits:,} commits (it ends at {commits:,} of {seen:,}), with"
                " events that were acknowledged: its -wal file was cut or deleted, or an older copy was put back. Put"
                " the right files there; or go on with what there is by `impel db accept`"
            )

    def write(self, commits: int) -> None:
        """Write down a commit."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(self._file, str(commits).zfill(_DIGITS).encode(), 0)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
