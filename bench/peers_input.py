"""The file that all peers read: shoppers over 30 days, one event a line, as JSON, in order of time.

Visits are as in `bench.load`, and besides, now and then, an event comes exactly when a span ends, a millisecond before
or after it, or in the same millisecond as the one before it. No user abandons two carts in one millisecond, since
a trigger fires once in a step.
"""

import heapq
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

HOUR = 3_600_000
START = 1_767_225_600_000
SPANS = 48 * HOUR, 24 * HOUR
"""Of the two rules."""

_DAYS, _VISIT, _PAUSE = 30, 8, 30_000
_ODD = 0.01
_EVENTS = {"A": 3, "B": 3, "viewed": 72, "searched": 19, "cart_abandoned": 1, "purchased": 2}
_KINDS, _WEIGHTS = list(_EVENTS), list(_EVENTS.values())

T = TypeVar("T")


class Properties(msgspec.Struct):
    """As much of the properties as the rules ask for."""

    product: str | None = None


class Line(msgspec.Struct, rename="camel", gc=False):
    """One event, as a program that knows the two rules reads it."""

    user_id: str
    event: str
    timestamp: int
    properties: Properties


class RawLine(msgspec.Struct, rename="camel", gc=False):
    """One event, as a program reads it that does not know yet what will be asked of it."""

    user_id: str
    event: str
    message_id: str
    timestamp: int
    properties: msgspec.Raw


class _Written(msgspec.Struct, rename="camel"):
    seq: int
    user_id: str
    event: str
    message_id: str
    timestamp: int
    properties: dict[str, Any]


def batches(file: Path, kind: type[T], size: int = 1 << 16) -> Iterator[list[T]]:
    """The lines of a file, some at a time."""
    decode = msgspec.json.Decoder(kind).decode_lines
    with file.open("rb") as lines:
        while some := lines.readlines(size):
            yield decode(b"".join(some))


def write(file: Path, events: int, users: int, seed: int) -> Iterator[int]:
    """Write so many events; gives how many are there, now and then. The same seed gives the same file."""
    encoder, done = msgspec.json.Encoder(), 0
    made = _events(users, events, random.Random(seed))
    with file.open("wb") as out:
        while some := list(islice(made, 10_000)):
            out.write(encoder.encode_lines(some))
            done += len(some)
            yield done


def _events(users: int, events: int, rng: random.Random) -> Iterator[_Written]:
    apart = _DAYS * 24 * HOUR * users * _VISIT / events
    coming = [(START + int(rng.random() * apart), user) for user in range(users)]
    heapq.heapify(coming)
    last, begun = [0] * users, [0] * users
    for seq in range(events):
        at, user = coming[0]
        kind = rng.choices(_KINDS, _WEIGHTS)[0]
        if kind == "cart_abandoned" and at == last[user]:
            kind = "searched"
        if kind in {"A", "cart_abandoned"}:
            begun[user] = at
        last[user] = at
        heapq.heapreplace(coming, (_next(at, begun[user], apart, rng), user))
        yield _written(seq, at, f"user-{user}", kind, rng)


def _next(at: int, begun: int, apart: float, rng: random.Random) -> int:
    """When the user's next event is."""
    chance = rng.random()
    if chance < _ODD:
        return at
    edge = begun + rng.choice(SPANS) + rng.choice((-1, 0, 1))
    if chance < 2 * _ODD and edge > at:
        return edge
    return at + 1 + int(rng.expovariate(1 / (apart if rng.random() < 1 / _VISIT else _PAUSE)))


def _written(seq: int, at: int, user: str, kind: str, rng: random.Random) -> _Written:
    product = kind if kind in {"A", "B"} else f"sku-{rng.randrange(1_000):05}"
    properties = {
        "product": product,
        "price": round(rng.uniform(5, 400), 2),
        "category": "tents",
        "url": f"https://shop.example/tents/{product}",
        "referrer": "https://search.example/?q=camping",
        "title": f"{product} for long walks",
        "screen": "1440x900",
        "language": "en",
        "quantity": 1,
    }
    event = "viewed" if kind in {"A", "B"} else kind
    return _Written(seq, user, event, f"ajs-next-{rng.getrandbits(128):032x}", at, properties)
