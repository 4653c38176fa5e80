"""What a person looks at most: the value of a property, over the last month, for a call to action."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from engine.core.events import Millis, decode
from engine.core.timeline import Recorded
from engine.core.where import follow, kind

WINDOW: Millis = 30 * 86_400_000
"""How far back it counts."""

_LOOKS = ("view", "click", "seen")
"""An event is one of looking if its name has one of these in it."""


class Favourites(Mapping[str, Any]):
    """By property (a dot leads into an object), its most frequent value; of several, the latest. Found when asked for.

    It counts the events of looking in the last month: those whose names speak of viewing, clicking or seeing.
    """

    def __init__(self, newest_first: Sequence[Recorded], now: Millis) -> None:
        self._newest_first = newest_first
        self._now = now
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self._favourite(name)
        if self._found[name] is None:
            raise KeyError(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """None are known before they are asked for."""
        return iter(())

    def __len__(self) -> int:
        return 0

    @cached_property
    def _looks(self) -> list[Recorded]:
        return [
            record
            for record in self._newest_first
            if self._now - record.ts < WINDOW and any(word in record.name.lower() for word in _LOOKS)
        ]

    def _favourite(self, name: str) -> Any:
        path = tuple(name.split("."))
        values = [value for record in self._looks if kind(value := follow(decode(record.properties), path)) is not None]
        counted = Counter(map(str, values))
        most = max(counted.values(), default=0)
        return next((value for value in values if counted[str(value)] == most), None)


def cart_of(newest_first: Sequence[Recorded], per: object) -> Recorded | None:
    """The latest event that lists what is in a cart; of one cart, where a property bears the value of `per`.

    Carts are listed as `items` or, in the words of the Segment specification, `products`.
    """
    for record in newest_first:
        if b"items" not in record.properties and b"products" not in record.properties:
            continue  # without decoding what is most of a long past
        said = decode(record.properties)
        lists = isinstance(said.get("items"), list) or isinstance(said.get("products"), list)
        if lists and (per is None or per in [value for value in said.values() if isinstance(value, str | int | float)]):
            return record
    return None
