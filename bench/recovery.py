"""How long a sidecar needs after a kill, from its start until it takes events, and how large its file is.

For each size a database is made through the store as the engine would have left it: so many users saved, all with a
deadline ahead, and 100,000 events since the last save in the journal. Then the real sidecar is started on it.

    python bench/recovery.py --users 10000 100000 1000000
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.configuration import compile_content
from adapters.store.sqlite import FILE, SqliteStore, open_file
from bench.population import saved
from bench.sidecar import configure, started
from engine.core.events import Track
from engine.core.program import Program
from engine.core.user import User
from engine.runtime.records import Batch, Entry, Save

TRIGGERS = """
triggers:
  left: {when: cart then no (cart or order) within 24h, per: cart_id, cooldown: 1d}
  lapsed: {when: inactive for 30d}
  thrice: {when: count(view) >= 3 within 1h, cooldown: 1d}
"""
_PATIENCE = 600
"""Seconds after which it is given up."""

_TOGETHER = 2_000
_ENTRIES = 200
_PROPERTIES = b'{"cart_id":"c1","product":"Tent for two","price":211,"page":"https://shop.example/tents/two","ref":"a"}'


def main() -> int:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="how many are known")
    parser.add_argument("--tail", type=int, default=100_000, help="events since the last save (default: 100000)")
    parser.add_argument("--times", type=int, default=2, help="starts, of which the fastest is told (default: 2)")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    table = Table("users", "events in the journal", "file", "start to ready", "processor time", "load of the machine")
    figures = []
    for users in arguments.users:
        with tempfile.TemporaryDirectory() as folder:
            config = configure(Path(folder), TRIGGERS, {"log_level": "warning"})
            with started(config) as sidecar:
                sidecar.end()
            trio.run(_fill, sidecar.data / FILE, users, arguments.tail)
            size = sum(file.stat().st_size for file in sidecar.data.glob(f"{FILE}*"))
            starts = [_start(config, sidecar.data) for _ in range(arguments.times)]
        seconds, worked, load = min(starts)
        figures.append({"users": users, "tail": arguments.tail, "bytes": size, "starts": starts})
        table.add_row(
            f"{users:,}",
            f"{arguments.tail:,}",
            f"{size / 1e6:,.0f} MB",
            f"{seconds:.2f} s",
            f"{worked:.2f} s",
            f"{load:.1f}",
        )
    Console().print(table)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0


def _start(config: Path, data: Path) -> tuple[float, float, float]:
    """Start it on the database as it is, which is left so.

    Returns:
        Seconds until it was ready, of processor time, and the machine's load over the last minute before.

    """
    kept, load = data.with_name("kept"), os.getloadavg()[0]
    shutil.copytree(data, kept)
    with started(config, patience=_PATIENCE) as sidecar:
        measured = round(sidecar.seconds, 2), round(sidecar.worked(), 2), round(load, 1)
    shutil.rmtree(data)
    kept.rename(data)
    return measured


async def _fill(database: Path, users: int, tail: int) -> None:
    store = open_file(database)
    async for version in store.versions():
        number, program = version[-1].number, compile_content(version[-1].content)
    now = time.time_ns() // 1_000_000
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{users:,} users", total=users + tail)
        for start in range(0, users, _TOGETHER):
            saves = [_save(each, number, program, now) for each in range(start, min(start + _TOGETHER, users))]
            await store.write(Batch(number=users + 10, now=now, saves=saves))
            progress.advance(task, len(saves))
        await _fill_journal(store, users, tail, now, progress)
    store.close()


async def _fill_journal(store: SqliteStore, users: int, tail: int, now: int, progress: Progress) -> None:
    for start in range(0, tail, _ENTRIES):
        entries = []
        for each in range(start, min(start + _ENTRIES, tail)):
            seq = users + 100 + each
            event = Track(seq, "view", now, _PROPERTIES, f"m{each}")
            entries.append(Entry(seq, f"k:user-{each % users}", now, event, now + 30 * 86_400_000))
        await store.write(Batch(number=seq, now=now, entries=entries))
        progress.advance(progress.task_ids[0], len(entries))


def _save(each: int, version: int, program: Program, now: int) -> Save:
    """A user who viewed and, every fifth, left a cart an hour ago."""
    user = User(f"k:user-{each}", program)
    began = now - 3_600_000
    user.observe(Track(each + 5, "view", began, _PROPERTIES, f"v{each}"), began)
    if each % 5 == 0:
        user.observe(Track(each + 5, "cart", began, _PROPERTIES, f"c{each}"), began)
    return saved(user, each + 5, version)


if __name__ == "__main__":
    sys.exit(main())
