"""One run of the simulation: a few lives of one process, with what the seed has in store for them, and then peace."""

import os
import random
import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from unittest import mock

import structlog
import structlog.testing
import trio
import trio.testing
from trio import _core

from engine.core.events import INF, Millis
from engine.runtime.arrivals import Arrival
from engine.runtime.clock import SteadyClock
from engine.runtime.keeper import Limits
from engine.runtime.ports import Store, StoreError
from engine.runtime.router import Refused
from engine.runtime.service import Service
from tests.runtime.rig import Quiet
from tests.simulation.check import check
from tests.simulation.machine import Files, Machine, Memory
from tests.simulation.shop import CONTENTS, LONGEST, arrival, compile_content, configuration, succeed
from tests.simulation.world import FaultDestination, World

FAULTS = {
    "slow write": 0.2,
    "slow answer of a write": 0.1,
    "failed write": 0.02,
    "failed write that was written": 0.5,
    "slow load": 0.15,
    "failed load": 0.01,
    "slow destination": 0.2,
    "slow answer of a destination": 0.2,
    "unavailable": 0.2,
    "rejected": 0.05,
    "lost on the way": 0.08,
    "answer lost": 0.1,
    "reload": 0.12,
    "clock jump": 0.08,
    "clock jump while down": 0.15,
}
Kind = Literal["memory", "sqlite"]
_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of its own is made in it
_JUMPS: tuple[Millis, ...] = (-3_000, -200, 400, 5_000, 120_000)
_PEACE: Millis = 2 * (LONGEST + 14_000) + 300_000
"""After so long without faults, with every message tried to the end, nothing is left to happen, though time go at half
its speed and messages wait for one another's limits."""

_LOOK = 0.5
"""Seconds between two looks whether something is."""


@dataclass
class Sending:
    """A batch that a client has yet to have acknowledged; `at` is real time."""

    at: Millis
    arrivals: list[Arrival]


class Crash(trio.abc.Instrument):
    """Lets the process die at a step of one of its tasks."""

    def __init__(self, world: World, die: Callable[[], None]) -> None:
        self._world = world
        self._die = die

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - whichever it is
        world = self._world
        world.steps += 1
        if world.steps == world.crash_at and not world.dead:
            self._die()


class Run:
    """A run of one seed."""

    def __init__(self, seed: int, make: Callable[[World], Machine]) -> None:
        self.draw = random.Random(seed)
        chances = {fault: chance if self.draw.random() < 0.6 else 0.0 for fault, chance in FAULTS.items()}
        self.world = World(self.draw, chances)
        self.machine = make(self.world)
        self.content = self.draw.choice(CONTENTS)
        self.limits = Limits(
            idle_after=self.draw.choice((100, 700, 5_000)),
            awake=self.draw.choice((2, 3, 50)),
            uncommitted=self.draw.choice((3, 100)),
            tail=self.draw.choice((3, 20, 200)),
        )
        self.clients = [self._script(f"c{number}") for number in range(self.draw.randint(1, 3))]
        self.service: Service | None = None

    def live(self) -> "Run":
        """Live all lives, and check what came of them."""
        for _ in range(self.draw.randint(0, 4)):
            self._life(self.draw.randint(1, 1_200))
            self.world.base += self.draw.choice((0, 3, 800, 6_000))
            if self.world.happens("clock jump while down"):
                self.world.skew += self.draw.choice(_JUMPS)
        self.world.calm = True
        self._life(0)
        trio.run(self._look_at_the_end)
        check(self.world)
        return self

    async def _look_at_the_end(self) -> None:
        self.world.dead = False
        async with self.machine.opened():
            pass

    def _script(self, client: str) -> deque[Sending]:
        """What a client will send, and when; a message now and then twice."""
        script: deque[Sending] = deque()
        at, number = self.world.base, 0
        for _ in range(self.draw.randint(2, 8)):
            at += self.draw.choice((0, 0, 1, 300, 1_000, 2_500, 4_000))
            arrivals = []
            for _ in range(self.draw.choice((1, 1, 2, 5))):
                number += self.draw.random() < 0.95
                arrivals.append(arrival(self.draw, at, f"{client}-{number}"))
            script.append(Sending(at, arrivals))
        return script

    def _life(self, crash_at: int) -> None:
        world = self.world
        world.dead = world.faulty = False
        world.steps, world.crash_at = 0, crash_at
        self.machine.plan(self.draw)
        _core._run._r.seed(self.draw.random())  # noqa: SLF001 - the order in which trio runs its tasks, from the seed
        scope = trio.CancelScope()
        self.machine.die = die = partial(self._die, scope)
        clock = trio.testing.MockClock(autojump_threshold=0)
        trio.run(self._process, scope, clock=clock, instruments=[Crash(world, die)])
        world.dead = True

    def _die(self, scope: trio.CancelScope) -> None:
        self.world.happened["crash"] += 1
        self.world.dead = True
        self.machine.crash()
        scope.cancel()

    async def _process(self, scope: trio.CancelScope) -> None:
        world = self.world
        try:
            with scope:
                async with self.machine.opened() as store:
                    await self._serve(store)
        except* StoreError:
            if not world.faulty:
                raise
            world.happened["fail-stop"] += 1
        world.base = world.now()

    async def _serve(self, store: Store) -> None:
        world, mark = self.world, await store.mark()
        service = self.service = Service(
            configuration(self.content),
            compile_content=compile_content,
            succeed=succeed,
            store=store,
            destinations={name: FaultDestination(world, name) for name in ("keyed", "plain")},
            clock=SteadyClock(world.wall, world.monotonic, since=mark.now),
            telemetry=Quiet(),
            limits=self.limits,
            dice=self.draw.random,
        )
        world.engine = service.now
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            async with trio.open_nursery() as clients:
                for script in self.clients:
                    clients.start_soon(self._client, service, script)
                if not world.calm:
                    clients.start_soon(self._trouble, service)
            await self._end(service)
            nursery.cancel_scope.cancel()

    async def _end(self, service: Service) -> None:
        """When in peace nothing is left to happen, or else soon, an orderly end."""
        world = self.world
        if world.calm:
            with trio.move_on_after(_PEACE / 1_000):
                while not self._is_over(service):  # noqa: ASYNC110 - it is looked at from outside, like everything
                    await trio.sleep(_LOOK)
        else:
            await trio.sleep(self.draw.choice((0, 0.5, 5)))
        world.happened["orderly end"] += 1
        await service.drain(2)

    @staticmethod
    def _is_over(service: Service) -> bool:
        """Whether nothing is left to happen by itself."""
        busy = service.outbox.waiting or service.journal.uncommitted or service.keeper.lagging
        return not busy and service.router.alarm.is_quiet(INF - 1)

    async def _client(self, service: Service, script: deque[Sending]) -> None:
        """Send what is to be sent, and what was not acknowledged again."""
        world = self.world
        while script and not world.dead:
            await trio.sleep(max(script[0].at - world.now(), 0) / 1_000)
            try:
                await service.take(script[0].arrivals)
            except Refused:
                world.happened["refused"] += 1
                await trio.sleep(0.3)
                continue
            if not world.dead:
                world.acknowledge(script.popleft().arrivals)

    async def _trouble(self, service: Service) -> None:
        """Reloads and clocks that are set, now and then."""
        world = self.world
        for _ in range(12):
            await trio.sleep(self.draw.choice((0.2, 1, 2)))
            if world.happens("clock jump"):
                world.skew += self.draw.choice(_JUMPS)
            if world.happens("reload"):
                self.content = self.draw.choice(CONTENTS)
                try:
                    await service.reload(configuration(self.content))
                except Refused:
                    world.happened["refused reload"] += 1


class Stopwatch:
    """How long work takes, from the seed: it decides where the engine lets others have their turn."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._now = 0.0

    def perf_counter(self) -> float:
        self._now += self._draw.choice((0, 0, 0, 0.003))
        return self._now


def run(seed: int, store: Kind = "memory", *, synchronous: str = "FULL") -> Run:
    """Run a seed; nothing is logged.

    Args:
        seed: decides everything.
        store: what is beneath: memory, or SQLite on real files.
        synchronous: as SQLite knows it.

    Raises:
        AssertionError: a promise is broken.

    """
    # Tasks in order, then shuffled by the seed.
    _core._run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # noqa: SLF001
    dice = random.Random(seed)
    stopwatch = Stopwatch(dice)
    checkpointed = {"wal_autocheckpoint": dice.choice((3, 40, 250))}
    with ExitStack() as stack:
        stack.enter_context(structlog.testing.capture_logs())
        stack.enter_context(mock.patch("engine.runtime.service.time", stopwatch))
        stack.enter_context(mock.patch("engine.runtime.alarm.time", stopwatch))
        if store == "memory":
            return Run(seed, Memory).live()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_FOLDER)))
        stack.enter_context(mock.patch.dict("adapters.store.writer._PRAGMAS", checkpointed))
        return Run(seed, lambda world: Files(world, folder, synchronous)).live()
