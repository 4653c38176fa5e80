"""What the tests of the runtime plug in where the outside would be."""

from collections.abc import Mapping
from typing import Any

import trio

from engine.core.program import Program
from engine.language.compiler import compile_triggers
from engine.language.files import load

DAY = 86_400_000


class Quiet:
    """Telemetry that keeps what it is told."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.lateness: list[float] = []
        self.turns = 0
        self.deliveries: list[str] = []

    def decided(self, trigger: str, outcome: str) -> None:
        self.decisions.append((trigger, outcome))

    def turn(self, seconds: float) -> None:
        assert seconds >= 0
        self.turns += 1

    def late(self, seconds: float) -> None:
        self.lateness.append(seconds)

    def sent(self, destination: str, seconds: float) -> None:
        assert seconds >= 0
        self.deliveries.append(destination)


class Plain:
    """A renderer whose messages all say what they were given, by the destination `there`."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.contexts: list[Mapping[str, Any]] = []

    def destination_of(self, name: str) -> str:
        assert name in self.names
        return "there"

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        self.contexts.append(context)
        return {"message": message, "user": context["user"]}


def compiled(triggers: str) -> Program:
    loaded = load({"triggers.yaml": triggers})
    return compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY)


def trio_clock() -> int:
    """The virtual clock, in milliseconds."""
    return round(trio.current_time() * 1_000)
