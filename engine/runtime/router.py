"""The router: numbers the inputs, finds the user of each, and lets that user's actor take its turn.

Between reading and changing state nothing awaits: an input is stamped, its user found and, while the actor is parked,
the turn taken in one plain call, so two inputs of a user can never be reordered or half taken.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import trio

from engine.core.decisions import Firing
from engine.core.events import INF, Input, Membership, Millis, Track, Traits
from engine.core.identity import Identities
from engine.core.program import Program
from engine.core.user import User
from engine.runtime.actor import Actor, Turn
from engine.runtime.alarm import Alarm
from engine.runtime.arrivals import Alias, Arrival, Event, Profile
from engine.runtime.clock import Clock
from engine.runtime.ports import Store, Telemetry


class RouterStatistics(NamedTuple):
    """The router at one moment, in numbers."""

    inputs: int
    """Inputs taken since the start."""
    awake: int
    """Users held in memory by an actor."""
    armed: int
    """Users with a deadline."""
    waiting: int
    """Turns in mailboxes."""


class Closed(Exception):
    """The router takes nothing any more: the process is ending."""


class Router:
    """All users, asleep and awake. `decided` is told of every firing and whose it is, in the order of decision."""

    def __init__(
        self,
        program: Program,
        store: Store,
        clock: Clock,
        telemetry: Telemetry,
        decided: Callable[[str, Firing], None],
    ) -> None:
        self._program = program
        self._store = store
        self._clock = clock
        self._telemetry = telemetry
        self._decided = decided
        self._identities = Identities()
        self._awake: dict[str, Actor] = {}
        self._nursery: trio.Nursery | None = None
        self._seq = 0
        self._now: Millis = 0
        self.closed = False
        """Whether no input is taken any more."""
        self._alarm = Alarm(self.now, self._wake, telemetry)

    def now(self) -> Millis:
        """The present instant; never earlier than the one before."""
        self._now = max(self._now, self._clock())
        return self._now

    def take(self, arrival: Arrival) -> None:
        """Take one input.

        Raises:
            Closed: the process is ending.

        """
        if self.closed:
            raise Closed
        began = time.perf_counter()
        self._seq += 1
        now = self.now()
        name, absorbed = self._whose(arrival, now)
        absorbs = None if absorbed is None else self._leave(absorbed)
        self._actor(name).deliver(Turn(now, _stamped(arrival, self._seq, now), absorbs))
        self._telemetry.turn(time.perf_counter() - began)

    async def look(self, name: str) -> User | None:
        """The user, after all that has arrived was taken; None where nothing is known of anyone by that name.

        `name` is as `engine.core.identity` makes names, any that the user has.
        """
        found = self._identities.find(name)
        while found is not None and (found in self._awake or await self._store.load(found) is not None):
            user = await self._actor(found).settled()
            if user is not None:
                return user
        return None

    def close(self) -> None:
        """Take no input any more; what has arrived is still decided upon."""
        self.closed = True

    async def finish(self) -> None:
        """Wait until every turn that has arrived is taken."""
        for actor in list(self._awake.values()):
            await actor.settled()

    def statistics(self) -> RouterStatistics:
        """The router at this moment."""
        waiting = sum(actor.waiting for actor in self._awake.values())
        return RouterStatistics(self._seq, len(self._awake), len(self._alarm), waiting)

    async def run(self, idle_after: Millis) -> None:
        """Keep the actors alive, and put to sleep those who took no turn for `idle_after`."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._alarm.run)
            for actor in self._awake.values():
                nursery.start_soon(self._live, actor)
            while True:
                await trio.sleep(max(idle_after / 4_000, 0.05))
                self._rest(self.now() - idle_after)

    def _wake(self, name: str) -> None:
        """Let the user settle what is due."""
        self._actor(name).deliver(Turn(self.now()))

    def _whose(self, arrival: Arrival, now: Millis) -> tuple[str, str | None]:
        """The user whose step it is, and the one who enters that user's timeline in it."""
        if isinstance(arrival, Alias):
            return self._identities.alias(arrival.previous_id, arrival.user_id, arrival.message_id, now)
        user_id, anonymous_id = arrival.user_id, arrival.anonymous_id
        if isinstance(arrival, Profile) and arrival.links and user_id is not None and anonymous_id is not None:
            return self._identities.login(anonymous_id, user_id, arrival.message_id, now)
        return self._identities.resolve(user_id, anonymous_id), None

    def _actor(self, name: str) -> Actor:
        actor = self._awake.get(name)
        if actor is None:
            actor = self._awake[name] = Actor(name, self._store, self._taken)
            if self._nursery is not None:
                self._nursery.start_soon(self._live, actor)
        return actor

    def _leave(self, name: str) -> Actor:
        """Wake the user for the last time, to be absorbed."""
        actor = self._actor(name)
        actor.leaving = True
        self._alarm.set(name, INF)
        return actor

    async def _live(self, actor: Actor) -> None:
        try:
            await actor.run(self._program)
        finally:
            del self._awake[actor.name]

    def _rest(self, before: Millis) -> None:
        for actor in self._awake.values():
            if actor.idle and actor.used < before and not actor.leaving:
                actor.unpark()

    def _taken(self, actor: Actor, user: User, firings: list[Firing]) -> None:
        if not actor.leaving:
            self._alarm.set(actor.name, user.horizon())
        for firing in firings:
            self._telemetry.decided(firing.trigger, "fired")
            self._decided(actor.name, firing)


def _stamped(arrival: Arrival, seq: int, now: Millis) -> Input:
    if isinstance(arrival, Event):
        ts = now if arrival.ts is None else min(arrival.ts, now)
        return Track(seq, arrival.name, ts, arrival.properties, arrival.message_id)
    if isinstance(arrival, Profile):
        return Traits(seq, arrival.traits, arrival.message_id)
    if isinstance(arrival, Alias):
        return Traits(seq, message_id=arrival.message_id)
    return Membership(seq, arrival.segment, arrival.member)
