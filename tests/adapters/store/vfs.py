"""A disk that counts, fails and loses power: what SQLite writes through it is safe only once it was synced.

It stands between SQLite and real files, which always hold what was written last. Beside them it remembers, for each
file, the content as of the last sync and every write since, in order. `lose_power` makes of that the files as a disk
may hold them afterwards: what was synced is there; of the writes since, none is, or a part that the seed chooses, down
to single sectors, in any order. It never asks the real disk to sync, which would cost time and prove nothing.
"""

import itertools
import os.path
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512

_NAMES = itertools.count()
_NAMED = (
    apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)

Operation = str
"""`write`, `truncate`, `sync`, `delete`, `open`; reads cannot fail here."""


@dataclass
class _Content:
    """A file: as it was synced, and what was done to it since: bytes at an offset, or a new size without any."""

    synced: bytearray
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.since:
            _apply(self.synced, offset, data)
        self.since.clear()

    def current(self) -> bytes:
        content = bytearray(self.synced)
        for offset, data in self.since:
            _apply(content, offset, data)
        return bytes(content)

    def after_power_loss(self, dice: random.Random | None) -> bytes:
        content = bytearray(self.synced)
        if dice is not None:
            share = dice.choice((0.0, 0.5, 0.9, 1.0))
            for offset, data in self.since:
                if data is None:
                    _apply(content, offset, None)
                    continue
                for start in range(0, len(data), SECTOR):
                    if dice.random() < share:
                        _apply(content, offset + start, data[start : start + SECTOR])
        return bytes(content)


class Disk(apsw.VFS):
    """Give its `name` to the store as `vfs`; keep it as long as that is open, and `unregister` it afterwards.

    `fault(operation, path)` is asked before each operation and may raise, as a disk does that is full or broken:
    `apsw.FullError`, `apsw.IOError`. `files` are safe already, though nobody has opened them yet.
    """

    def __init__(
        self, fault: Callable[[Operation, str], None] = lambda _operation, _path: None, files: Iterable[Path] = ()
    ) -> None:
        self.name = f"disk-{next(_NAMES)}"
        self.fault = fault
        self.done: Counter[tuple[Operation, str]] = Counter()
        """How often each operation was done, by the end of the file's name: `.db`, `.db-wal`, `.db-journal`."""
        self._contents = {str(file): _Content(bytearray(file.read_bytes())) for file in files}
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's
        """Open a file, through this disk if it has a name."""
        if name is None or not flags[0] & _NAMED:
            return super().xOpen(name, flags)
        path = name if isinstance(name, str) else name.filename()
        self.note("open", path)
        opened = _DiskFile(self, path, name, flags)
        if path not in self._contents:
            self._contents[path] = _Content(bytearray(Path(path).read_bytes()))
        return opened

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's
        """Delete a file; that is never undone."""
        self.note("delete", filename)
        super().xDelete(filename, syncdir)
        self._contents.pop(filename, None)

    def note(self, operation: Operation, path: str) -> None:
        """Count an operation, and fail it if it is to fail."""
        self.fault(operation, path)
        self.done[operation, os.path.splitext(path)[1]] += 1  # noqa: PTH122 - thousands of times a second

    def record(self, path: str, offset: int, data: bytes | None) -> None:
        """A file was written to, or cut or extended to a size."""
        self._contents[path].since.append((offset, data))

    def sync(self, path: str) -> None:
        """What was written to a file is safe."""
        self._contents[path].sync()

    def copy_to(self, folder: Path) -> "Disk":
        """This disk with its files in another folder, as they are at this instant, synced or not.

        A process that was killed leaves them like that; what it had not synced can still be lost with the power.
        """
        copy = Disk(self.fault)
        for path, content in sorted(self._contents.items()):
            file = folder / Path(path).name
            file.write_bytes(content.current())
            copy._contents[str(file)] = _Content(bytearray(content.synced), list(content.since))
        return copy

    def lose_power(self, folder: Path, dice: random.Random | None = None) -> None:
        """Write the files to another folder as a disk may hold them after a power loss at this instant.

        With dice, some of what was not synced has reached the disk nevertheless; the same dice give the same files.
        """
        for path, content in sorted(self._contents.items()):
            (folder / Path(path).name).write_bytes(content.after_power_loss(dice))


class _DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, path: str, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's
        self._disk.note("write", self._path)
        copy = bytes(data)
        super().xWrite(copy, offset)
        self._disk.record(self._path, offset, copy)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's
        self._disk.note("truncate", self._path)
        super().xTruncate(newsize)
        self._disk.record(self._path, newsize, None)

    def xSync(self, _flags: int) -> None:  # noqa: N802 - SQLite's
        self._disk.note("sync", self._path)
        self._disk.sync(self._path)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    end = offset if data is None else offset + len(data)
    if data is None:
        del content[end:]
    content.extend(bytes(max(0, end - len(content))))
    if data is not None:
        content[offset:end] = data
