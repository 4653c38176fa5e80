"""Open loop: when each event is to be sent is drawn before the run, and nothing that happens in it changes that.

Arrivals are Poisson: the gaps between them are exponential. What arrives within a tick leaves as one frame at the
tick's end, as a client that batches by time would send it; so an event waits for half a tick on average before it
leaves, and that is part of its latency, which counts from its own instant.

A generator that is late itself would measure itself. Its lag, from a tick's end until it gets to that tick, is noted
for each, whether the frame may then leave or has to wait for credit, which is the sidecar's doing and part of latency.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import trio

from bench.percentiles import Summary, summary
from bench.sidecar import Sidecar
from bench.wire import Wire
from engine.core.events import Millis

MOST = 1_000
"""Events of a frame: more would be too many bytes."""

_LOOK = 0.05
"""Seconds."""


class Tick(NamedTuple):
    """A frame: when it is to leave, in seconds from the beginning, and the place of the event behind its last."""

    at: float
    end: int


def schedule(rate: float, seconds: float, draw: Random) -> list[float]:
    """When events arrive, in seconds from the beginning: so many a second on average, in Poisson's way."""
    instants, at = [], draw.expovariate(rate)
    while at < seconds:
        instants.append(at)
        at += draw.expovariate(rate)
    return instants


def ticks(instants: Sequence[float], every: float) -> list[Tick]:
    """Gather events into frames that leave at the ends of ticks of so many seconds; an empty tick has none."""
    found: list[Tick] = []
    number, begun = -1, 0
    for place, at in enumerate(instants):
        if int(at / every) != number or place - begun == MOST:
            number, begun = int(at / every), place
            found.append(Tick((number + 1) * every, place))
        found[-1] = Tick(found[-1].at, place + 1)
    return found


@dataclass(frozen=True)
class Usage:
    """Processor time, in cores, that both sides took over the measured time."""

    sidecar: float
    generator: float
    waited: float
    """For a processor, by the sidecar's threads: what other work on the machine cost it."""


@dataclass
class Run:
    """What came of a run; instants are those of `time.perf_counter`."""

    began: float
    began_ms: Millis
    """The same instant by the wall clock."""
    lags: list[float] = field(default_factory=list)
    """Of each frame, seconds."""
    usage: Usage = field(default_factory=lambda: Usage(0, 0, 0))
    ended: float = 0.0
    """When the last ack had come, or was given up."""
    backlog: int = 0
    """Events that were on their way, or ready to leave, when the last had just come."""

    def lag(self, plan: Sequence[Tick], after: float) -> Summary:
        """How late the generator was, in frames that left more than `after` seconds from the beginning on."""
        return summary(lag for lag, tick in zip(self.lags, plan, strict=True) if tick.at > after)


def is_void(lag: Summary, tick_ms: float) -> bool:
    """Whether the generator fell behind: with more than one frame in a hundred it was late by more than a tick."""
    return lag.p99 > tick_ms


async def play(
    sidecar: Sidecar, wire: Wire, plan: Sequence[Tick], run: Run, *, warm_up: float, patience: float
) -> None:
    """Release each frame at its instant, and wait for the last ack, for `patience` seconds more at most.

    What both sides spend is measured from `warm_up` seconds on until the last frame is released.
    """
    end = plan[-1].at
    with trio.move_on_at(trio.current_time() + run.began - time.perf_counter() + end + patience):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.run, sidecar)
            nursery.start_soon(_measure, sidecar, run, warm_up, end)
            for tick in plan:
                await _until(run.began + tick.at)
                run.lags.append(time.perf_counter() - run.began - tick.at)
                wire.release(1)
            run.backlog = plan[-1].end - (plan[len(wire.acked) - 1].end if wire.acked else 0)
    run.ended = time.perf_counter()


async def _measure(sidecar: Sidecar, run: Run, warm: float, end: float) -> None:
    await _until(run.began + warm)
    before = _spent(sidecar)
    await _until(run.began + end)
    run.usage = Usage(*((now - then) / (end - warm) for now, then in zip(_spent(sidecar), before, strict=True)))


def _spent(sidecar: Sidecar) -> tuple[float, float, float]:
    return sidecar.worked(), time.process_time(), sidecar.waited()


async def eventually(done: Callable[[], bool], seconds: float) -> None:
    """Look now and then whether something is so, for so long at most."""
    with trio.move_on_after(seconds):
        while not done():  # noqa: ASYNC110 - an event at each arrival would cost more
            await trio.sleep(_LOOK)


async def _until(instant: float) -> None:
    if (left := instant - time.perf_counter()) > 0:
        await trio.sleep(left)
