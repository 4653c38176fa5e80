"""Rows for the tests of the stores."""

from typing import Any

from engine.core.decisions import Firing
from engine.core.events import INF, Track
from engine.runtime.records import Batch, Decision, Dispatch, Entry, Save, Version


def entry(number: int, name: str = "k:u", horizon: int = INF) -> Entry:
    return Entry(number, name, number * 10, Track(number, "view", number * 10, b'{"a":1}', f"m{number}"), horizon)


def save(name: str = "k:u", number: int = 1, **fields: Any) -> Save:
    made = Save(name, number, 1, INF, 10, b"state", b"chunk", whole=False, bare=False)
    return made._replace(**fields)


def firing(number: int, per: Any = None, at: int = 10) -> Firing:
    return Firing(f"f{number}", "left", "u", at, per, number, ("hello",))


def decision(number: int, per: Any = None, at: int = 10) -> Decision:
    return Decision("k:u", 1, firing(number, per, at))


def dispatch(number: int, **fields: Any) -> Dispatch:
    made: dict[str, Any] = {"state": "due", "changed": number} | fields
    return Dispatch(f"f{number}:hello", "k:u", "hello", "there", firing(number), **made)


def version(number: int, at: int = 5) -> Version:
    return Version(number, at, "d" * 8, b"triggers: {}")


def batch(**fields: Any) -> Batch:
    made = Batch()
    for name, value in fields.items():
        setattr(made, name, value)
    return made
