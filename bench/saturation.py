"""How many events a second the sidecar takes at most, and what one costs it, by connections and size of frames.

The real sidecar, with the settings as shipped, in a process of its own. Closed loop: on each connection as much is on
its way as the sidecar's credit allows, from the first frame to the last. All users are awake before, and a first load
that does not count has run. Its processor time is that of all its threads, as Linux counts it.

    python bench/saturation.py --json bench/out/saturation.json
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.options import keep, positive
from bench.population import prepare
from bench.sidecar import Sidecar, started
from bench.traffic import (
    AT_ONCE,
    LATER,
    MESSAGES,
    Traffic,
    awaken,
    frames,
    names,
    pasts,
    sizes,
    sleepers,
    split,
    trigger_file,
)
from bench.wire import Wire, send_all
from engine.core.events import Millis

SIZES = (1, 10, 100)
CONNECTIONS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Figures:
    """Of so many connections, with frames of so many events."""

    size: int
    connections: int
    events: int
    events_per_second: int
    us_per_event: float
    """Processor time of the sidecar."""
    waited_us_per_event: float
    """For a processor, by the sidecar's threads: what other work on the machine cost it."""
    generator_us_per_event: float
    load: float
    """Of the machine, over the minute before."""


def prepared(traffic: Traffic, size: int, connections: int, options: argparse.Namespace) -> list[Wire]:
    """As many frames as are allowed for, spread evenly over the connections."""
    events, now = each_has(size, connections, options), time.time_ns() // 1_000_000
    return [_wire(traffic, size, events, now) for _ in range(connections)]


def each_has(size: int, connections: int, options: argparse.Namespace) -> int:
    """How many events a connection has."""
    allowed: int = min(options.events, options.frames * size)
    return max(allowed // connections, 1)


def _wire(traffic: Traffic, size: int, events: int, now: Millis) -> Wire:
    """All of them with the same timestamp, so that none is late behind another connection's."""
    ends = split(events, size)
    return Wire(frames(traffic.events([0.0] * events), ends, now), sizes(ends))


async def _run(sidecar: Sidecar, wires: Sequence[Wire], size: int) -> Figures:
    load, before = os.getloadavg()[0], (sidecar.worked(), sidecar.waited(), time.process_time())
    began = time.perf_counter()
    await send_all(sidecar, wires)
    after = sidecar.worked(), sidecar.waited(), time.process_time()
    seconds = time.perf_counter() - began
    events = sum(wire.events for wire in wires)
    worked, waited, generator = (round(1e6 * (now - then) / events, 1) for now, then in zip(after, before, strict=True))
    return Figures(
        size=size,
        connections=len(wires),
        events=events,
        events_per_second=round(events / seconds),
        us_per_event=worked,
        waited_us_per_event=waited,
        generator_us_per_event=generator,
        load=round(load, 1),
    )


async def _measure(
    sidecar: Sidecar, traffic: Traffic, options: argparse.Namespace, progress: Progress
) -> list[Figures]:
    cells = [(size, connections) for size in options.sizes for connections in options.connections]
    task = progress.add_task("awake", total=len(cells) + 1)
    await awaken(sidecar, names(options.users))
    await send_all(sidecar, [_wire(traffic, 100, options.warm_up, time.time_ns() // 1_000_000)])
    found = []
    for size, connections in cells:
        progress.update(task, advance=1, description=f"{connections} connections, frames of {size}")
        found.append(await _run(sidecar, prepared(traffic, size, connections, options), size))
    return found


def measure(options: argparse.Namespace, progress: Progress) -> list[Figures]:
    """Measure each size of frames with each number of connections, on one sidecar."""
    cells = [(size, connections) for size in options.sizes for connections in options.connections]
    events = options.warm_up + sum(connections * each_has(size, connections, options) for size, connections in cells)
    asleep = sleepers(events, options.sleeping)
    traffic = Traffic(options.users, asleep, options.sleeping, options.seed)
    known = [*names(options.users), *asleep]
    past = pasts(known, time.time_ns() // 1_000_000)
    settings = {"destinations": {"site": {"kind": "memory"}}}
    with tempfile.TemporaryDirectory() as folder:
        config = prepare(
            Path(folder),
            trigger_file(AT_ONCE, LATER),
            settings,
            MESSAGES,
            pasts=past,
            count=len(known),
            progress=progress,
        )
        with started(config) as sidecar:
            return trio.run(_measure, sidecar, traffic, options, progress)


def _print(figures: Sequence[Figures]) -> None:
    table = Table(
        "events of a frame", "connections", "events/s", "CPU of an event", "waited", "generator's CPU", "load", box=None
    )
    for each in figures:
        table.add_row(
            f"{each.size}",
            f"{each.connections}",
            f"{each.events_per_second:,}",
            f"{each.us_per_event} µs",
            f"{each.waited_us_per_event} µs",
            f"{each.generator_us_per_event} µs",
            f"{each.load}",
        )
    console = Console(width=120)
    console.print(table)
    console.print("waited: for a processor that others had, by all threads of the sidecar together")


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", type=positive, nargs="+", default=[*SIZES], help="events of a frame (default: 1 10 100)"
    )
    parser.add_argument("--connections", type=positive, nargs="+", default=[*CONNECTIONS], help="(default: 1 2 3 4)")
    parser.add_argument("--events", type=positive, default=60_000, help="of each measurement at most (default: 60000)")
    parser.add_argument("--frames", type=positive, default=10_000, help="of each measurement at most (default: 10000)")
    parser.add_argument("--warm-up", type=positive, default=20_000, help="events that do not count (default: 20000)")
    parser.add_argument("--users", type=positive, default=20_000, help="who are awake (default: 20000)")
    parser.add_argument(
        "--sleeping", type=float, default=1, help="percent of the events that wake somebody (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        figures = measure(options, progress)
    _print(figures)
    keep([asdict(each) for each in figures], options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
