"""What the tests of the runtime plug in where the outside would be."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Any

import trio

from adapters.destinations.memory import Memory
from adapters.store.memory import MemoryStore
from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.program import Program
from engine.language.compiler import compile_triggers
from engine.language.files import load
from engine.runtime.arrivals import Arrival, Event
from engine.runtime.journal import Receipt
from engine.runtime.keeper import Limits
from engine.runtime.records import Counted
from engine.runtime.router import Router
from engine.runtime.service import Service
from engine.runtime.versions import Configuration

DAY = 86_400_000


class Quiet:
    """Telemetry that keeps what it is told."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.lateness: list[float] = []
        self.inputs = 0
        self.commits: list[int] = []
        self.deliveries: list[str] = []

    def counted(self, counted: Counted, amount: float) -> None:
        self.decisions.append((counted.trigger, counted.what))
        assert amount > 0

    def turns(self, seconds: float, number: int) -> None:
        assert seconds >= 0
        self.inputs += number

    def committed(self, seconds: float, turns: int) -> None:
        assert seconds >= 0
        self.commits.append(turns)

    def late(self, seconds: float) -> None:
        self.lateness.append(seconds)

    def sent(self, destination: str, seconds: float) -> None:
        assert seconds >= 0
        self.deliveries.append(destination)


class Plain:
    """A renderer whose messages all say what they were given, by the destination `there`."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.contexts: list[Mapping[str, Any]] = []

    def destination_of(self, name: str) -> str:
        assert name in self.names
        return "there"

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        self.contexts.append(context)
        return {"message": message, "user": context["user"]}


def compiled(triggers: str) -> Program:
    loaded = load({"triggers.yaml": triggers})
    return compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY)


def configured(triggers: str, *messages: str) -> Configuration:
    content = triggers.encode()
    return Configuration(content, sha256(content).hexdigest(), compiled(triggers), Plain(*messages))


def compile_content(content: bytes) -> Program:
    return compiled(content.decode())


class Crowd(trio.abc.Instrument):
    """Watches how many users are awake, after each step of any task."""

    def __init__(self, router: Router) -> None:
        self.most = 0
        self._router = router

    def after_task_step(self, _: trio.lowlevel.Task) -> None:
        self.most = max(self.most, len(self._router.awake))


@contextmanager
def watching(router: Router) -> Iterator[Crowd]:
    crowd = Crowd(router)
    trio.lowlevel.add_instrument(crowd)
    try:
        yield crowd
    finally:
        trio.lowlevel.remove_instrument(crowd)


class Rig:
    """A service over a virtual clock, and what it has decided."""

    def __init__(self, configuration: Configuration, store: MemoryStore, limits: Limits, telemetry: Quiet) -> None:
        self.store = store
        self.there = Memory()
        self.service = Service(
            configuration,
            compile_content=compile_content,
            store=store,
            destinations={"there": self.there},
            clock=trio_clock,
            telemetry=telemetry,
            limits=limits,
        )
        self.router = self.service.router

    @property
    def firings(self) -> list[Firing]:
        """Those that are durable, in the order of decision."""
        return [decision.firing for decision in self.store.decisions]

    @property
    def said(self) -> list[tuple[str, str, Millis]]:
        return [(firing.user, firing.trigger, firing.at) for firing in self.firings]

    async def take(self, *arrivals: Arrival) -> None:
        await self.service.take(arrivals)

    def send(self, *arrivals: Arrival) -> None:
        """Without waiting for them to be durable."""
        for arrival in arrivals:
            self.router.take(arrival, Receipt(), self.router.now())


@asynccontextmanager
async def running(
    configuration: Configuration, telemetry: Quiet, store: MemoryStore | None = None, limits: Limits | None = None
) -> AsyncIterator[Rig]:
    """A service that is ready; in the end it is cut off like a process that is killed."""
    rig = Rig(configuration, store if store is not None else MemoryStore(), limits or Limits(), telemetry)
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.service.run)
        yield rig
        nursery.cancel_scope.cancel()


def event(name: str, user: str | None = "u", visitor: str | None = None, message_id: str = "") -> Event:
    return Event(name=name, user_id=user, anonymous_id=visitor, message_id=message_id)


def trio_clock() -> int:
    """The virtual clock, in milliseconds."""
    return round(trio.current_time() * 1_000)
