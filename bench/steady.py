"""Does the database stop growing under a steady load?

The real sidecar is started with a retention of a minute. Visitors come, do something for a while and never return,
and customers come again and again; deadlines pass, and messages leave to a destination that keeps them in memory.
Every ten seconds the file is measured. In the last third of the time it must not be larger, on average, than in the
middle third, but for a few per cent.

    python bench/steady.py --minutes 6
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import apsw
import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.store.sqlite import FILE
from adapters.store.upkeep import sizes
from bench.sidecar import Frame, Sidecar, configure, pour, started

TRIGGERS = """
triggers:
  left: {when: cart then no (cart or order) within 5s, cooldown: 20s, send: note}
  thrice: {when: count(view) >= 3 within 30s, cooldown: 30s, send: note}
"""
SETTINGS = {
    "retention": "60s",
    "history_after": "10s",
    "idle_after": "5s",
    "log_level": "warning",
    "destinations": {"kept": {"kind": "memory"}},
}
PRESENT, STAYS = 500, 20
"""Visitors at a time, and how many events each brings."""

CUSTOMERS = 1_000
"""Who bring a tenth of the events. Their events bear no `messageId`: each would be remembered for a day."""

_FRAME = 500
"""Events at most, when it has fallen behind; a frame may be only so large."""

_PAUSE = 0.1
"""Seconds between two frames."""

_EVERY = 10.0
"""Seconds between two looks."""

_UNSENT = "SELECT count(*) FROM outbox WHERE state IN ('due', 'held', 'sending')"
_TABLES = ("history", "people", "decisions", "outbox")


@dataclass(frozen=True)
class Look:
    """The file at a moment; sizes in bytes."""

    seconds: float
    events: int
    """Sent so far."""
    file: int
    free: int
    """Of that, in pages that wait to be used again."""
    log: int
    rows: dict[str, int]
    unsent: int
    """Messages that have not ended: a load that they cannot keep up with is not steady."""


def main() -> int:
    """Measure; the exit status is 1 if the file goes on growing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6, help="how long (default: 6)")
    parser.add_argument("--rate", type=int, default=500, help="events a second (default: 500)")
    parser.add_argument("--allowed", type=float, default=5, help="growth that is none, in per cent (default: 5)")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors (default: 1)")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = configure(
            Path(folder), TRIGGERS, SETTINGS, {"note": "destination: kept\ndata: {user: '{{ user }}'}\n"}
        )
        with started(config) as sidecar:
            calls = _calls(random.Random(arguments.seed))
            looks = trio.run(_watch, sidecar, calls, arguments.rate, arguments.minutes * 60)
            sidecar.end()
    third = len(looks) // 3
    middle, last = (fmean(look.file for look in part) for part in (looks[third : 2 * third], looks[2 * third :]))
    growth = 100 * (last / middle - 1)
    _tell(looks, growth)
    if arguments.json is not None:
        figures = {"growth_per_cent": round(growth, 2), "looks": [asdict(look) for look in looks]}
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 1 if growth > arguments.allowed else 0


def _calls(draw: random.Random) -> Iterator[dict[str, Any]]:
    """What visitors and customers do, for ever."""
    present = [[each, draw.randint(1, STAYS)] for each in range(PRESENT)]
    latest = number = PRESENT
    while True:
        number += 1
        name = draw.choice(("view", "view", "view", "cart", "order"))
        properties = {"product": f"p{draw.randrange(500)}", "price": draw.randrange(200), "page": "/tents/" + "x" * 40}
        call = {"type": "track", "event": name, "properties": properties}
        if draw.random() < 0.1:  # noqa: PLR2004 - a tenth
            yield call | {"userId": f"c{draw.randrange(CUSTOMERS)}"}
            continue
        place = draw.randrange(PRESENT)
        visitor, left = present[place]
        if not left:
            latest += 1
            visitor, left = latest, STAYS
        present[place] = [visitor, left - 1]
        yield call | {"anonymousId": f"v{visitor}", "messageId": f"m{number}"}


async def _watch(sidecar: Sidecar, calls: Iterator[dict[str, Any]], rate: int, seconds: float) -> list[Look]:
    """Let events in at a steady pace, and look at the file."""
    looks: list[Look] = []
    began, sent = time.monotonic(), 0

    def frames() -> Iterator[Frame]:
        nonlocal sent
        while (until := time.monotonic() - began) < seconds:
            wanted = min(max(round(until * rate) - sent, 1), _FRAME)
            yield [next(calls) for _ in range(wanted)]
            sent += wanted

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pour, sidecar, frames(), 1, _PAUSE)
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("seconds", total=seconds)
            while (now := time.monotonic() - began) < seconds:
                looks.append(_look(sidecar.data / FILE, round(now, 1), sent))
                progress.update(task, completed=now)
                await trio.sleep(_EVERY)
    return looks


def _look(file: Path, seconds: float, events: int) -> Look:
    with closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        measured = sizes(connection)
        ((unsent,),) = connection.execute(_UNSENT)
    rows = {table.table: table.rows for table in measured.tables if table.table in _TABLES}
    return Look(seconds, events, measured.file, measured.free, measured.log, rows, unsent)


def _tell(looks: list[Look], growth: float) -> None:
    table = Table("after", "events", "file", "free in it", "log", *_TABLES, "unsent")
    for look in looks[::3]:
        parts = (f"{size / 1e6:,.1f} MB" for size in (look.file, look.free, look.log))
        rows = (f"{look.rows.get(each, 0):,}" for each in _TABLES)
        table.add_row(f"{look.seconds:.0f} s", f"{look.events:,}", *parts, *rows, f"{look.unsent:,}")
    Console().print(table)
    print(f"{looks[-1].events:,} events; in the last third the file is {growth:+.1f} % larger than in the middle third")


if __name__ == "__main__":
    sys.exit(main())
