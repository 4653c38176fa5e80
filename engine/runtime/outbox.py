"""The outbox: all messages that are on their way, each handed over once, or ended with its reason.

Messages come in when the commit that holds their decision is durable, and each goes to the lane of its destination.
What became of one that has ended is known to the store, and to the user.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import trio
from msgspec.structs import replace

from engine.core.decisions import Firing, message_ids
from engine.core.events import Millis
from engine.core.identity import plain
from engine.core.sending import holdout
from engine.core.sending.policy import Policy
from engine.core.user import User
from engine.runtime.account import Account
from engine.runtime.lane import Lane
from engine.runtime.office import Context, Desk, Office
from engine.runtime.ports import Chronicle, Delivery, Destination, Pace, Rejected, Renderer, Retries, Telemetry, Turns
from engine.runtime.records import ENDED, Dispatch
from engine.runtime.replay import replay

Find = Callable[[str], Awaitable[Dispatch | None]]
"""A message by its id, as it was last written down."""


class NotPossible(Exception):
    """A message cannot be dropped, or sent again; the text says why."""


class _Nowhere:
    """Stands where a message names a destination that there is not."""

    pace = Pace()

    def retries(self, _: str) -> Retries:
        """Once is enough."""
        return Retries(attempts=1)

    async def send(self, _: Delivery) -> None:
        """Refuse."""
        await trio.lowlevel.checkpoint()
        raise Rejected("its destination is not among those in the settings")


def _accounts(destinations: Mapping[str, Destination]) -> dict[str, Account]:
    """The account of each destination; those whose pace names the same one share it."""
    paces: dict[str, list[Pace]] = {}
    for name, each in destinations.items():
        paces.setdefault(each.pace.account or f" {name}", []).append(each.pace)
    shared = {whose: Account(each) for whose, each in paces.items()}
    return {name: shared[each.pace.account or f" {name}"] for name, each in destinations.items()}


class Outbox:
    """All messages that are not ended."""

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        renderer: Renderer,
        policy: Policy,
        *,
        context: Context,
        desk: Desk,
        find: Find,
        telemetry: Telemetry,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._office = Office(desk, renderer, policy, context=context, telemetry=telemetry, dice=dice)
        self._find = find
        self.destinations = destinations
        self._accounts = accounts = _accounts(destinations)
        self._lanes = {name: Lane(name, each, self._office, accounts[name]) for name, each in destinations.items()}
        self._nowhere = Lane("", _Nowhere(), self._office, Account([_Nowhere.pace]))

    @property
    def waiting(self) -> int:
        """How many messages are not ended."""
        return len(self._office.unended)

    @property
    def policy(self) -> Policy:
        """The rules by which messages are released."""
        return self._office.policy

    def in_use(self) -> frozenset[str]:
        """The versions of triggers of which messages are not ended."""
        return frozenset(each.firing.version for each in self._office.unended.values())

    def use(self, renderer: Renderer, policy: Policy) -> None:
        """Render with other message files, and release by other rules, from now on."""
        self._office.renderer, self._office.policy = renderer, policy
        self.ask_about_all()

    def ask_about_all(self) -> None:
        """Ask at once about all that is held."""
        self.ask_again(list(self._office.unended))

    def ask_again(self, ids: Iterable[str]) -> None:
        """Ask at once about those of these messages that are held: what holds them may be otherwise."""
        for dispatch_id in ids:
            dispatch = self._office.unended.get(dispatch_id)
            if dispatch is not None and dispatch.state == "held":
                self._lane_of(dispatch).ask_again(dispatch_id)

    def paused(self) -> list[str]:
        """The destinations that fail, so that nothing is sent there for a while."""
        return [name for name, lane in self._lanes.items() if lane.breaker.is_open]

    def make(self, name: str, firing: Firing, now: Millis, arm: str) -> list[Dispatch]:
        """The messages that a firing of the user `name` makes due, decided at `now`, counting under an `arm`."""
        return [
            Dispatch(key, name, message, self._destination_of(message), firing, due=now, changed=now, arm=arm)
            for key, message in message_ids(firing)
        ]

    def arm(self, user: User, trigger: str, variant: str) -> str:
        """The arm of a trigger under which a user counts who has that variant of it."""
        policy = self._office.policy
        if not policy.holdout and trigger not in policy.holdouts:
            return variant
        compiled = user.program.by_name.get(trigger)
        messages = {send.message for arm in compiled.arms for send in arm.sends} if compiled else set()
        return holdout.arm(policy, user.first_id, trigger, variant, messages)

    @property
    def messages(self) -> frozenset[str]:
        """All messages there are."""
        return self._office.renderer.names

    def preview(self, user: User, message: str) -> tuple[Mapping[str, Any], Firing]:
        """The fields of a message as a user would get it now, and for which firing: the last that sent it, if any did.

        Raises:
            Rejected: it cannot be filled in.

        """
        latest = user.recent(1)
        event = latest[0].seq if latest else None
        made_up = Firing("preview", "preview", plain(user.name), self._office.desk.now(), event=event)
        firing = next((each for each in user.firings() if message in each.messages), made_up)
        context = {**self._office.context(user, firing), "id": f"{firing.id}:{message}"}
        return self._office.renderer.render(message, context), firing

    def admit(self, dispatches: Iterable[Dispatch]) -> None:
        """Take messages that are durably due, in the order of decision."""
        for dispatch in dispatches:
            self._office.unended[dispatch.id] = dispatch
            self._lane_of(dispatch).put(dispatch)

    def account(self, destination: str) -> Turns:
        """The account of a destination, for requests that are none of the outbox's own."""
        return self._accounts[destination]

    async def run(self) -> None:
        """Send, for ever."""
        async with trio.open_nursery() as nursery:
            for lane in (*self._lanes.values(), self._nowhere):
                nursery.start_soon(lane.run)

    async def rested(self) -> None:
        """Wait until no message is being attempted or could be at once; others may be waiting for their time."""
        for lane in (*self._lanes.values(), self._nowhere):
            while lane.is_busy:
                lane.ended = trio.Event()
                await lane.ended.wait()

    def earliest(self) -> Millis:
        """An instant before which no message is attempted; INF where none waits."""
        return min(lane.earliest() for lane in (*self._lanes.values(), self._nowhere))

    def look(self) -> None:
        """Look at the clock at once: it may have been set ahead."""
        for lane in (*self._lanes.values(), self._nowhere):
            lane.look()

    async def drop(self, dispatch_id: str) -> Dispatch:
        """Let a message that waits end unsent.

        Raises:
            NotPossible: it does not wait.

        """
        dispatch = self._office.unended.get(dispatch_id)
        if dispatch is None:
            ended = await self._known(dispatch_id)
            raise NotPossible(f"it is {ended.state} already")
        if dispatch.state == "sending":
            raise NotPossible("it is being sent at this moment")
        return await self._office.end(dispatch, "dropped", "by hand")

    async def retry(self, dispatch_id: str) -> Dispatch:
        """Let a message that was not accepted be sent again, with the same key.

        Raises:
            NotPossible: it was accepted, or is on its way.

        """
        dispatch = await self._known(dispatch_id)
        if dispatch_id in self._office.unended or dispatch.state not in ENDED:
            raise NotPossible("it is on its way")
        if dispatch.state == "accepted":
            raise NotPossible("it was accepted already")
        now = self._office.desk.now()
        fresh = {"state": "due", "reason": "", "gate": "", "attempts": 0, "begun": None, "doubtful": False}
        again = replace(dispatch, **fresh, due=now, changed=now)
        self._office.unended[again.id] = again
        await self._office.desk.renew(again)
        self.admit([again])
        return again

    async def replay(self, name: str, dispatches: Iterable[Dispatch], *, dry: bool = False) -> dict[str, str]:
        """Tell a destination of messages of the past, for the record, as `engine.runtime.replay` does; gives why not.

        Raises:
            NotPossible: the destination cannot be told without sending.
            Unavailable: some may not have been told of; they may all be told again later.
            Unclear: the same.

        """
        there = self.destinations[name]
        if not isinstance(there, Chronicle):
            raise NotPossible(f"`{name}` cannot be told what is past: whatever it is told, it sends")
        past = [each for each in dispatches if each.state in ENDED and each.id not in self._office.unended]
        return await replay(past, self._office, there, self._accounts[name], dry=dry)

    async def _known(self, dispatch_id: str) -> Dispatch:
        dispatch = await self._find(dispatch_id)
        if dispatch is None:
            raise NotPossible("there is no such message, or it is too long ago")
        return dispatch

    def _lane_of(self, dispatch: Dispatch) -> Lane:
        destination = self._destination_of(dispatch.message) or dispatch.destination
        return self._lanes.get(destination, self._nowhere)

    def _destination_of(self, message: str) -> str:
        renderer = self._office.renderer
        return renderer.destination_of(message) if message in renderer.names else ""
