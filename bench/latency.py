"""How long it takes until an event is on the disk, until what it brings about is known, and until a message leaves.

The real sidecar, with the settings as shipped, in a process of its own. Open loop: each event's instant is drawn
beforehand, and all latencies count from it (`open_loop.py`), or from the deadline:

    ack        from an event's instant until the acknowledgement of its frame
    decision   from an event's instant until the firing it causes is heard of at /v1/decisions
    delivery   from a deadline until the message it causes has arrived at a webhook

Each rate has a sidecar of its own, on the same database; all users are awake before it begins, and the first seconds
do not count. A rate at which the generator itself fell behind is void; the exit status is then 1. What was not
answered within some seconds after the last event counts as if it had been at their end: percentiles are too low then.

    python bench/latency.py --rates 1000 10000 --seconds 10 --json bench/out/latency.json --plot bench/out/latency
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.arrivals import Site
from bench.drive import Plan, add_options, begin, planned, undisturbed
from bench.open_loop import Run, Usage, eventually, is_void, play
from bench.options import keep, positive
from bench.percentiles import Summary, summary
from bench.population import prepare
from bench.sidecar import Sidecar, started
from bench.traffic import AT_ONCE, LATER, MESSAGES, SPAN, awaken, names, pasts, sleepers, trigger_file
from bench.wire import Firing, Wire, heard

RATES = (1_000, 5_000, 10_000, 20_000, 50_000)
LATENCIES = ("ack", "decision", "delivery")

_PATIENCE = 10.0
"""Seconds that the sidecar is given after the last event."""


@dataclass(frozen=True)
class Figures:
    """Of one rate."""

    rate: int
    events: int
    """Measured, so without those of the warm-up."""
    fired_percent: float
    ack: Summary
    decision: Summary
    delivery: Summary
    missing: int
    """Acks, firings and messages that had not come in the end."""
    backlog: int
    """Events not acknowledged when the last had just come."""
    lag: Summary
    is_void: bool
    usage: Usage
    load: float
    """Of the machine, over the minute before."""


def since(
    due: Iterable[tuple[str, float]], came: Iterable[tuple[str, float]], given_up: float
) -> tuple[list[float], int]:
    """From when something of a user was due until it came, in the order of `due`; and how many never came.

    What is due to one user comes in order. All instants are in seconds.
    """
    instants = defaultdict[str, deque[float]](deque)
    for user, at in came:
        instants[user].append(at)
    found, missing = [], 0
    for user, at in due:
        if instants[user]:
            found.append(instants[user].popleft() - at)
        else:
            found.append(given_up - at)
            missing += 1
    return found, missing


def acks(plan: Plan, acked: Sequence[float], given_up: float) -> tuple[list[float], int]:
    """From each event's instant until the ack of its frame, and how many had none.

    Instants are in seconds from the beginning.
    """
    found, begin, missing = list[float](), 0, 0
    for number, tick in enumerate(plan.ticks):
        at = acked[number] if number < len(acked) else given_up
        missing += (tick.end - begin) * (number >= len(acked))
        found += [at - instant for instant in plan.instants[begin : tick.end]]
        begin = tick.end
    return found, missing


async def _play(sidecar: Sidecar, site: Site, plan: Plan, rate: int, options: argparse.Namespace) -> Figures:
    """Run a rate on a sidecar that has just started."""
    load = os.getloadavg()[0]
    await awaken(sidecar, names(options.users))
    fired = sidecar.fired()
    run, wire = begin(plan)
    with undisturbed():
        async with trio.open_nursery() as nursery, heard(sidecar, "coupon") as firings:
            nursery.start_soon(site.run)
            await play(sidecar, wire, plan.ticks, run, warm_up=options.warm_up, patience=_PATIENCE)
            await _wait(plan, site, firings, _PATIENCE if len(wire.acked) == wire.frames else 0)
            fired = sidecar.fired() - fired
            nursery.cancel_scope.cancel()
    lag = run.lag(plan.ticks, options.warm_up)
    return Figures(
        rate=rate,
        events=len(plan.events) - plan.first(options.warm_up),
        fired_percent=round(100 * fired / len(plan.events), 2),
        **_latencies(plan, run, wire, firings, site, warm_up=options.warm_up),
        backlog=run.backlog,
        lag=lag,
        is_void=is_void(lag, options.tick),
        usage=run.usage,
        load=round(load, 1),
    )


async def _wait(plan: Plan, site: Site, firings: list[Firing], patience: float) -> None:
    """Wait until all has come that is to come, or for so long after the last deadline that it is given up."""
    messages, coupons = len(plan.places("help_asked")), len(plan.places("coupon_asked"))
    await eventually(lambda: len(site.arrived) >= messages and len(firings) >= coupons, SPAN / 1_000 + patience)


def _latencies(
    plan: Plan, run: Run, wire: Wire, firings: list[Firing], site: Site, *, warm_up: float
) -> dict[str, Any]:
    """The three, without those of the warm-up."""
    now, wall, first, events = time.perf_counter(), time.time(), plan.first(warm_up), plan.events
    coupons, helps = plan.places("coupon_asked"), plan.places("help_asked")
    acked, lost = acks(plan, [at - run.began for at in wire.acked], run.ended - run.began)
    decided, unheard = since(
        ((events[place].user_id, run.began + plan.instants[place]) for place in coupons),
        ((firing.user, firing.heard) for firing in firings),
        now,
    )
    delivered, undelivered = since(
        ((events[place].user_id, (events[place].timestamp + SPAN) / 1_000) for place in helps),
        ((user, at) for user, _, at in site.arrived),
        wall,
    )
    return {
        "ack": summary(acked[first:]),
        "decision": summary(each for place, each in zip(coupons, decided, strict=True) if place >= first),
        "delivery": summary(each for place, each in zip(helps, delivered, strict=True) if place >= first),
        "missing": lost + unheard + undelivered,
    }


def measure(options: argparse.Namespace, progress: Progress) -> list[Figures]:
    """Measure each rate."""
    most = int(max(options.rates) * (options.warm_up + options.seconds))
    known = [*names(options.users), *sleepers(most, options.sleeping)]
    past, found = pasts(known, time.time_ns() // 1_000_000), []
    with tempfile.TemporaryDirectory() as folder, closing(Site()) as site:
        data, kept, text = Path(folder, "data"), Path(folder, "kept"), trigger_file(AT_ONCE, LATER)
        settings = {"destinations": {"site": {"kind": "webhook", "url": site.url, "deduplicates": "24h"}}}
        config = prepare(Path(folder), text, settings, MESSAGES, pasts=past, count=len(known), progress=progress)
        data.rename(kept)
        for rate in progress.track(options.rates, description="rates"):
            plan = planned(rate, options.users, options)
            shutil.copytree(kept, data)
            with started(config) as sidecar:
                found.append(trio.run(_play, sidecar, site, plan, rate, options))
            shutil.rmtree(data)
    return found


def plot(figures: Sequence[Figures], file: Path) -> None:
    """Draw percentiles by rate, as PNG and SVG; void rates are hollow."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the `bench` group, and `--help` needs none of it

    figure = Figure(figsize=(12, 4), layout="constrained")
    rates = [each.rate for each in figures]
    for name, one in zip(LATENCIES, figure.subplots(1, 3, sharey=True), strict=True):
        for label, percentile in (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p999")):
            values = [getattr(getattr(each, name), percentile) for each in figures]
            (line,) = one.loglog(rates, values, "-", label=label)
            for each, value in zip(figures, values, strict=True):
                one.plot(each.rate, value, "o", color=line.get_color(), fillstyle="none" if each.is_void else "full")
        one.set_title(name)
        one.set_xlabel("events per second")
        one.legend()
    figure.axes[0].set_ylabel("ms from the intended instant")
    file.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".png", ".svg"):
        figure.savefig(file.with_suffix(suffix))


def _print(figures: Sequence[Figures]) -> None:
    table = Table(
        "events/s", *LATENCIES, "backlog", "fired", "lag p99", "CPU sidecar", "waited", "generator", "load", box=None
    )
    for each in figures:
        table.add_row(
            f"{each.rate:,}{' VOID' if each.is_void else ''}",
            *(_told(getattr(each, name)) for name in LATENCIES),
            f"{each.backlog:,}",
            f"{each.fired_percent} %",
            f"{each.lag.p99:.1f} ms",
            f"{each.usage.sidecar:.0%}",
            f"{each.usage.waited:.0%}",
            f"{each.usage.generator:.0%}",
            f"{each.load}",
        )
    console = Console(width=160)
    console.print(table)
    console.print("latencies: p50 / p99 / most, in ms (how many); waited: for a processor that others had")
    for each in figures:
        if each.is_void:
            lag = f"p99 {each.lag.p99:.1f} ms, most {each.lag.max:.1f} ms"
            console.print(f"{each.rate:,} events/s is void: the generator fell behind ({lag})")
        if each.missing:
            console.print(f"{each.rate:,} events/s: {each.missing:,} answers had not come in the end")


def _told(latency: Summary) -> str:
    return f"{latency.p50:,.1f} / {latency.p99:,.1f} / {latency.max:,.1f} ({latency.count:,})"


def main() -> int:
    """Measure; the exit status is 1 if a rate is void."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rates", type=positive, nargs="+", default=[*RATES], help="events a second (default: 1k to 50k)"
    )
    add_options(parser)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    parser.add_argument(
        "--plot", type=Path, default=None, metavar="FILE", help="where to draw: .png and .svg are added"
    )
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        figures = measure(options, progress)
    _print(figures)
    keep([asdict(each) for each in figures], options.json)
    if options.plot is not None:
        plot(figures, options.plot)
    return int(any(each.is_void for each in figures))


if __name__ == "__main__":
    sys.exit(main())
