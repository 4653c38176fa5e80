"""What the outbox asks of the rest: people, and to have it written down what becomes of messages."""

from engine.core.events import Fate, Millis, Sent
from engine.core.user import User
from engine.runtime.clock import Clock
from engine.runtime.journal import Journal, Receipt
from engine.runtime.records import Counted, Dispatch
from engine.runtime.router import Router


class RouterDesk:
    """Fills the outbox's `Desk`. Whatever waits raises a StoreError where nothing can be written any more."""

    def __init__(self, router: Router, journal: Journal, now: Clock) -> None:
        self._router = router
        self._journal = journal
        self._now = now

    def now(self) -> Millis:
        """The present instant."""
        return self._now()

    async def user(self, name: str) -> User | None:
        """The user who has what was decided under that name, as they are now; None if nothing is known of them."""
        return await self._router.look_for_heir(name)

    def note(self, dispatch: Dispatch) -> None:
        """Have a change written down with the next commit."""
        self._journal.note(dispatch)

    def count(self, counted: Counted) -> None:
        """Have something counted, with the same commit as what was noted just before."""
        self._journal.count(counted)

    async def begin(self, dispatch: Dispatch, sent: Sent | None) -> None:
        """Have it written down and told to its user that a message is being handed over; wait until that is durable.

        The user must be awake, and is told before anything else happens.
        """
        receipt = Receipt()
        self._router.report(dispatch, "sending", receipt, dispatch.changed, sent)
        await self._journal.wait(receipt)

    async def put_back(self, dispatch: Dispatch) -> None:
        """Have it written down and told to its user that a message was not taken, and wait until both are durable."""
        await self._report(dispatch, "later")

    async def end(self, dispatch: Dispatch) -> None:
        """Have a message's end written down and told to its user, and wait until both are durable."""
        match dispatch.state:
            case "accepted" | "unconfirmed" | "failed" | "dropped" as fate:
                await self._report(dispatch, fate)
            case _:
                raise ValueError(f"a message that is {dispatch.state} has not ended")

    async def renew(self, dispatch: Dispatch) -> None:
        """Have it written down and told to its user that a message is due again, and wait until both are durable."""
        await self._report(dispatch, "due")

    async def _report(self, dispatch: Dispatch, fate: Fate) -> None:
        receipt = Receipt()
        await self._router.room(dispatch.name)
        if self._router.report(dispatch, fate, receipt, self._now()):
            await self._journal.wait(receipt)
        else:
            self._journal.note(dispatch)
            await self._journal.flushed()
