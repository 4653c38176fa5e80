"""What is asked of one event's properties, or of a profile's traits: predicates.

A comparison with a missing or null property, or between unlike types, is false, `!=` included. Numbers are one type;
booleans are not numbers.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.events import Scalar

Properties = Mapping[str, Any]
Predicate = Callable[[Properties], bool]
Lookup = Callable[[Properties], Any]

_KINDS: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def kind(value: object) -> str | None:
    """`boolean`, `number` or `string`; None for what is no scalar, as is a float that is no number."""
    if type(value) is float and not math.isfinite(value):
        return None
    return _KINDS.get(type(value))


Key = int | float | str | tuple[bool]


def scalar_key(value: Scalar) -> Key:
    """A key under which scalars that compare equal in the language meet: 1 and 1.0 do, 1 and true do not."""
    return (value,) if type(value) is bool else value


def lookup(path: Sequence[str]) -> Lookup:
    """A function that follows a path into nested objects; None where it leads nowhere."""
    if len(path) == 1:
        only = path[0]
        return lambda properties: properties.get(only)

    return lambda properties: follow(properties, path)


def follow(found: Any, path: Sequence[str]) -> Any:
    """What stands at a path below something; None where it leads nowhere."""
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def compare(path: Sequence[str], op: str, value: Scalar) -> Predicate:
    """`path op value`."""
    find, test, wanted = lookup(path), COMPARISONS[op], kind(value)

    def compares(properties: Properties) -> bool:
        found = find(properties)
        return _KINDS.get(type(found)) == wanted and test(found, value)

    return compares


def one_of(path: Sequence[str], values: Sequence[Scalar]) -> Predicate:
    """`path in [...]`."""
    find, keys = lookup(path), frozenset(map(scalar_key, values))

    def is_one(properties: Properties) -> bool:
        found = find(properties)
        return type(found) in _KINDS and scalar_key(found) in keys

    return is_one


def contains(path: Sequence[str], value: Scalar) -> Predicate:
    """`path contains value`: a substring of a string, a member of a list."""
    find, has = lookup(path), holds(value)
    return lambda properties: has(find(properties))


def holds(value: Scalar) -> Callable[[Any], bool]:
    """Whether something has that value for a member, or as a part of its text."""
    key = scalar_key(value)

    def has(found: Any) -> bool:
        if isinstance(found, str):
            return isinstance(value, str) and value in found
        if isinstance(found, list | tuple):
            return any(type(member) in _KINDS and scalar_key(member) == key for member in found)
        return False

    return has


def exists(path: Sequence[str]) -> Predicate:
    """`exists(path)`: there, and not null."""
    find = lookup(path)
    return lambda properties: find(properties) is not None


def negation(part: Predicate) -> Predicate:
    """`not part`."""
    return lambda properties: not part(properties)


def conjunction(parts: Sequence[Predicate]) -> Predicate:
    """All of them."""
    if len(parts) == 1:
        return parts[0]
    return lambda properties: all(part(properties) for part in parts)


def disjunction(parts: Sequence[Predicate]) -> Predicate:
    """Any of them."""
    if len(parts) == 1:
        return parts[0]
    return lambda properties: any(part(properties) for part in parts)
