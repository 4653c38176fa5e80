"""Properties and traits: raw objects, and what no engine could reckon with kept out."""

import math
import re
from typing import Any

import msgspec

from engine.core.events import NOTHING, decode

_DIGITS = 300
_PAST = 10**_DIGITS
_MANY_DIGITS = re.compile(rb"[0-9]{%d}" % (_DIGITS + 1))
_NULLS = (b"", b"null", b"\xc0")
_JSON = b"{"


def read_object(raw: msgspec.Raw, field: str) -> bytes:
    """Raw properties or traits, known to be readable; copied, or they would hold the whole frame in memory.

    Raises:
        ValueError: they are no object with text for keys, or hold a number that is not taken; the text says which.

    """
    copy = bytes(raw)
    if copy in _NULLS:
        return NOTHING
    try:
        content = decode(copy)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"`{field}` must be an object with text for keys: {fault}") from fault
    if not copy.startswith(_JSON) or _MANY_DIGITS.search(copy):  # else it has nothing to look for
        _check(content, field)
    return copy


def _check(content: dict[str, Any], field: str) -> None:
    """Look through it at every depth for what only msgpack can say, and for numbers past all measure."""
    waiting: list[Any] = [content]
    while waiting:
        match waiting.pop():
            case dict() as inner:
                if not all(isinstance(key, str) for key in inner):
                    raise ValueError(f"`{field}` must have text for keys at every depth")
                waiting.extend(inner.values())
            case list() as items:
                waiting.extend(items)
            case float() as number if not math.isfinite(number):
                raise ValueError(f"`{field}` holds {number}, which is no number to reckon with")
            case int() as number if abs(number) >= _PAST:
                raise ValueError(f"`{field}` holds a number of more than {_DIGITS} digits")
