"""The keeper: the one task that writes. It commits what is pending, saves users, and lets go of what is too old.

Users are saved with the commits, a few at a time: those who have been idle, to fall asleep; those who absorbed
another, together with that turn; and, when the journal has grown long, those who have waited longest, so that it can be
cut and a restart has little to take again.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

import structlog
import trio

from engine.core.events import Millis
from engine.core.repeats import REMEMBERED
from engine.core.user import User
from engine.runtime.actor import Actor
from engine.runtime.journal import Journal
from engine.runtime.ports import Store
from engine.runtime.records import Batch, Save
from engine.runtime.router import Router
from engine.runtime.versions import Versions

_SAVES = 20
"""Users saved in one transaction, beside those who absorbed another."""

_BUSY, _QUIET = 0.25, 10.0
"""Seconds between two steps of pruning, while there is something to write, and while not."""

_LOOK, _LOOK_AGAIN = 1.0, 0.01
"""Seconds until the next look at who is idle, and while users are being woken to be saved."""

_log = structlog.get_logger()


class Limits(NamedTuple):
    """What is held in memory and in the journal, at most."""

    idle_after: Millis = 300_000
    """How long a user takes no turn before falling asleep."""
    awake: int = 50_000
    """Users awake; those idle longest fall asleep for others."""
    uncommitted: int = 20_000
    """Inputs that are not durable yet; past that, no more are taken."""
    tail: int = 200_000
    """Turns in the journal before users are saved only to make it shorter."""


class Keeper:
    """Keeps the store abreast of what is in memory."""

    def __init__(self, store: Store, journal: Journal, router: Router, versions: Versions, limits: Limits) -> None:
        self._store = store
        self._journal = journal
        self._router = router
        self._versions = versions
        self._limits = limits
        self._tail_limit = limits.tail
        self._leaving: deque[Actor] = deque()
        self._settled: Millis = 0
        self.lagging = True
        """Whether somebody may not have taken up what is in force, and may yet look back from the instant of that."""
        self._passing: deque[tuple[int, int]] = deque()
        self._passed = 0

    async def run(self) -> None:
        """Write, for ever.

        Raises:
            StoreError: something could not be written.

        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_whether_settled)
            await self._write()

    async def _write(self) -> None:
        prune_at = trio.current_time()
        while True:
            with trio.move_on_after(_LOOK_AGAIN if self._is_long else _LOOK):
                await self._journal.news.wait()
            self._rest()
            # All of it is as it is now, when the batch is cut: a save must hold just the turns that are in it.
            survivors, chosen = self._survivors(), self._chosen()
            await self._journal.commit([*survivors, *(save for _, save in chosen)])
            self._saved(chosen)
            if trio.current_time() >= prune_at:
                await self._prune()
                prune_at = trio.current_time() + (_BUSY if self._journal.unsaved else _QUIET)

    async def save_all(self) -> None:
        """Save everybody, and wait until that is done."""
        self._tail_limit = 0
        while self._journal.unsaved:
            self._journal.news.set()
            await trio.sleep(_LOOK_AGAIN)

    def superseded(self, version: int) -> None:
        """All turns before the version of that number are durable; when they are saved too, older versions may go."""
        self._passing.append((version, self._journal.commits))

    # Who is saved ------------------------------------------------------------------------------------------------

    @property
    def _is_long(self) -> bool:
        return self._journal.tail > self._tail_limit and bool(self._journal.unsaved)

    def _rest(self) -> None:
        """Let those who are idle fall asleep; when many are awake, those who have been idle longest."""
        before = self._router.now() - self._limits.idle_after
        surplus = len(self._router.awake) - len(self._leaving) - self._limits.awake * 19 // 20
        for actor in list(islice(self._router.awake.values(), 2 * _SAVES)):
            if actor.used > before and surplus <= 0:
                break
            if actor.idle and not actor.leaving and not actor.unsavable:
                surplus -= 1
                if actor.name in self._journal.unsaved:
                    actor.leaving = True
                    self._leaving.append(actor)
                else:
                    self._router.dismiss(actor)

    def _survivors(self) -> list[Save]:
        """Those who have absorbed another; their turns cannot be taken again, so there is no commit without them."""
        saves = []
        for actor in self._router.survivors.values():
            assert actor.user is not None, "who has taken a turn is loaded"  # noqa: S101  the router's promise
            saves.append(self._snapshot(actor, actor.user))
        self._router.survivors.clear()
        return saves

    def _chosen(self) -> list[tuple[Actor, Save]]:
        """Some of those who are to be saved, as they are now."""
        chosen: list[tuple[Actor, Save]] = []
        while self._leaving and len(chosen) < _SAVES:
            actor = self._leaving.popleft()
            if actor.name not in self._journal.unsaved:
                actor.leaving = False  # saved for another reason: it may fall asleep when that is durable
            elif actor.leaving:
                chosen += self._tried(actor)
        if self._is_long:
            for name in list(islice(self._journal.unsaved, _SAVES)):
                held = self._router.awake.get(name)
                if held is not None:
                    chosen += self._tried(held)
                elif not self._router.crowded:
                    self._router.rouse(name)
        return chosen

    def _tried(self, actor: Actor) -> list[tuple[Actor, Save]]:
        """The user's save, if they can be saved now."""
        if actor.user is None or actor.absorbed_by is not None or actor.unsavable:
            return []
        try:
            return [(actor, self._snapshot(actor, actor.user))]
        except Exception:  # noqa: BLE001 - one user's state must not end the process and with it everyone's
            actor.unsavable = True
            _log.exception("state cannot be written, the user stays awake")
            return []

    def _snapshot(self, actor: Actor, user: User) -> Save:
        version = self._versions.number_of(user)
        snapshot = user.snapshot()
        self._journal.unsaved.pop(actor.name, None)
        return Save(
            actor.name,
            actor.number,
            version,
            user.horizon(),
            user.clock,
            snapshot.state,
            snapshot.chunk,
            snapshot.whole,
            user.is_bare,
        )

    # What is written ---------------------------------------------------------------------------------------------

    def _saved(self, chosen: list[tuple[Actor, Save]]) -> None:
        """Let those fall asleep who were to, unless they have taken another turn.

        More of them, and at the end all others, are saved at once; to make the journal shorter, with the next commit.
        """
        for actor, save in chosen:
            if actor.leaving and actor.idle and actor.number == save.number:
                self._router.dismiss(actor)
        if self._leaving or (chosen and not self._tail_limit):
            self._journal.news.set()

    async def _look_whether_settled(self) -> None:
        """Find an instant up to which everybody is settled: what a deadline may still look back at is not let go."""
        while True:
            now = self._router.now()
            if self._router.alarm.is_quiet(now) and not self.lagging:
                for actor in [actor for actor in self._router.awake.values() if not actor.idle]:
                    await actor.settled()
                self._settled = now
            await trio.sleep(_QUIET)

    async def _prune(self) -> None:
        """Let go of a little of what is too old."""
        program, now = self._versions.program, self._router.now()
        while self._passing and self._passing[0][1] < self._journal.needed_from():
            self._passed, _ = self._passing.popleft()
        before = self._settled - program.keep
        candidates = await self._store.prune(before, now - program.retention, now - REMEMBERED, self._passed)
        gone = [name for name in candidates if name not in self._router.awake and name not in self._journal.unsaved]
        if gone:
            for name in gone:
                self._router.identities.forget(name)
            await self._journal.write(Batch(gone=gone))
