"""One event from each of a million users: how many are awake at a time, and in how much memory?

The real sidecar is started with the settings as they come (50,000 users awake at most), and the events stream in over
a few websockets as fast as they are taken. Meanwhile its own metrics and its memory are looked at. Then some of the
users, drawn by lot, are asked for: each must come back with the event and the deadlines that it left with.

    python bench/scan.py --users 1000000
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.sidecar import Frame, Sidecar, configure, pour, started

TRIGGERS = """
triggers:
  left: {when: cart then no (cart or order) within 24h, per: cart_id, cooldown: 1d}
  lapsed: {when: inactive for 30d}
  thrice: {when: count(view) >= 3 within 1h, cooldown: 1d}
"""
FRAME = 100
LANES = 4
_HOUR = 3_600_000
_CARTS = 5
"""Every so manieth user leaves a cart, the others view."""

_ASKED = 1_000
"""Users who are asked for afterwards."""

_ROWS = 12
"""Of the table, which shows some of the looks."""


@dataclass(frozen=True)
class Look:
    """The sidecar at a moment."""

    seconds: float
    users: int
    """Who have sent their event."""
    awake: int
    memory: int
    """Bytes."""


def main() -> int:
    """Scan; the exit status is 1 if more were awake than may be, or somebody came back otherwise than they left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000, help="how many (default: 1000000)")
    parser.add_argument("--awake", type=int, default=50_000, help="how many may be awake (default: 50000)")
    parser.add_argument("--every", type=float, default=1, help="seconds between two looks (default: 1)")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = configure(Path(folder), TRIGGERS, {"log_level": "warning", "awake_users": arguments.awake})
        with started(config) as sidecar:
            looks = trio.run(_scan, sidecar, arguments.users, arguments.every)
            changed = _changed(sidecar, arguments.users)
            sidecar.end()
        size = sum(file.stat().st_size for file in sidecar.data.glob("impel.db*"))
    figures = {
        "users": arguments.users,
        "allowed": arguments.awake,
        "awake": max(look.awake for look in looks),
        "memory": max(look.memory for look in looks),
        "seconds": looks[-1].seconds,
        "bytes": size,
        "changed": len(changed),
        "looks": [asdict(look) for look in looks],
    }
    _tell(looks, figures, changed)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 1 if changed or figures["awake"] > arguments.awake else 0


async def _scan(sidecar: Sidecar, users: int, every: float) -> list[Look]:
    """Let every user send an event, and look on."""
    looks: list[Look] = []
    began, sent = time.monotonic(), 0

    def frames() -> Iterator[Frame]:
        nonlocal sent
        for start in range(0, users, FRAME):
            yield [_call(number) for number in range(start, min(start + FRAME, users))]
            sent = start

    async def look() -> None:
        gauges = await trio.to_thread.run_sync(sidecar.gauges)
        seconds = round(time.monotonic() - began, 1)
        looks.append(Look(seconds, sent, round(gauges["impel_users_awake"]), sidecar.memory()))

    async def watch() -> None:
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("users", total=users)
            while True:
                await look()
                progress.update(task, completed=sent)
                await trio.sleep(every)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await pour(sidecar, frames(), LANES)
        nursery.cancel_scope.cancel()
    sent = users
    await look()
    return looks


def _call(number: int) -> dict[str, Any]:
    properties = {"n": number, "cart_id": f"c{number}"}
    name = "view" if number % _CARTS else "cart"
    return {"type": "track", "userId": f"u{number}", "event": name, "messageId": f"m{number}", "properties": properties}


def _changed(sidecar: Sidecar, users: int) -> list[str]:
    """Of some users, the ones who are otherwise than they must be."""
    token = (sidecar.data / "admin_token").read_text().strip()
    with httpx.Client(base_url=sidecar.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        asked = random.sample(range(users), min(_ASKED, users))
        return [f"u{each}" for each in asked if not _is_as_it_left(client, each)]


def _is_as_it_left(client: httpx.Client, number: int) -> bool:
    call = _call(number)
    told = client.get("/admin/user", params={"id": call["userId"]}).raise_for_status().json()
    at = told["recent"][0]["at"] if told["recent"] else 0
    deadlines = {("lapsed", None, at + 30 * 24 * _HOUR)}
    if call["event"] == "cart":
        deadlines.add(("left", call["properties"]["cart_id"], at + 24 * _HOUR))
    return (
        told["recent"] == [{"event": call["event"], "at": at, "properties": call["properties"]}]
        and {(each["trigger"], each["per"], each["at"]) for each in told["pending"]} == deadlines
        and not told["firings"]
    )


def _tell(looks: list[Look], figures: dict[str, Any], changed: list[str]) -> None:
    table = Table("after", "users", "awake", "memory")
    for look in [*looks[:: max(len(looks) // _ROWS, 1)], looks[-1]]:
        table.add_row(f"{look.seconds:.0f} s", f"{look.users:,}", f"{look.awake:,}", f"{look.memory / 1e6:,.0f} MB")
    Console().print(table)
    print(
        f"{figures['users']:,} users in {figures['seconds']:,.0f} s ({figures['users'] / figures['seconds']:,.0f} a"
        f" second), at most {figures['awake']:,} of {figures['allowed']:,} awake, at most"
        f" {figures['memory'] / 1e6:,.0f} MB, file {figures['bytes'] / 1e6:,.0f} MB; {len(changed)} of"
        f" {min(_ASKED, figures['users']):,} came back changed{': ' + ', '.join(changed[:5]) if changed else ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
