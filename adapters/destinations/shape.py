"""What a message to a service may say: checked when the files are loaded, as far as it stands there, and when sent.

What a template will fill in is `...` until then, and may be anything.
"""

import re
from collections.abc import Iterator, Mapping
from types import EllipsisType
from typing import Any, Literal, NamedTuple

from engine.language.errors import did_you_mean

Kind = Literal["text", "number", "object", "texts", "list"]

_KINDS: Mapping[Kind, str] = {
    "text": "a text",
    "number": "a number",
    "object": "an object, such as `{name: value}`",
    "texts": "an object of texts",
    "list": "a list of texts",
}


class Field(NamedTuple):
    """One field of a message; `longest` is in characters, of a list's each, or, of an object, in entries."""

    kind: Kind
    required: bool = False
    longest: int = 0
    pattern: str = ""
    """What a text must look like as a whole; empty: as it likes."""
    hint: str = ""
    """What to write instead of a text that does not."""


Fields = Mapping[str, Field]

Ways = tuple[tuple[str, ...], ...]
"""Fields that make a message together: it has all of one of these."""


def faults(data: Mapping[str, Any], fields: Fields) -> Iterator[tuple[str, str]]:
    """All that is wrong with a message's data: the field, and what is wrong with it and what to write instead."""
    for name in data:
        if name not in fields:
            hint = did_you_mean(name, fields, f"there are {', '.join(f'`{each}`' for each in fields)}")
            yield name, f"there is no field `{name}`; {hint}"
    for name, field in fields.items():
        value = data.get(name)
        if value is None or value == "":
            if field.required:
                yield (
                    name,
                    f"`{name}` is missing: it is {_KINDS[field.kind]}" + (f", {field.hint}" if field.hint else ""),
                )
        elif not isinstance(value, EllipsisType) and (fault := _fault(name, value, field)):
            yield name, fault


def lacking(data: Mapping[str, Any], ways: Ways) -> str:
    """What a message's data needs besides to be one; empty: nothing."""
    if not ways or any(all(data.get(name) not in {None, ""} for name in way) for way in ways):
        return ""
    return f"a message needs {', or '.join(' and '.join(f'`{name}`' for name in way) for way in ways)}"


def _fault(name: str, value: Any, field: Field) -> str:
    if not _is(value, field.kind):
        return f"`{name}` is {_KINDS[field.kind]}"
    if isinstance(value, list):
        texts = [each for each in value if isinstance(each, str)]
        return next((fault for each in texts if (fault := _fault(name, each, field._replace(kind="text")))), "")
    if field.longest and isinstance(value, str | dict) and len(value) > field.longest:
        unit = "characters" if isinstance(value, str) else "entries"
        return f"`{name}` has {len(value)} {unit}; at most {field.longest} are taken"
    if field.pattern and isinstance(value, str) and not re.fullmatch(field.pattern, value):
        return f"`{name}` cannot be {value!r}; {field.hint}"
    return ""


def _is(value: Any, kind: Kind) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "texts":
            return isinstance(value, dict) and all(isinstance(each, str | EllipsisType) for each in value.values())
        case "list":
            return isinstance(value, list) and all(isinstance(each, str | EllipsisType) for each in value)
