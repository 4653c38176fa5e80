"""What the rules of sending ask of a message: the keys of its file that say what it is, and what it costs."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from engine.core.sending.policy import Facts, Over, Purpose

KEYS = frozenset({"purpose", "channel", "tags", "weight", "over"})

_CHOICES: Mapping[str, tuple[str, ...]] = {"purpose": get_args(Purpose), "over": get_args(Over)}

Fail = Callable[[str, str], None]
"""Told a key, and what is wrong with its value."""


def read_facts(keys: Mapping[str, Any], fail: Fail, *, mail: bool) -> Facts:
    """The facts of a message; of use only if nothing was wrong."""
    found: dict[str, Any] = {"channel": "email" if mail else str(keys.get("destination"))}
    for key in KEYS & keys.keys():
        value = keys[key]
        wanted = _wanted(key, value)
        if wanted:
            fail(key, f"`{key}` is {wanted}")
        elif key == "weight":
            found[key] = float(value)
        elif key == "tags":
            found[key] = tuple(map(str, value if isinstance(value, list) else [value]))
        else:
            found[key] = str(value)
    return Facts(**found)


def _wanted(key: str, value: Any) -> str:
    """What a key's value is to be; empty where it is."""
    if key in _CHOICES:
        return "" if value in _CHOICES[key] else " or ".join(f"`{each}`" for each in _CHOICES[key])
    if key == "weight":
        right = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
        return "" if right else "a number, 0 or more"
    words = value if isinstance(value, list) and key == "tags" else [value]
    right = all(isinstance(each, str) and each and not set(each) & set(" \t\n") for each in words)
    return "" if right else "a word" + (", or a list of words" if key == "tags" else "")
