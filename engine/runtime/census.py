"""What events there are: counted by name, with the shapes of their properties, out of the batches that are written.

A store keeps a census of what it writes, in the same transaction, so that the counts are exact whatever happens to the
process. Shapes are samples: of a name the first events are looked at, and then one in a second, and of a batch never
more than a few, so that a fast stream pays next to nothing for them. No value is kept.

A shop that makes names or properties up, one for each person say, must not make it grow. Of more names than are kept
the tenth that came least often goes, and is counted together under the name of no event.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

from engine.core.events import Millis, Track, decode
from engine.runtime.records import Batch, Entry

NAMES = 500
"""Names of events that are kept."""

OTHERS = ""
"""The name under which those are counted that are not kept; no event is called so."""

_FEWER = NAMES * 9 // 10
_LONGEST = 200
"""Characters of a name, or of the path of a property, that is kept."""

_PATHS = 100
"""Properties that are kept of a name, and kinds of violations."""

_FIRST, _PAUSE = 100, 1_000
"""Events of a name of which each is looked at; then, milliseconds from one to the next."""

_LOOKS = 30
"""Events of a batch that are looked at."""

_DEPTH, _ITEMS, _VALUES = 6, 20, 1_000
"""How deep properties are followed, how many items of a list are looked at, and how many values of an event."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")

Kind = Literal["string", "number", "boolean", "list", "object", "null", "other"]

_KINDS: dict[type, Kind] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "object",
    type(None): "null",
}


class Shape(msgspec.Struct):
    """What the properties of an event are like, as far as they were looked at, and what its schema says of them."""

    looked: int = 0
    """Events that were looked at."""
    properties: dict[str, dict[str, int]] = {}
    """For each path the types seen there, and in how many of those events."""
    cut: int = 0
    """How often something was left out: past what is kept, or too deep or long."""
    violations: dict[str, dict[str, int]] = {}
    """By path and keyword of the schema: in how many events, of all that came in, it was broken."""

    def look(self, properties: Mapping[str, Any]) -> None:
        """Look at an event."""
        self.looked += 1
        values = list(islice(kinds_in(properties), _VALUES + 1))
        self.cut += len(values) > _VALUES
        for path, kind in dict.fromkeys(values[:_VALUES]):
            self._count(self.properties, path, kind, 1)

    def violated(self, path: str, keyword: str, number: int) -> None:
        """So many events broke their schema there."""
        self._count(self.violations, path, keyword, number)

    def _count(self, kept: dict[str, dict[str, int]], path: str, what: str, number: int) -> None:
        if path not in kept and (len(kept) >= _PATHS or len(path) > _LONGEST):
            self.cut += 1
            return
        found = kept.setdefault(path, {})
        found[what] = found.get(what, 0) + number


class Seen(msgspec.Struct):
    """What is known of the events of one name."""

    name: str
    number: int = 0
    """How many have been taken."""
    since: Millis = 0
    """When the first came in."""
    last: Millis = 0
    shape: Shape = msgspec.field(default_factory=Shape)
    looked_at: Millis = 0
    """When one was looked at; 0 where that is not known any more."""


class Changes(NamedTuple):
    """What a batch has changed, each by name."""

    counted: dict[str, Seen]
    shaped: dict[str, Seen]
    """Those whose shapes have changed too."""
    gone: list[str]


class Census:
    """The events that were written so far, beginning with those found in a store."""

    def __init__(self, found: Iterable[Seen] = ()) -> None:
        self.seen = {seen.name: seen for seen in found}

    def take(self, batch: Batch, now: Millis) -> Changes:
        """Count what is in a batch."""
        changes, looks = Changes({}, {}, []), _LOOKS
        for name, entries in _by_name(batch.entries).items():
            seen = changes.counted[name] = self._of(name, entries[0].now)
            seen.number += len(entries)
            seen.last = max(seen.last, entries[-1].now)
            if name != OTHERS and (looked := _look(seen, entries[:looks])):
                changes.shaped[name] = seen
                looks -= looked
        for violation, number in batch.violations.items():
            seen = self._of(violation.event, now)
            seen.shape.violated(violation.path, violation.keyword, number)
            changes.counted[seen.name] = changes.shaped[seen.name] = seen
        if len(self.seen) > NAMES:
            self._let_go(changes)
        return changes

    def _of(self, name: str, now: Millis) -> Seen:
        found = self.seen.get(name)
        if found is None:
            found = self.seen[name] = Seen(name, since=now, last=now)
        return found

    def _let_go(self, changes: Changes) -> None:
        """Count those together that came least often, of equals those longest ago; what broke a schema stays."""
        named = sorted((seen for seen in self.seen.values() if seen.name), key=_worth)
        others = changes.counted[OTHERS] = self._of(OTHERS, named[0].since)
        for seen in named[: len(named) - _FEWER]:
            others.number += seen.number
            others.since, others.last = min(others.since, seen.since), max(others.last, seen.last)
            del self.seen[seen.name]
            changes.gone.append(seen.name)
            changes.counted.pop(seen.name, None)
            changes.shaped.pop(seen.name, None)


def _worth(seen: Seen) -> tuple[bool, int, Millis]:
    return bool(seen.shape.violations), seen.number, seen.last


def kinds_in(properties: Mapping[str, Any]) -> Iterator[tuple[str, Kind]]:
    """The path of each value, as a condition names it, and its type; `[]` stands for each item of a list."""
    for key, value in properties.items():
        yield from _walk(value, step("", key), 1)


def step(path: str, key: str | int) -> str:
    """The path of what stands at a key of the object at `path`, or at a place of the list."""
    if isinstance(key, int):
        return f"{path}[]"
    name = key if _WORD.fullmatch(key) else msgspec.json.encode(key).decode()
    return f"{path}.{name}" if path else name


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Kind]]:
    yield path, _KINDS.get(type(value), "other")
    if depth == _DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, step(path, key), depth + 1)
    elif isinstance(value, list):
        for item in value[:_ITEMS]:
            yield from _walk(item, step(path, 0), depth + 1)


def _by_name(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    """The turns that are events, those of one name together."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if type(entry.item) is Track:
            found[entry.item.name].append(entry)
    for name in [name for name in found if len(name) > _LONGEST]:
        found[OTHERS] += found.pop(name)
    return found


def _look(seen: Seen, entries: Iterable[Entry]) -> int:
    """Look at those events whose turn it is; how many they are."""
    before = seen.shape.looked
    for entry in entries:
        if seen.shape.looked >= _FIRST and entry.now - seen.looked_at < _PAUSE:
            break
        if isinstance(entry.item, Track):
            seen.looked_at = entry.now
            seen.shape.look(_properties(entry.item))
    return seen.shape.looked - before


def _properties(event: Track) -> Mapping[str, Any]:
    """The properties; none where nobody could read them, which the event's own turn has told."""
    try:
        return decode(event.properties)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
