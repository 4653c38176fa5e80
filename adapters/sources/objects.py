"""Properties and traits: raw objects, and what no engine could reckon with kept out."""

import math
import re
import sys
from typing import Annotated, Any

import msgspec

from engine.core.events import NOTHING, decode

_DIGITS = 300
_PAST = 10**_DIGITS
_MANY_DIGITS = re.compile(rb"[0-9]{%d}" % (_DIGITS + 1))
_NULLS = (b"", b"null", b"\xc0")
_JSON = b"{"

_Int = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Float = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
_Plain = bool | _Int | _Float | str | None
_Flat = dict[str, _Plain]
_Usual = dict[str, bool | _Int | _Float | str | list[_Plain | _Flat] | _Flat | None]
"""What most properties are like, and what nothing is the matter with."""

_usual_json = msgspec.json.Decoder(_Usual).decode
_usual_msgpack = msgspec.msgpack.Decoder(_Usual).decode
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_object(raw: msgspec.Raw, field: str) -> bytes:
    """Raw properties or traits, known to be readable; copied, or they would hold the whole frame in memory.

    Raises:
        ValueError: they are no object with text for keys, or hold a number that is not taken; the text says which.

    """
    copy = bytes(raw)
    if copy in _NULLS:
        return NOTHING
    try:
        (_usual_json if copy.startswith(_JSON) else _usual_msgpack)(copy)
    except _FAULTS:
        _look_through(copy, field)
    return copy


def _look_through(copy: bytes, field: str) -> None:
    """Look at an unusual object; raises as `read_object` does."""
    try:
        content = decode(copy)
    except _FAULTS as fault:
        raise ValueError(f"`{field}` must be an object with text for keys: {fault}") from fault
    if not copy.startswith(_JSON) or _MANY_DIGITS.search(copy):  # else it has nothing to look for
        _check(content, field)


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
