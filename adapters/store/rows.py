"""Values as they stand in the tables, and back."""

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from engine.core.decisions import Firing
from engine.core.events import encode, is_json
from engine.runtime.census import Seen, Shape
from engine.runtime.records import Decision, Dispatch, Entry, Published

_Kind = TypeVar("_Kind")

entries_to_bytes = msgspec.msgpack.Encoder().encode
entries_from_bytes = msgspec.msgpack.Decoder(list[Entry]).decode


def checksum(content: bytes, *place: int) -> bytes:
    """Of a blob and where it stands, 8 bytes; SQLite itself notices only damage to the structure of its pages."""
    return blake2b(content, digest_size=8, salt=b"".join(each.to_bytes(8, "big") for each in place)).digest()


def decision_row(decision: Decision, commits: int) -> tuple[Any, ...]:
    """A row of `decisions`, but for its id."""
    firing = decision.firing
    return firing.id, decision.name, firing.at, decision.version, encode(firing), commits


def dispatch_row(dispatch: Dispatch, commits: int) -> tuple[Any, ...]:
    """A row of `outbox`, but for its id."""
    content, address = encode(dispatch), dispatch.address
    return dispatch.id, dispatch.name, dispatch.state, dispatch.changed, content, commits, dispatch.destination, address


def seen(row: tuple[str, int, int, int, bytes]) -> Seen:
    """What a row of `events` says; nothing of a shape that is not there yet, or that another Impel has written."""
    name, number, since, last, content = row
    try:
        shape = read(content, Shape)
    except msgspec.DecodeError:
        shape = Shape()
    return Seen(name, number, since, last, shape)


def published(row: tuple[int, str | None, int | None, bytes]) -> Published:
    """What a row of either says: the commit, and for a decision its name and version, and the content."""
    commits, name, version, content = row
    if name is None or version is None:
        return Published(commits, read(content, Dispatch))
    return Published(commits, Decision(name, version, read(content, Firing)))


def read(content: bytes, kind: type[_Kind]) -> _Kind:
    """What `encode` wrote."""
    return msgspec.json.decode(content, type=kind) if is_json(content) else msgspec.msgpack.decode(content, type=kind)
