"""The actor: one trio task per awake user.

The task loads the user's state, drains its mailbox and parks. While it is parked a turn runs as a plain call from the
router, which costs a thirtieth of waking the task; only a turn that must wait for something (the state is being loaded
or saved, or another user is to be absorbed first) goes to the mailbox, and turns are taken strictly in the order of
arrival, so that a wake never overtakes an input. When it has been idle, the task is unparked to save the state and end.

A task is rescheduled at most once per park: `_parked` is the slot that whoever wakes it empties, and so does the abort.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog
import trio

from engine.core.decisions import Firing
from engine.core.events import Input, Millis
from engine.core.program import Program
from engine.core.user import User
from engine.runtime.ports import Store


class Turn(NamedTuple):
    """An input, or, without one, a deadline reached."""

    now: Millis
    item: Input | None = None
    absorbs: "Actor | None" = None


Taken = Callable[["Actor", User, list[Firing]], None]
"""Told after each turn: the actor, its user and what was decided."""

_log = structlog.get_logger()


class Actor:
    """An awake user. A new one starts from nothing and is ready at once; a sleeping one is loaded by its task."""

    __slots__ = (
        "_mailbox",
        "_parked",
        "_settled",
        "_store",
        "_taken",
        "_unsavable",
        "_user",
        "gone",
        "leaving",
        "name",
        "used",
    )

    def __init__(self, name: str, store: Store, taken: Taken) -> None:
        self.name = name
        self.used: Millis = 0
        """When it last took a turn."""
        self.gone = False
        self.leaving = False
        """Whether another user is to absorb it: it takes what has arrived, and sets no deadlines any more."""
        self._store = store
        self._taken = taken
        self._user: User | None = None
        self._parked: trio.lowlevel.Task | None = None
        self._mailbox: deque[Turn] | None = None
        self._settled: trio.Event | None = None
        self._unsavable = False

    @property
    def waiting(self) -> int:
        """How many turns wait in the mailbox."""
        return len(self._mailbox) if self._mailbox else 0

    @property
    def idle(self) -> bool:
        """Whether the task is parked with nothing to do, and may save the user as far as is known."""
        return self._parked is not None and not self._unsavable

    def deliver(self, turn: Turn) -> None:
        """Take the turn now if nothing stands before it, otherwise in its order."""
        self.used = turn.now
        self._unsavable = False
        if self._parked is not None and self._user is not None and turn.absorbs is None:
            self._take(self._user, turn, None)
            return
        if self._mailbox is None:
            self._mailbox = deque()
        self._mailbox.append(turn)
        self.unpark()

    def unpark(self) -> None:
        """Let the task go on: to drain its mailbox, or, where that is empty, to save the user and end."""
        task, self._parked = self._parked, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    async def settled(self) -> User | None:
        """The user, once all turns that have arrived are taken; None if it has ended or was absorbed meanwhile."""
        while self._parked is None and not self.gone:
            if self._settled is None:
                self._settled = trio.Event()
            await self._settled.wait()
        return None if self.gone else self._user

    async def run(self, program: Program) -> None:
        """Live: load, drain, park, save and end."""
        try:
            await self._load(program)
            while not self.gone:
                await self._drain()
                self._announce()
                if not self.gone:
                    await self._park()
                    if not self._mailbox and not self.gone:
                        await self._save()
        finally:
            self.gone = True
            self._announce()

    async def surrender(self) -> User | None:
        """Give the user away, to be absorbed by another, and end; None if there is none any more."""
        await self.settled()
        self.gone = True
        self.unpark()
        await self._store.delete(self.name)
        user, self._user = self._user, None
        return user

    async def _load(self, program: Program) -> None:
        raw = await self._store.load(self.name)
        self._user = User(self.name, program) if raw is None else self._restored(raw, program)

    def _restored(self, raw: bytes, program: Program) -> User:
        """The user as saved; where that cannot be read, one who starts anew, for what comes in must go somewhere."""
        try:
            return User.restore(raw, program)
        except Exception:  # noqa: BLE001 - one user's state must not end the process and with it everyone's
            _log.exception("state cannot be read, the user starts anew")
            return User(self.name, program)

    async def _drain(self) -> None:
        while self._mailbox and self._user is not None:
            turn = self._mailbox[0]
            absorbed = await turn.absorbs.surrender() if turn.absorbs is not None else None
            self._take(self._user, turn, absorbed)
            self._mailbox.popleft()
        self._mailbox = None

    def _take(self, user: User, turn: Turn, absorbed: User | None) -> None:
        """One turn. A turn that fails is a fault of the engine: it is logged, and neither the user nor others stop."""
        try:
            item = turn.item
            firings = user.wake(turn.now) if item is None else user.observe(item, turn.now, absorbed)
        except Exception:  # noqa: BLE001 - said above
            _log.exception("turn failed")
        else:
            self._taken(self, user, firings)

    async def _park(self) -> None:
        self._parked = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def _save(self) -> None:
        """Put the state away, and end unless something arrived meanwhile.

        A user whose state cannot be written stays awake; it is tried again when it is idle after a further turn.
        """
        if self._user is not None:
            try:
                snapshot = self._user.snapshot()
            except Exception:  # noqa: BLE001 - one user's state must not end the process and with it everyone's
                self._unsavable = True
                _log.exception("state cannot be written, the user stays awake")
                return
            await self._store.save(self.name, snapshot)
        self.gone = not self._mailbox

    def _announce(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set()
