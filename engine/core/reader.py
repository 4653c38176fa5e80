"""How an event's properties are read: only those that some trigger mentions, and not before somebody asks.

A reader makes one small struct of an event instead of a table of everything that it bears, which takes a third of the
time; what nobody mentions is passed over.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec

from engine.core.events import JSON_OBJECT
from engine.core.where import Properties

_UNSPEAKABLE = re.compile(r'["\\\x00-\x1f]')
"""What msgspec does not take in the name of a field."""


class Reader:
    """Reads some properties. `fields` maps each to its attribute in what `from_json` and `from_msgpack` give.

    Both raise msgspec.DecodeError where the bytes are no object. What is missing is None, like what is null.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.fields = {key: f"p{number}" for number, key in enumerate(keys)}
        self.is_narrow = not any(_UNSPEAKABLE.search(key) for key in keys)
        """Whether it passes over what nobody mentions; without, all properties are read, into a table."""
        struct = (
            dict[str, Any]
            if not self.is_narrow
            else msgspec.defstruct(
                "Properties",
                [(field, Any, None) for field in self.fields.values()],
                rename={field: key for key, field in self.fields.items()},
                gc=False,
            )
        )
        self.from_json = msgspec.json.Decoder(struct).decode
        self.from_msgpack = msgspec.msgpack.Decoder(struct).decode

    def read(self, raw: bytes) -> Properties:
        """The properties as a table.

        Raises:
            msgspec.DecodeError: they are neither a JSON object nor a msgpack map.

        """
        found = self.from_json(raw) if raw[0] == JSON_OBJECT else self.from_msgpack(raw)
        if not self.is_narrow:
            return cast("Properties", found)
        return {key: getattr(found, field) for key, field in self.fields.items()}


@lru_cache(maxsize=1_000)
def reader_of(keys: tuple[str, ...]) -> Reader:
    """The reader of some properties; one for all programs that mention the same."""
    return Reader(keys)
