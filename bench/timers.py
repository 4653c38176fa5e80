"""How late deadlines are settled when many are armed, and a load is running; and that none is early.

The database is made through the store: so many users, each of whom made a promise by which a trigger fires a week
later, unless it is kept. Most of these deadlines lie hours and days ahead; some are spread over the minutes after the
making, so that a few fall due in each second, half of them of users whom the load keeps awake, and half of users who
are asleep. Then the real sidecar is started on it, with the settings as shipped, the load runs in an open loop
(`open_loop.py`), and each firing is heard of at /v1/decisions. Lateness is from the deadline until then. The exit
status is 1 if a deadline was early or never heard of, or if the generator fell behind, which makes a run void.

    python bench/timers.py --deadlines 10000 100000 --rate 10000 --json bench/out/timers.json
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from random import Random

import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.drive import Plan, add_options, begin, planned, undisturbed
from bench.open_loop import Run, Usage, eventually, is_void, play
from bench.options import keep, positive
from bench.percentiles import Summary, summary
from bench.population import Past, prepare
from bench.sidecar import Sidecar, started
from bench.traffic import AT_ONCE, awaken, names, pasts, sleepers, trigger_file
from bench.wire import Firing, heard
from engine.core.events import Millis

DEADLINES = (10_000, 100_000, 1_000_000)
PROMISED = {"promised": {"when": "promise_made then no promise_kept within 7d"}}
WEEK: Millis = 7 * 86_400_000

_SOONEST: Millis = 3_600_000
"""From the making until the first of the deadlines that lie far ahead."""

_PATIENCE = 10.0
"""Seconds that a deadline and the last ack are waited for."""

_START = 600.0
"""Seconds that the sidecar is given to start."""


@dataclass(frozen=True)
class Figures:
    """Of so many deadlines."""

    deadlines: int
    rate: int
    awake: Summary
    """Lateness of those whose user was in memory."""
    asleep: Summary
    early: int
    missing: int
    """Deadlines of the measured time that were not heard of."""
    backlog: int
    lag: Summary
    is_void: bool
    usage: Usage
    load: float


@dataclass
class Promises:
    """Users with one deadline each, of whom the first few come all the time."""

    active: list[str]
    others: list[str]
    near: int
    """How many deadlines are spread over the time after the making."""
    spread: float
    """Seconds."""
    due: dict[str, Millis] = field(default_factory=dict)
    """Deadlines of those, by user."""

    def pasts(self, draw: Random) -> Iterator[Past]:
        """What each has done, those with a near deadline last: it counts from when they are asked for."""
        half = min(self.near // 2, len(self.active))
        now = time.time_ns() // 1_000_000
        for name in chain(self.active[half:], self.others[half:]):
            yield _promise(name, now + _SOONEST + int(draw.random() * (WEEK - 2 * _SOONEST)))
        made = time.time_ns() // 1_000_000
        for name in chain(self.active[:half], self.others[:half]):
            self.due[name] = made + int(draw.random() * self.spread * 1_000)
            yield _promise(name, self.due[name])

    def within(self, begin: Millis, end: Millis) -> dict[str, Millis]:
        """The deadlines between two instants, by user.

        Raises:
            SystemExit: no more are due before the end.

        """
        if end > max(self.due.values()):
            late = (end - max(self.due.values())) / 1_000
            raise SystemExit(f"the start took too long by {late:.0f} s: deadlines were over; give a larger --spread")
        return {user: at for user, at in self.due.items() if begin <= at < end}


def promises(deadlines: int, users: int, due: float, spread: float) -> Promises:
    """So many users, of whom at most half, and at most `users`, come all the time; a second has `due` near ones."""
    active = names(min(users, max(deadlines // 2, 1)))
    others = [f"promise-{each}" for each in range(deadlines - len(active))]
    return Promises(active, others, min(int(due * spread), 2 * len(active), 2 * len(others)), spread)


def _promise(name: str, due: Millis) -> Past:
    return Past(name, [("promise_made", due - WEEK)])


def lateness(due: dict[str, Millis], firings: Iterable[Firing], given_up: float) -> tuple[dict[str, float], int, int]:
    """How late each user's firing was heard of, in seconds; how many were early, and how many not heard of.

    Early is also one whose instant is not that of the deadline, but before it.
    """
    heard_of = {firing.user: firing for firing in firings if firing.user in due}
    late = {user: (heard_of[user].wall if user in heard_of else given_up) - at / 1_000 for user, at in due.items()}
    early = sum(late[user] < 0 or firing.at < due[user] for user, firing in heard_of.items())
    return late, early, len(due) - len(heard_of)


async def _play(
    sidecar: Sidecar, promised: Promises, plan: Plan, options: argparse.Namespace
) -> tuple[Run, Sequence[Firing], dict[str, Millis]]:
    await awaken(sidecar, promised.active)
    run, wire = begin(plan)
    measured = (run.began_ms + int(1_000 * each) for each in (options.warm_up, options.warm_up + options.seconds))
    due = promised.within(*measured)
    with undisturbed():
        async with heard(sidecar, "promised") as firings:
            await play(sidecar, wire, plan.ticks, run, warm_up=options.warm_up, patience=_PATIENCE)
            await eventually(lambda: due.keys() <= {firing.user for firing in firings}, _PATIENCE)
    return run, firings, due


def measure(deadlines: int, options: argparse.Namespace, progress: Progress) -> Figures:
    """Make the database, start on it, and measure."""
    promised = promises(deadlines, options.users, options.due, options.spread)
    plan = planned(options.rate, len(promised.active), options)
    asleep = sleepers(len(plan.events), options.sleeping)
    past = chain(pasts(asleep, time.time_ns() // 1_000_000), promised.pasts(Random(options.seed)))
    with tempfile.TemporaryDirectory() as folder:
        text = trigger_file(AT_ONCE, PROMISED)
        config = prepare(Path(folder), text, {}, {}, pasts=past, count=len(asleep) + deadlines, progress=progress)
        load = os.getloadavg()[0]
        with started(config, patience=_START) as sidecar:
            run, firings, due = trio.run(_play, sidecar, promised, plan, options)
    late, early, missing = lateness(due, firings, time.time())
    active, lag = set(promised.active), run.lag(plan.ticks, options.warm_up)
    return Figures(
        deadlines=deadlines,
        rate=options.rate,
        awake=summary(late[user] for user in due if user in active),
        asleep=summary(late[user] for user in due if user not in active),
        early=early,
        missing=missing,
        backlog=run.backlog,
        lag=lag,
        is_void=is_void(lag, options.tick),
        usage=run.usage,
        load=round(load, 1),
    )


def _print(figures: Sequence[Figures]) -> None:
    table = Table(
        "deadlines",
        "events/s",
        "late, awake",
        "late, asleep",
        "early",
        "missing",
        "backlog",
        "lag p99",
        "CPU sidecar",
        "waited",
        "generator",
        "load",
        box=None,
    )
    for each in figures:
        table.add_row(
            f"{each.deadlines:,}{' VOID' if each.is_void else ''}",
            f"{each.rate:,}",
            *(f"{one.p50:,.1f} / {one.p99:,.1f} / {one.max:,.1f} ({one.count:,})" for one in (each.awake, each.asleep)),
            f"{each.early:,}",
            f"{each.missing:,}",
            f"{each.backlog:,}",
            f"{each.lag.p99:.1f} ms",
            f"{each.usage.sidecar:.0%}",
            f"{each.usage.waited:.0%}",
            f"{each.usage.generator:.0%}",
            f"{each.load}",
        )
    console = Console(width=160)
    console.print(table)
    console.print("late: p50 / p99 / most, in ms (how many); waited: for a processor that others had")
    for each in figures:
        if each.is_void:
            lag = f"p99 {each.lag.p99:.1f} ms, most {each.lag.max:.1f} ms"
            console.print(f"{each.deadlines:,} deadlines: void, the generator fell behind ({lag})")


def main() -> int:
    """Measure; the exit status is 1 if a deadline was early or missing, or a run is void."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--deadlines", type=positive, nargs="+", default=[*DEADLINES], help="armed (default: 10k, 100k, 1M)"
    )
    parser.add_argument("--rate", type=positive, default=10_000, help="events a second meanwhile (default: 10000)")
    parser.add_argument("--due", type=float, default=50, help="deadlines a second, at most (default: 50)")
    parser.add_argument("--spread", type=float, default=180, help="seconds over which these are spread (default: 180)")
    add_options(parser)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        figures = [measure(each, options, progress) for each in progress.track(options.deadlines, description="runs")]
    _print(figures)
    keep([asdict(each) for each in figures], options.json)
    return int(any(each.is_void or each.early or each.missing for each in figures))


if __name__ == "__main__":
    sys.exit(main())
