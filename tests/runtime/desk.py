"""A desk that knows everybody, and writes down what the outbox tells it."""

import trio

from engine.core.decisions import Firing, message_ids
from engine.core.events import Millis, Sent
from engine.core.program import Program
from engine.core.sending.question import Due
from engine.core.user import User
from engine.runtime.records import ENDED, Counted, Dispatch
from tests.runtime.rig import trio_clock


class FakeDesk:
    """Keeps all that it was told, and the last of each message."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.users: dict[str, User] = {}
        self.told: list[Dispatch] = []
        self.counted: list[Counted] = []
        self.asked: list[Millis] = []
        """When the outbox has asked for a user."""
        self.known: dict[str, Dispatch] = {}

    def make_due(self, name: str, firing: Firing, *, expires: Millis = 1 << 62) -> None:
        """Let a firing's messages be due for the user, as a turn would."""
        user = self.users.setdefault(name, User(name, self.program))
        for key, message in message_ids(firing):
            due = Due(key, firing.trigger, message, firing.at, expires)
            user.sending.due[due.id] = due

    def states(self, dispatch_id: str) -> list[str]:
        """All states of a message so far."""
        return [each.state for each in self.told if each.id == dispatch_id]

    def now(self) -> Millis:
        return trio_clock()

    async def user(self, name: str) -> User | None:
        self.asked.append(self.now())
        await trio.lowlevel.checkpoint()
        return self.users.get(name)

    def note(self, dispatch: Dispatch) -> None:
        self.told.append(dispatch)
        self.known[dispatch.id] = dispatch

    def count(self, counted: Counted) -> None:
        self.counted.append(counted)

    async def begin(self, dispatch: Dispatch, sent: Sent | None) -> None:
        if sent is not None:
            self.users[dispatch.name].sending.ledger.enter(sent)
        await self._mark(dispatch)

    async def put_back(self, dispatch: Dispatch) -> None:
        self.users[dispatch.name].sending.ledger.strike(dispatch.id)
        await self._mark(dispatch)

    async def _mark(self, dispatch: Dispatch) -> None:
        await trio.lowlevel.checkpoint()
        self.note(dispatch)

    async def end(self, dispatch: Dispatch) -> None:
        assert dispatch.state in ENDED
        await self._mark(dispatch)
        user = self.users.get(dispatch.name)
        if user is not None:
            user.sending.due.pop(dispatch.id, None)

    async def renew(self, dispatch: Dispatch) -> None:
        await self._mark(dispatch)
        self.make_due(dispatch.name, dispatch.firing)

    async def find(self, dispatch_id: str) -> Dispatch | None:
        await trio.lowlevel.checkpoint()
        return self.known.get(dispatch_id)
