"""Users who are known before a bench begins: written through the store, as the engine would have left them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import trio
from rich.progress import Progress

from adapters.configuration import compile_content
from adapters.store.sqlite import FILE, SqliteStore, open_file
from bench.sidecar import configure, started
from engine.core.events import Millis, Track
from engine.core.identity import known
from engine.core.program import Program
from engine.core.user import User
from engine.runtime.records import Batch, Save

PROPERTIES = (
    b'{"product_id":"sku-00042","category":"tents","price":211,"quantity":1,"cart_id":"cart-0-0","url":'
    b'"https://shop.example/tents/sku-00042","referrer":"https://search.example/?q=camping","title":"Tents for long '
    b'walks","screen":"1440x900","language":"en"}'
)
"""What each event bears."""

_TOGETHER = 2_000
"""Users of a transaction."""


class Past(NamedTuple):
    """What a user has done, in order: names of events, and when, ms."""

    user: str
    events: list[tuple[str, Millis]]


def prepare(
    folder: Path,
    triggers: str,
    settings: Mapping[str, Any],
    messages: Mapping[str, str],
    *,
    pasts: Iterable[Past],
    count: int,
    progress: Progress,
) -> Path:
    """Write a configuration, and beside it a database where `count` users have these pasts; returns the former."""
    config = configure(folder, triggers, {"log_level": "warning", **settings}, messages)
    with started(config) as sidecar:
        sidecar.end()
    store = open_file(sidecar.data / FILE)
    try:
        trio.run(_populate, store, iter(pasts), count, progress)
    finally:
        store.close()
    return config


async def _populate(store: SqliteStore, pasts: Iterator[Past], count: int, progress: Progress) -> None:
    async for version in store.versions():
        number, program = version[-1].number, compile_content(version[-1].content)
    task, seq = progress.add_task(f"{count:,} users", total=count), 10
    while together := list(islice(pasts, _TOGETHER)):
        saves = []
        for past in together:
            seq += len(past.events)
            saves.append(saved(_lived(past, seq, program), seq, number))
        await store.write(Batch(number=seq, now=time.time_ns() // 1_000_000, saves=saves))
        progress.advance(task, len(saves))
    progress.remove_task(task)


def _lived(past: Past, last: int, program: Program) -> User:
    user = User(known(past.user), program)
    for seq, (name, at) in enumerate(past.events, last - len(past.events) + 1):
        user.observe(Track(seq, name, at, PROPERTIES, f"before-{seq}"), at)
    return user


def saved(user: User, seq: int, version: int) -> Save:
    """What the keeper would write of a user whose last input was `seq`, under that version of the triggers."""
    snapshot = user.snapshot()
    return Save(
        user.name,
        seq,
        version,
        user.horizon(),
        user.clock,
        snapshot.state,
        snapshot.chunk,
        snapshot.whole,
        bare=False,
    )
