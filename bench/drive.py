"""A load made ready: what is sent at a rate, and when it begins, of which all its instants count from."""

import argparse
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from bench.open_loop import Run, Tick, schedule, ticks
from bench.options import positive
from bench.traffic import Event, Traffic, frames, sizes, sleepers
from bench.wire import Wire

_ENCODING = 10e-6
"""Seconds an event takes until it is encoded on a busy machine, which comes between choosing the beginning and it."""


@dataclass(frozen=True)
class Plan:
    """What is sent at a rate; `instants` count from the beginning, in seconds."""

    instants: list[float]
    events: list[Event]
    ticks: list[Tick]

    def first(self, after: float) -> int:
        """The place of the first event that comes so many seconds after the beginning."""
        return next((place for place, at in enumerate(self.instants) if at >= after), len(self.instants))

    def places(self, event: str) -> list[int]:
        """Where the events of a name are."""
        return [place for place, each in enumerate(self.events) if each.event == event]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a bench in an open loop can be told."""
    parser.add_argument("--seconds", type=float, default=10, help="measured, of each run (default: 10)")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before, which do not count (default: 2)")
    parser.add_argument("--users", type=positive, default=20_000, help="who are awake, at most (default: 20000)")
    parser.add_argument(
        "--sleeping", type=float, default=1, help="percent of the events that wake somebody (default: 1)"
    )
    parser.add_argument("--tick", type=float, default=5, help="ms of which events share a frame (default: 5)")
    parser.add_argument("--seed", type=int, default=1)


def planned(rate: int, users: int, options: argparse.Namespace) -> Plan:
    """Draw a load of so many events a second, of users who are awake and now and then one who is asleep."""
    instants = schedule(rate, options.warm_up + options.seconds, Random(f"{options.seed} {rate}"))
    asleep = sleepers(len(instants), options.sleeping)
    events = Traffic(users, asleep, options.sleeping, options.seed).events(instants)
    return Plan(instants, events, ticks(instants, options.tick / 1_000))


def begin(plan: Plan) -> tuple[Run, Wire]:
    """Choose a beginning that lies a little ahead, and encode all that is sent."""
    began_ms = time.time_ns() // 1_000_000 + 1_000 + int(1e3 * _ENCODING * len(plan.events))
    run = Run(time.perf_counter() + began_ms / 1_000 - time.time(), began_ms)
    ends = [tick.end for tick in plan.ticks]
    return run, Wire(frames(plan.events, ends, began_ms), sizes(ends))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Python's collector rest, which would make the generator late."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
