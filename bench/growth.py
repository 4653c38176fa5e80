"""How the cost of an event grows: with the users, with a user's history, and with triggers that do not mention it.

Each axis has its points, each of them a population of its own; they take turns, round by round, so that a machine that
grows slower in the course of the run slows all of them. The cost is the CPU time of the core's turns and wakes per
event, the median of the rounds. The exponent is the slope of a straight line through the points, both ways logarithmic:
0 is flat, 1 is in proportion.

    python bench/growth.py --max-users 1000000 --json bench/out/growth.json

Besides what varies, there are 10 triggers (those of `core.yaml`), and 5 events of history of each of 1,000 users; with
a long history there are fewer users, so that all have 200,000 events or less.
"""

import argparse
import gc
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.load import DAY, VISIT, Shoppers, program
from bench.options import keep, positive
from bench.race import Race, Round

USERS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
HISTORY = (10, 50, 100, 500, 1_000, 5_000)
TRIGGERS = (10, 30, 100, 300, 1_000)
BOUND = 0.1
"""What the exponents in users and in triggers have to keep to."""

_BASE_USERS, _BASE_HISTORY, _BASE_TRIGGERS = 1_000, 5, 10
_ALL_HISTORY = 200_000
_VISITS_APART = 2 * DAY
_LONG_APART = 60 * DAY * VISIT // HISTORY[-1]
"""On the axis of histories visits are so frequent that the longest is younger than the retention."""

_LABELS = {
    "users": "users",
    "history": "events of history per user",
    "triggers": "triggers, of which 10 are about the load",
}


@dataclass(frozen=True)
class Point:
    """A population: what varies, and what there is."""

    at: int
    users: int
    history: int
    triggers: int
    apart: int


def axes(max_users: int) -> dict[str, list[Point]]:
    """The points of each axis."""
    users = [count for count in USERS if count <= max_users] or [max_users]
    return {
        "users": [Point(each, each, _BASE_HISTORY, _BASE_TRIGGERS, _VISITS_APART) for each in users],
        "history": [
            Point(each, min(_ALL_HISTORY // each, _BASE_USERS), each, _BASE_TRIGGERS, _LONG_APART) for each in HISTORY
        ],
        "triggers": [Point(each, _BASE_USERS, _BASE_HISTORY, each, _VISITS_APART) for each in TRIGGERS],
    }


def measure(points: Sequence[Point], options: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Fill all populations of an axis, and let them take turns."""
    races = []
    for point in points:
        shoppers = Shoppers(point.users, point.apart, options.seed)
        races.append(Race(shoppers, program(point.triggers), "msgpack"))
        races[-1].fill(point.users * point.history, progress)
    _round(races, options.events, progress)
    gc.collect()
    gc.freeze()
    turns = list(zip(*(_round(races, options.events, progress) for _ in range(options.rounds)), strict=True))
    gc.unfreeze()
    costs = [[(each.turns + each.wakes) / each.events for each in rounds] for rounds in turns]
    floors = [[each.floor / each.events for each in rounds] for rounds in turns]
    return [
        {"at": point.at, "users": point.users, "cost_us": _microseconds(cost), "floor_us": _microseconds(floor)}
        for point, cost, floor in zip(points, costs, floors, strict=True)
    ]


def _round(races: Sequence[Race], events: int, progress: Progress) -> list[Round]:
    return [race.run(1, events, progress)[0] for race in races]


def _microseconds(seconds: Sequence[float]) -> float:
    return round(1e6 * median(seconds), 2)


def exponent(at: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """The exponent and the factor of the power of `at` that is nearest to the costs, by logarithms."""
    slope, intercept = linear_regression([math.log(each) for each in at], [math.log(each) for each in costs])
    return slope, math.exp(intercept)


def fitted(figures: list[dict[str, Any]]) -> tuple[float, float]:
    """The same for the figures of an axis; (0, the cost) for a single point."""
    at, costs = [each["at"] for each in figures], [each["cost_us"] for each in figures]
    return exponent(at, costs) if len(at) > 1 else (0.0, costs[0])


def plot(report: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """Draw the axes side by side, as PNG and SVG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the `bench` group, and `--help` needs none of it

    figure = Figure(figsize=(12, 4), layout="constrained")
    plots = figure.subplots(1, len(report), sharey=True, squeeze=False)[0]
    for (axis, figures), one in zip(report.items(), plots, strict=True):
        at = [each["at"] for each in figures]
        slope, factor = fitted(figures)
        one.loglog(at, [each["cost_us"] for each in figures], "o", label="the core")
        one.loglog(at, [factor * each**slope for each in at], "-", label=f"exponent {slope:.3f}")
        one.loglog(at, [each["floor_us"] for each in figures], "x", color="grey", label="the floor")
        one.set_xlabel(_LABELS[axis])
        one.legend()
    plots[0].set_ylabel("CPU µs per event")
    file.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".png", ".svg"):
        figure.savefig(file.with_suffix(suffix))


def _print(report: dict[str, list[dict[str, Any]]]) -> None:
    table = Table("axis", "at", "users", "cost of an event", "floor", "exponent", "bound", box=None)
    for axis, figures in report.items():
        for number, each in enumerate(figures):
            fit = [f"{fitted(figures)[0]:.3f}", "" if axis == "history" else f"{BOUND}"] if not number else ["", ""]
            cost, floor = f"{each['cost_us']} µs", f"{each['floor_us']} µs"
            table.add_row(axis if not number else "", f"{each['at']:,}", f"{each['users']:,}", cost, floor, *fit)
    Console(width=120).print(table)


def main() -> int:
    """Measure each axis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", choices=[*axes(1)], default=[*axes(1)], help="which (default: all)")
    parser.add_argument("--max-users", type=positive, default=300_000, help="at 20 kB each, and all points at once")
    parser.add_argument("--rounds", type=positive, default=7, help="how often each point takes its turn (default: 7)")
    parser.add_argument("--events", type=positive, default=5_000, help="events of a round (default: 5000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    parser.add_argument(
        "--plot", type=Path, default=None, metavar="FILE", help="where to draw: .png and .svg are added"
    )
    options = parser.parse_args()
    report = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for axis in options.axes:
            report[axis] = measure(axes(options.max_users)[axis], options, progress)
    _print(report)
    keep({"points": report, "exponents": {axis: fitted(each)[0] for axis, each in report.items()}}, options.json)
    if options.plot is not None:
        plot(report, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
