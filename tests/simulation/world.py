"""The world around a process that may die at any moment: its disk, its destinations, its clocks, and the people.

The world keeps what happened in it. From the moment at which the process dies, nothing that its tasks still do while
they are taken apart reaches the world.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

import trio

from adapters.store.memory import MemoryStore
from engine.core.events import Millis
from engine.runtime.arrivals import Arrival, Block, Choice, Listing
from engine.runtime.ports import DAY, Delivery, DeliveryError, Pace, Rejected, Retries, StoreError, Unavailable, Unclear
from engine.runtime.records import Batch, Decision, Dispatch, Entry, Kept, Mark, Version

START: Millis = 1_700_000_000_000


@dataclass
class World:
    """All that outlives a process."""

    draw: random.Random
    chance: dict[str, float]
    """Of each fault."""
    calm: bool = False
    """No faults any more."""
    dead: bool = False
    base: Millis = START
    skew: Millis = 0
    steps: int = 0
    crash_at: int = 0
    log: list[Batch] = field(default_factory=list)
    """Every transaction that is on the disk, or may be, in order: number n stands at n - 1."""
    durable: int = 0
    """How many of them no crash can take away any more."""
    retained: Millis = 0
    """Decisions and ended messages that are older may be gone."""
    faulty: bool = False
    """Whether the store was made to fail in this life."""
    acknowledged: set[str] = field(default_factory=set)
    delivered: dict[str, list[str]] = field(default_factory=lambda: {"keyed": [], "plain": []})
    """Keys that arrived, by destination, in order."""
    listed: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Acknowledged changes of lists, which bear no id."""
    early: list[str] = field(default_factory=list)
    """Keys that arrived before they were due, though nobody set a clock."""
    refused: set[str] = field(default_factory=set)
    """Keys that a destination did not take at some attempt."""
    arrived_at: dict[str, Millis] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Keys of which a destination's answer was lost, or that a process was sending when it ended."""
    engine: Callable[[], Millis] = lambda: 0
    """What the engine takes for the present."""
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def entries(self) -> list[Entry]:
        """All turns that were written."""
        return [entry for batch in self.log for entry in batch.entries]

    @property
    def decisions(self) -> list[tuple[Decision, Millis]]:
        """With the latest instant when they were written."""
        return [(decision, batch.now) for batch in self.log for decision in batch.decisions]

    @property
    def versions(self) -> list[Version]:
        return [batch.version for batch in self.log if batch.version is not None]

    @property
    def dispatches(self) -> dict[str, Dispatch]:
        """Each message as it was last written."""
        return {key: dispatch for batch in self.log for key, dispatch in batch.dispatches.items()}

    @property
    def clocks_were_set(self) -> bool:
        return bool(self.happened["clock jump"] + self.happened["clock jump while down"])

    def acknowledge(self, arrivals: list[Arrival]) -> None:
        """A client was told that all of these are taken."""
        for arrival in arrivals:
            if isinstance(arrival, Listing):
                self.listed[arrival.segment, arrival.member] += 1
            elif not isinstance(arrival, Choice | Block):
                self.acknowledged.add(arrival.message_id)

    def digest(self) -> str:
        """Of all that happened; the same from the same seed."""
        all_of_it = self.log, self.delivered, sorted(self.acknowledged), sorted(self.happened.items())
        return blake2b(repr(all_of_it).encode()).hexdigest()

    def survived(self, commits: int) -> None:
        """A store was opened that holds so many transactions."""
        assert commits >= self.durable, f"{self.durable - commits} commits are gone that were told to be durable"
        assert commits <= len(self.log), "the store counts commits that were never made"
        if self.durable < len(self.log):
            what = "was there" if commits > self.durable else "was lost"
            self.happened[f"a commit without an answer {what}"] += 1
        del self.log[commits:]
        self.doubtful |= {key for key, dispatch in self.dispatches.items() if dispatch.state == "sending"}

    def now(self) -> Millis:
        """Real time."""
        return self.base + round(trio.current_time() * 1_000)

    def wall(self) -> Millis:
        """What the machine's wall clock says."""
        return self.now() + self.skew

    def monotonic(self) -> Millis:
        """What its monotonic clock says."""
        return round(trio.current_time() * 1_000)

    def happens(self, fault: str) -> bool:
        """Whether a fault happens now."""
        if self.calm or self.draw.random() >= self.chance.get(fault, 0):
            return False
        self.happened[fault] += 1
        return True

    async def alive(self) -> None:
        """Let time go by; for the dead it stands still."""
        for _ in range(2):
            if self.dead:
                await trio.sleep_forever()
            await trio.lowlevel.checkpoint()

    async def take_time(self, slow: str) -> None:
        """Take a moment, or, where a fault happens, longer."""
        if self.happens(slow):
            await trio.sleep(self.draw.choice((0.05, 0.4, 1.5)))
        await self.alive()

    async def take_load(self) -> None:
        """Take the time of a load, and perhaps fail it."""
        await self.take_time("slow load")
        if self.happens("failed load"):
            self.faulty = True
            raise StoreError("the disk cannot be read")


class FaultStore(MemoryStore):
    """A disk: what a write that returned has written stays, what one that did not has written may."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def write(self, batch: Batch) -> None:
        world = self._world
        await world.take_time("slow write")
        if world.happens("failed write"):
            world.faulty = True
            if world.happens("failed write that was written"):
                self.apply(batch)
            raise StoreError("the disk is full")
        self.apply(batch)
        await world.take_time("slow answer of a write")

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        self._world.log.append(batch)
        self._world.durable += 1

    async def load(self, name: str) -> Kept | None:
        await self._world.take_load()
        return await super().load(name)

    async def mark(self) -> Mark:
        await self._world.alive()
        return await super().mark()


class FaultDestination:
    """Another company's computer."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self.pace = Pace(concurrency=world.draw.choice((1, 3)))
        self._retries = Retries(6, 0.2, 1.0, patience=DAY, remembers=DAY if name == "keyed" else 0)

    def retries(self, _: str) -> Retries:
        return self._retries

    async def send(self, delivery: Delivery) -> None:
        world = self._world
        await world.take_time("slow destination")
        try:
            self._refuse(delivery)
        except DeliveryError:
            world.refused.add(delivery.id)
            raise
        self._arrive(delivery)
        await world.take_time("slow answer of a destination")
        if world.happens("answer lost"):
            world.doubtful.add(delivery.id)
            raise Unclear("no answer")

    def _refuse(self, delivery: Delivery) -> None:
        """Fail before anything has arrived."""
        world = self._world
        if world.happens("unavailable"):
            after = world.draw.choice((None, 0.3, 1.0))
            raise Unavailable("busy", after, account=world.draw.random() < 0.5)
        if world.happens("rejected"):
            raise Rejected("no")
        if world.happens("lost on the way"):
            world.doubtful.add(delivery.id)
            raise Unclear("no answer")

    def _arrive(self, delivery: Delivery) -> None:
        world, keys = self._world, self._world.delivered[self._name]
        if not world.clocks_were_set and world.now() < delivery.at:
            world.early.append(delivery.id)
        if self._name == "keyed" and delivery.id in keys:
            world.happened["delivered again with its key"] += 1
            return
        keys.append(delivery.id)
        world.arrived_at.setdefault(delivery.id, world.engine())
