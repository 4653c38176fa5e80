"""What the process's store stands on, from one life to the next: memory, or a folder with real files.

The files are SQLite's, written through a disk that knows what was synced. A crash is a matter of one instant: at it
the files are put down in another folder, as a killed process leaves them or as a loss of power does, and the next life
opens those. What the process still does to the old ones, while it is taken apart, is of no consequence.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import apsw

from adapters.store.sqlite import FILE, SqliteStore
from engine.core.events import Millis
from engine.runtime.ports import Store
from engine.runtime.records import Batch, Kept, Mark
from tests.adapters.store.vfs import Disk
from tests.simulation.contents import compare
from tests.simulation.world import FaultStore, World

WITNESS = f"{FILE}-witness"
_ERRORS: dict[str, tuple[Callable[[str], apsw.Error], ...]] = {
    "write": (apsw.FullError, apsw.IOError),
    "sync": (apsw.IOError,),
}
_LEFT = 0.7
"""Of the processes that end by themselves, so many leave the files open, as the sidecar does; the others close them."""

_LONGEST_COMMIT = 40
"""Operations of the disk among which a commit that is to fail does so, if it has as many."""


class Machine(Protocol):
    """What outlives a process."""

    die: Callable[[], None]
    """Ends the process at this instant."""

    def opened(self) -> AbstractAsyncContextManager[Store]:
        """The store, for one life; it is compared with what the world knows to be in it."""

    def plan(self, draw: random.Random) -> None:
        """Choose what the next life has in store for the disk."""

    def crash(self) -> None:
        """The process dies."""


class Memory:
    """A store that outlives the process as it is: a write has taken place, or has not."""

    def __init__(self, world: World) -> None:
        self.die: Callable[[], None] = lambda: None
        self._world = world
        self._store = FaultStore(world)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        self._world.survived((await self._store.mark()).commits)
        yield self._store

    def plan(self, draw: random.Random) -> None:
        pass

    def crash(self) -> None:
        pass


class Files:
    """A folder of real files, on a disk that fails, and on which power is lost."""

    def __init__(self, world: World, folder: Path, synchronous: str) -> None:
        self.die: Callable[[], None] = lambda: None
        self._world = world
        self._root = folder
        self._synchronous = synchronous
        self._disk = Disk(self._operation)
        self._folder = self._another_folder()
        self._after: tuple[Path, Disk] | None = None
        self._operations = 0
        self._crash_at = 0
        self._fails_in = 0
        self._fails_for_good = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        self._take_over()
        store = FaultFile(self, self._world, self._folder / FILE, self._disk.name, self._synchronous)
        try:
            self._world.survived((await store.mark()).commits)
            await compare(self._world, store)
            yield store
        finally:
            if not self._world.dead and self._world.draw.random() < _LEFT:
                self._after = self._killed(self._another_folder())
            store.close()

    def plan(self, draw: random.Random) -> None:
        """Half of the crashes come at an operation of the disk, early ones and late ones alike."""
        self._operations = self._fails_in = 0
        self._crash_at = round(2 ** draw.uniform(0, 11)) if draw.random() < 0.5 and not self._world.calm else 0

    def crash(self) -> None:
        """Put down what is left."""
        world, folder = self._world, self._another_folder()
        dice = random.Random(world.draw.random())
        if dice.random() < 0.5:
            world.happened["killed"] += 1
            self._after = self._killed(folder)
        else:
            world.happened["power lost"] += 1
            self._after = self._without_power(folder, dice)

    def _killed(self, folder: Path) -> tuple[Path, Disk]:
        """All is there as it was written, though what was not synced can still be lost with the power."""
        self._witnessed(folder, self._witness())
        return folder, self._disk.copy_to(folder)

    def _without_power(self, folder: Path, dice: random.Random) -> tuple[Path, Disk]:
        """What was synced is there; the witness, which never is, may be lost or an older one."""
        self._disk.lose_power(folder, dice)
        disk = Disk(self._operation, folder.iterdir())
        witness = self._witness()
        self._witnessed(folder, dice.choice((witness, f"{dice.randint(0, int(witness or 0)):020}", "")))
        return folder, disk

    def _witness(self) -> str:
        file = self._folder / WITNESS
        return file.read_text() if file.exists() else ""

    def _witnessed(self, folder: Path, witness: str) -> None:
        if witness:
            (folder / WITNESS).write_text(witness)

    def fail_soon(self) -> None:
        """Let the disk fail within the next commit, once or from then on."""
        dice = random.Random(self._world.draw.random())
        self._fails_in, self._fails_for_good = dice.randint(1, _LONGEST_COMMIT), dice.random() < 0.5

    def _take_over(self) -> None:
        """Go on with what the last crash has left."""
        if self._after is not None:
            self._disk.unregister()
            self._folder, self._disk = self._after
            self._after = None

    def _another_folder(self) -> Path:
        folder = self._root / str(len(list(self._root.iterdir())))
        folder.mkdir()
        return folder

    def _operation(self, operation: str, _: str) -> None:
        """The disk is to do something."""
        world = self._world
        if world.dead:
            return
        self._operations += 1
        if self._operations == self._crash_at:
            world.happened[f"crash at a {operation}"] += 1
            self.die()
        elif self._fails_in > 1:
            self._fails_in -= 1
        elif self._fails_in and operation in _ERRORS:
            self._fails_in = 1 if self._fails_for_good else 0
            world.faulty = True
            world.happened[f"failed {operation} of the disk"] += 1
            raise random.Random(self._operations).choice(_ERRORS[operation])("the disk fails")


class FaultFile(SqliteStore):
    """The real store, that does its work at once, between two steps of its task, after and before it took time."""

    def __init__(self, files: Files, world: World, path: Path, vfs: str, synchronous: str) -> None:
        self._files = files
        self._world = world
        super().__init__(path, vfs=vfs, run=self._at_once, synchronous=synchronous)

    async def mark(self) -> Mark:
        await self._world.alive()
        return await super().mark()

    async def write(self, batch: Batch) -> None:
        world = self._world
        await world.take_time("slow write")
        if world.happens("failed write"):
            self._files.fail_soon()
        await super().write(batch)
        await world.take_time("slow answer of a write")

    async def load(self, name: str) -> Kept | None:
        await self._world.take_load()
        return await super().load(name)

    async def prune(self, before: Millis, retained: Millis, linked: Millis, passed: int) -> list[str]:
        self._world.retained = max(self._world.retained, retained)
        return await super().prune(before, retained, linked, passed)

    def _write(self, batch: Batch) -> None:
        world = self._world
        if not world.dead:
            world.log.append(batch)
        super()._write(batch)
        if not world.dead:
            world.durable = len(world.log)

    async def _at_once(self, work: Callable[..., Any], *args: Any) -> Any:
        await self._world.alive()
        try:
            return work(*args)
        finally:
            await self._world.alive()
