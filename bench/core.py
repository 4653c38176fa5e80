"""The core alone: events a second, beside what no engine could do without, in the same run.

The floor is a typed decode of each event with its properties as a dict, a look-up of its user in a dict, and a bisect
insert into that user's timestamps. The core decodes the same frames, finds its user, lets it observe the event and asks
for its horizon. Both take turns, in rounds, in one process; figures are CPU time, and medians of the rounds. Users who
are due are woken between frames, which is measured apart.

    python bench/core.py --json bench/out/core.json
"""

import argparse
import gc
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.load import DAY, VISIT, Shoppers, mentions, program, triggers
from bench.options import keep, positive
from bench.race import Race, Round

_WIDTH = 120
_VISITS_APART = 2 * DAY
_FILLED = 60 * DAY
"""A long history is made by more frequent visits: all of it has to be younger than the retention."""


@dataclass(frozen=True)
class Case:
    """What is run: so many triggers, and users with about so many events each."""

    name: str
    triggers: int
    history: int
    users: int


def measure(case: Case, options: argparse.Namespace, progress: Progress, *, is_first: bool) -> dict[str, Any]:
    """Fill, warm up, and measure."""
    text, apart = triggers(case.triggers), min(_VISITS_APART, _FILLED * VISIT // case.history)
    race = Race(Shoppers(case.users, apart, options.seed, options.form), program(case.triggers), options.form)
    grown = race.fill(case.users * case.history, progress)
    race.run(1, options.events, progress)
    gc.collect()
    gc.freeze()
    warm = race.core.fired
    rounds = race.run(options.rounds, options.events, progress)
    gc.unfreeze()
    return report(case, rounds) | {
        "mentions_per_event": round(mentions(text), 2),
        "fired_percent": round(100 * (race.core.fired - warm) / (options.rounds * options.events), 2),
        "bytes_per_user": grown // case.users if is_first else None,
    }


def report(case: Case, rounds: list[Round]) -> dict[str, Any]:
    """Medians of the rounds."""
    ratios = sorted(each.turns / each.floor for each in rounds)
    return {
        **asdict(case),
        "ratio": round(median(ratios), 2),
        "ratio_least": round(ratios[0], 2),
        "ratio_most": round(ratios[-1], 2),
        "floor_us": round(median(1e6 * each.floor / each.events for each in rounds), 2),
        "turn_us": round(median(1e6 * each.turns / each.events for each in rounds), 2),
        "events_per_second": round(median(each.events / (each.turns + each.wakes) for each in rounds)),
        "wakes_per_event": round(sum(each.woken for each in rounds) / sum(each.events for each in rounds), 3),
        "wake_us": round(median(1e6 * each.wakes / max(each.woken, 1) for each in rounds), 2),
    }


def cases(options: argparse.Namespace) -> list[Case]:
    """The mix of the design, some hot users, and each number of triggers with each length of history."""
    grid = [
        Case(f"{count} triggers, {history} events", count, history, max(min(options.users, options.fill // history), 1))
        for count in options.triggers
        for history in options.history
    ]
    return [Case("reference", 10, 20, options.users), Case("hot users", 10, 200, options.hot), *grid]


def _print(reports: list[dict[str, Any]]) -> None:
    table = Table("", "users", "events/s", "floor", "turn", "ratio", "wakes", "a wake", "fired", box=None)
    for each in reports:
        table.add_row(
            each["name"],
            f"{each['users']:,}",
            f"{each['events_per_second']:,}",
            f"{each['floor_us']} µs",
            f"{each['turn_us']} µs",
            f"{each['ratio']} ({each['ratio_least']}-{each['ratio_most']})",
            f"{each['wakes_per_event']}",
            f"{each['wake_us']} µs",
            f"{each['fired_percent']} %",
        )
    console = Console(width=_WIDTH)
    console.print(table)
    console.print(f"of 10 triggers {reports[0]['mentions_per_event']} mention an event, on average")
    console.print(
        f"{reports[0]['bytes_per_user']:,} bytes per user, 20 events, 10 triggers: growth of the peak resident set"
    )


def main() -> int:
    """Measure each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triggers", type=positive, nargs="*", default=[1, 10, 100], help="numbers of triggers")
    parser.add_argument(
        "--history", type=positive, nargs="*", default=[10, 100, 1_000], help="events of history per user"
    )
    parser.add_argument("--users", type=positive, default=20_000, help="how many there are at most (default: 20000)")
    parser.add_argument(
        "--hot", type=positive, default=50, help="how many there are in the case of hot users (default: 50)"
    )
    parser.add_argument(
        "--fill", type=positive, default=200_000, help="events before, of all users of a case (default: 200000)"
    )
    parser.add_argument("--rounds", type=positive, default=9, help="how often each takes its turn (default: 9)")
    parser.add_argument("--events", type=positive, default=5_000, help="events of a round (default: 5000)")
    parser.add_argument("--form", choices=("msgpack", "json"), default="msgpack", help="the frames' form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        reports = [measure(case, options, progress, is_first=not n) for n, case in enumerate(cases(options))]
    _print(reports)
    keep(reports, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
