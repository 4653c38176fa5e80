"""The router: numbers the inputs, finds the user of each, and lets that user's actor take its turn.

Between reading and changing state nothing awaits: an input is stamped, its user found and, while the actor is parked,
the turn taken in one plain call, so two inputs of a user can never be reordered or half taken. What a turn has decided
is recorded in the journal in the same call.
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import trio

from engine.core.decisions import Firing
from engine.core.events import INF, Consent, Fate, Input, Membership, Millis, Outcome, Sent, Suppression, Track, Traits
from engine.core.identity import Changes, Identities
from engine.core.user import User
from engine.runtime.actor import Actor
from engine.runtime.alarm import Alarm
from engine.runtime.arrivals import Alias, Arrival, Block, Choice, Event, Listing, Profile
from engine.runtime.clock import Clock
from engine.runtime.journal import Journal, Receipt
from engine.runtime.loader import Loader
from engine.runtime.ports import Telemetry
from engine.runtime.records import Counted, Decision, Dispatch, Entry
from engine.runtime.turn import Linking, Turn
from engine.runtime.versions import Versions

_AGAIN: Millis = 60_000
"""After so long a user whose turn failed is woken again for what is still due."""

Make = Callable[[str, Firing, Millis, str], Iterable[Dispatch]]
"""The messages that a firing of a user makes due, by the arm under which they count."""

ArmOf = Callable[[User, str, str], str]
"""The arm of a trigger under which a user who has a variant of it counts."""

AskAgain = Callable[[Iterable[str]], None]
"""Told of messages that may be released sooner than was thought, or never, after what their user has just been told."""


class Refused(Exception):
    """Nothing can be taken now: `status` says which way, `reason` in words; try again after `retry_after` seconds."""

    def __init__(self, status: Literal["recovering", "busy", "ready", "ending", "failed"], reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = 1.0 if status == "busy" else 2.0


class RouterStatistics(NamedTuple):
    """The router at one moment, in numbers."""

    inputs: int
    """Numbers given to inputs and wakes since the beginning."""
    awake: int
    """Users held in memory by an actor."""
    armed: int
    """Users with a deadline."""
    waiting: int
    """Turns in mailboxes."""


class Router:
    """All users, asleep and awake."""

    def __init__(
        self,
        *,
        journal: Journal,
        loader: Loader,
        versions: Versions,
        now: Clock,
        telemetry: Telemetry,
        make: Make,
        arm_of: ArmOf,
        ask_again: AskAgain,
        awake_limit: int,
    ) -> None:
        self.identities = Identities()
        self.awake: dict[str, Actor] = {}
        """By name; whoever took a turn last stands last."""
        self.survivors: dict[str, Actor] = {}
        """By name, those who have absorbed another since the last commit, in order."""
        self.now = now
        self._journal = journal
        self._loader = loader
        self._versions = versions
        self._telemetry = telemetry
        self._make = make
        self._arm_of = arm_of
        self._ask_again = ask_again
        self._awake_limit = awake_limit
        self._waiters = trio.lowlevel.ParkingLot()
        self._nursery: trio.Nursery | None = None
        self._linked = trio.Event()
        self._linked.set()
        self.alarm = Alarm(self.now, self._ring, telemetry)

    # What comes in -----------------------------------------------------------------------------------------------

    def take(self, arrival: Arrival, receipt: Receipt, now: Millis) -> None:
        """Take one input, received at `now`; `receipt` will be settled when it is durable."""
        number = self._journal.next_number()
        if isinstance(arrival, Event):  # by far the most, and they link nothing
            name = self.identities.resolve(arrival.user_id, arrival.anonymous_id)
            ts = now if arrival.ts is None or arrival.ts > now else arrival.ts
            event = Track(number, arrival.name, ts, arrival.properties, arrival.message_id, arrival.imported)
            self._deliver(name, Turn(number, now, event, receipt))
            return
        name, absorbed = self._whose(arrival, now)
        changes = self.identities.changes()
        linking = self._in_order(changes, absorbed) if changes.links or absorbed is not None else None
        if linking is None and changes.linked:
            self._journal.relink(changes)
        self._deliver(name, Turn(number, now, _stamped(arrival, number), receipt, linking))

    def wake(self, name: str, receipt: Receipt | None = None) -> None:
        """Let a user settle what is due and take up what is in force."""
        self._deliver(name, Turn(self._journal.next_number(), self.now(), receipt=receipt))

    def report(self, dispatch: Dispatch, fate: Fate, receipt: Receipt, now: Millis, sent: Sent | None = None) -> bool:
        """Tell the user what becomes of a message, to be recorded with it; False where nobody knows them any more."""
        name = self.identities.heir(dispatch.name)
        if name is None:
            return False
        number = self._journal.next_number()
        outcome = Outcome(number, dispatch.id, fate, sent)
        self._deliver(name, Turn(number, now, outcome, receipt, dispatch=dispatch))
        return True

    async def look(self, name: str) -> User | None:
        """The user, after all that has arrived was taken; None where nothing is known of anyone by that name.

        `name` is as `engine.core.identity` makes names, any that the user has.
        """
        return await self._look(lambda: self.identities.find(name))

    async def look_for_heir(self, name: str) -> User | None:
        """Likewise the user who has what was decided for the one whose canonical id was `name`."""
        return await self._look(lambda: self.identities.heir(name))

    async def _look(self, find: Callable[[], str | None]) -> User | None:
        while (found := find()) is not None:
            await trio.lowlevel.checkpoint()
            await self.room(found)
            if found != find():
                continue  # who has become another's meanwhile
            user = await self.rouse(found).settled()
            if user is not None:
                return None if user.born is None else user
        return None

    # Who is awake ------------------------------------------------------------------------------------------------

    @property
    def crowded(self) -> bool:
        """Whether as many users are awake as may be."""
        return len(self.awake) >= self._awake_limit

    async def room(self, name: str = "") -> None:
        """Wait until another user may be woken, or until the one behind the id `name` is awake."""
        while self.crowded and self._journal.failed is None and self.identities.find(name) not in self.awake:
            self._journal.news.set()
            await self._waiters.park()

    def rouse(self, name: str) -> Actor:
        """The actor of a user, who is awake from now on."""
        actor = self.awake.pop(name, None)
        if actor is None or actor.gone:
            actor = Actor(name, self._versions, self._taken)
            if self._nursery is not None:
                self._nursery.start_soon(actor.run, self._loader)
        self.awake[name] = actor
        return actor

    def dismiss(self, actor: Actor) -> None:
        """Let a user fall asleep, who is saved, or is another's by now."""
        actor.end()
        if self.awake.get(actor.name) is actor:
            del self.awake[actor.name]
        self._waiters.unpark_all()

    async def finish(self) -> None:
        """Wait until every turn that has arrived is taken."""
        for actor in list(self.awake.values()):
            await actor.settled()

    def statistics(self) -> RouterStatistics:
        """The router at this moment."""
        waiting = sum(actor.waiting for actor in self.awake.values())
        return RouterStatistics(self._journal.number, len(self.awake), len(self.alarm), waiting)

    async def run(self) -> None:
        """Keep the actors alive and wake them at their deadlines, for ever."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for actor in self.awake.values():
                nursery.start_soon(actor.run, self._loader)
            try:
                await self.alarm.run()
            finally:
                self._nursery = None

    # How it goes on ----------------------------------------------------------------------------------------------

    async def _ring(self, name: str) -> None:
        """A user's horizon is reached: a deadline, or only a bound of one."""
        actor = self.awake.get(name)
        if actor is not None and actor.idle and actor.user is not None and (at := actor.user.deadline()) > self.now():
            self._arm(actor, at)
            return
        await self.room(name)
        self.wake(self.identities.find(name) or name)  # who may have become another's meanwhile

    def _deliver(self, name: str, turn: Turn) -> None:
        self._journal.expect(turn.receipt)
        actor = self.rouse(name)
        absorbs = None
        if turn.linking is not None and turn.linking.absorbed:
            absorbs = self.rouse(turn.linking.absorbed)
            absorbs.absorbed_by = actor
            self.alarm.set(absorbs.name, INF)
        actor.deliver(turn, absorbs)

    def _whose(self, arrival: Profile | Alias | Listing | Choice | Block, now: Millis) -> tuple[str, str | None]:
        """The user whose step it is, and the one who enters that user's timeline in it."""
        if isinstance(arrival, Alias):
            return self.identities.alias(arrival.previous_id, arrival.user_id, arrival.message_id, now)
        user_id, anonymous_id = arrival.user_id, arrival.anonymous_id
        if isinstance(arrival, Profile) and arrival.links and user_id is not None and anonymous_id is not None:
            return self.identities.login(anonymous_id, user_id, arrival.message_id, now)
        return self.identities.resolve(user_id, anonymous_id), None

    def _in_order(self, changes: Changes, absorbed: str | None) -> Linking:
        before, self._linked = self._linked, trio.Event()
        return Linking(changes, absorbed or "", before, self._linked)

    def _taken(self, actor: Actor, user: User, turn: Turn, firings: list[Firing]) -> None:
        """Record a turn, and set the user's deadline."""
        name, linking, horizon = actor.name, turn.linking, user.horizon()
        if horizon <= turn.now:  # only after a turn that failed
            horizon = turn.now + _AGAIN
        if actor.absorbed_by is None and horizon != actor.horizon:
            self._arm(actor, horizon)
        absorbed = linking.absorbed if linking is not None else ""
        self._journal.record(Entry(turn.number, name, turn.now, turn.item, horizon, absorbed), turn.receipt)
        if firings:
            self._fired(user, firings, turn.now)
        if user.exposures.credits:
            self._credit(user)
        if turn.dispatch is not None:
            self._journal.note(turn.dispatch)
        if user.sending.due:
            self._look_at_the_held(user, turn.item)
        if linking is not None:
            self._link(actor, linking)

    def _look_at_the_held(self, user: User, item: Input | None) -> None:
        """Have it asked again about messages of the user that may go sooner after this turn, or never."""
        ended = user.sending.ended
        if _may_ease(item):
            self._ask_again(list(user.sending.due))
        elif ended:
            self._ask_again(ended)
        ended.clear()

    def _arm(self, actor: Actor, horizon: Millis) -> None:
        actor.horizon = horizon
        self.alarm.set(actor.name, horizon)

    def _fired(self, user: User, firings: list[Firing], now: Millis) -> None:
        """Record what the turn just recorded has decided, and the messages that are due by it."""
        name, version = user.name, self._versions.number_of(user)
        for firing in firings:
            arm = self._arm_of(user, firing.trigger, firing.variant)
            self._journal.decide(Decision(name, version, firing), self._make(name, firing, now, arm))
            self._journal.count(Counted(firing.trigger, firing.version, arm, "fired"))

    def _credit(self, user: User) -> None:
        """Count what the turn just recorded has brought about."""
        for credit in user.exposures.credits:
            arm = self._arm_of(user, credit.trigger, credit.variant)
            self._journal.count(Counted(credit.trigger, credit.version, arm, credit.what), credit.amount)
        user.exposures.credits.clear()

    def _link(self, actor: Actor, linking: Linking) -> None:
        self._journal.relink(linking.changes)
        if linking.absorbed:
            former = self.awake.get(linking.absorbed)
            if former is not None and former.absorbed_by is actor:
                self.dismiss(former)
            self._journal.absorbed(linking.absorbed)
            self.survivors.pop(linking.absorbed, None)
            self.survivors[actor.name] = actor
        linking.taken.set()


def _may_ease(item: Input | None) -> bool:
    """Whether a message that is held may go sooner now, or never: more is known of the user, or one less counts."""
    if isinstance(item, Outcome):
        return item.fate in {"later", "failed", "dropped"}
    return isinstance(item, Traits | Consent | Suppression)


def _stamped(arrival: Profile | Alias | Listing | Choice | Block, seq: int) -> Input:
    if isinstance(arrival, Profile):
        return Traits(seq, arrival.traits, arrival.message_id, arrival.imported)
    if isinstance(arrival, Alias):
        return Traits(seq, message_id=arrival.message_id)
    if isinstance(arrival, Choice):
        return Consent(seq, arrival.purpose, arrival.granted, arrival.source, arrival.stamped, arrival.at)
    if isinstance(arrival, Block):
        return Suppression(seq, arrival.channel, arrival.list, arrival.why, arrival.source, arrival.lifted)
    return Membership(seq, arrival.segment, arrival.member)
