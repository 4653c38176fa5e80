"""The actor: one trio task per awake user.

The task loads the user's state, drains its mailbox and parks. While it is parked a turn runs as a plain call from the
router, which costs a thirtieth of waking the task; only a turn that must wait for something (the state is being loaded,
another user is to be absorbed first) goes to the mailbox, and turns are taken strictly in the order of arrival, so that
a wake never overtakes an input. A user who has been idle is saved by the keeper, which then lets the task end.

A task is rescheduled at most once per park: `_parked` is the slot that whoever wakes it empties, and so does the abort.
"""

from collections import deque
from collections.abc import Callable

import trio

from engine.core.decisions import Firing
from engine.core.events import INF, Millis
from engine.core.user import User
from engine.runtime.loader import Loader
from engine.runtime.turn import Turn, take_turn
from engine.runtime.versions import Versions

Taken = Callable[["Actor", User, Turn, list[Firing]], None]
"""Told after each turn: the actor, its user, the turn and what was decided."""


class Actor:
    """An awake user. It starts with a mailbox; the user is loaded by its task."""

    __slots__ = (
        "_mailbox",
        "_parked",
        "_settled",
        "_taken",
        "_versions",
        "absorbed_by",
        "gone",
        "horizon",
        "leaving",
        "name",
        "number",
        "unsavable",
        "used",
        "user",
    )

    def __init__(self, name: str, versions: Versions, taken: Taken) -> None:
        self.name = name
        self.user: User | None = None
        """None while it is being loaded."""
        self.number = 0
        """Of the last turn taken."""
        self.used: Millis = 0
        """When the last turn arrived."""
        self.horizon: Millis = 0
        """As it stands in the agenda since the last turn; 0 where there was none."""
        self.gone = False
        self.leaving = False
        """Whether it is to be saved and to end, unless another turn comes first."""
        self.unsavable = False
        """Whether the state could not be written; it is tried again after a further turn."""
        self.absorbed_by: Actor | None = None
        """The actor that is to absorb it: it takes what has arrived, and sets no deadlines any more."""
        self._versions = versions
        self._taken = taken
        self._parked: trio.lowlevel.Task | None = None
        self._mailbox: deque[tuple[Turn, Actor | None]] | None = None
        self._settled: trio.Event | None = None

    @property
    def waiting(self) -> int:
        """How many turns wait in the mailbox."""
        return len(self._mailbox) if self._mailbox else 0

    @property
    def idle(self) -> bool:
        """Whether the task is parked with nothing to do."""
        return self._parked is not None and not self._mailbox and self.absorbed_by is None

    def deliver(self, turn: Turn, absorbs: "Actor | None" = None) -> None:
        """Take the turn now if nothing stands before it, otherwise in its order; first let it absorb another user."""
        self.used = turn.now
        self.leaving = self.unsavable = False
        if self._parked is not None and self.user is not None and turn.linking is None:
            self._take(self.user, turn, None)
            return
        if self._mailbox is None:
            self._mailbox = deque()
        self._mailbox.append((turn, absorbs))
        self._unpark()

    def end(self) -> None:
        """Let the task end: the user is saved, or another's by now."""
        self.gone = True
        self._unpark()

    async def settled(self) -> User | None:
        """The user, once all turns that have arrived are taken; None if it has ended or was absorbed meanwhile."""
        while self._parked is None and not self.gone:
            if self._settled is None:
                self._settled = trio.Event()
            await self._settled.wait()
        return None if self.gone else self.user

    async def run(self, loader: Loader) -> None:
        """Live: load, drain, park."""
        try:
            first = self._mailbox[0][0].number if self._mailbox else INF
            self.user, self.number = await loader.load(self.name, first)
            while not self.gone:
                await self._drain(self.user)
                self._announce()
                if not self.gone:
                    await self._park()
            user, self.user = self.user, None
            if user is not None:  # saved and let go of; one who was cancelled may be saved yet
                user.retire()
        finally:
            self.gone = True
            self._announce()

    async def surrender(self) -> User:
        """Give the user away, to be absorbed by another, and end."""
        user = await self.settled()
        await trio.lowlevel.checkpoint_if_cancelled()  # where it could not be loaded, all actors end, ours too
        assert user is not None, "who is to be absorbed stays awake"  # noqa: S101  the router's promise
        self.user = None
        self.end()
        return user

    async def _drain(self, user: User) -> None:
        while self._mailbox:
            turn, absorbs = self._mailbox[0]
            if turn.linking is not None:
                await turn.linking.before.wait()
            absorbed = await absorbs.surrender() if absorbs is not None else None
            self._take(user, turn, absorbed)
            self._mailbox.popleft()
        self._mailbox = None

    def _take(self, user: User, turn: Turn, absorbed: User | None) -> None:
        firings = take_turn(user, self._versions, turn.number, turn.now, turn.item, absorbed=absorbed)
        self.number = turn.number
        self._taken(self, user, turn, firings)

    async def _park(self) -> None:
        self._parked = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _unpark(self) -> None:
        task, self._parked = self._parked, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _announce(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set()
