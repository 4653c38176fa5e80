"""Random programs and streams for the properties of the core, made by the generator of the differential test."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from engine.core.decisions import Firing
from engine.core.events import Input, Millis
from engine.core.program import Program
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.files import load
from engine.simulate import read, received_at
from tests.reference.generator import case
from tests.reference.render import rules_text


@dataclass(frozen=True)
class World:
    """A program, and the inputs of one user in order, with the times at which they were received."""

    text: str
    program: Program
    inputs: tuple[tuple[Input, Millis], ...]

    @property
    def end(self) -> Millis:
        """A month after the last input."""
        return self.inputs[-1][1] + 30 * 86_400_000 if self.inputs else 0


def program_of(text: str, *, retention: Millis, history_after: Millis, history_limit: int | None = None) -> Program:
    loaded = load({"triggers": text}, retention=retention)
    return compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=retention,
        history_after=history_after,
        history_limit=history_limit,
    )


def world(seed: int) -> World:
    """One random program, and all inputs of a random case as if they were one user's."""
    made = case(Random(seed))
    text = rules_text(made.rules)
    program = program_of(text, retention=made.retention, history_after=made.history_after)
    inputs, clock = [], 0
    for seq, call in enumerate(made.inputs):
        clock = max(clock, received_at(call))
        inputs.append((read(call, clock, seq), clock))
    return World(text, program, tuple(inputs))


def worlds() -> st.SearchStrategy[World]:
    return st.integers(0, 2**32 - 1).map(world)


def lived(user: User, inputs: Iterator[tuple[Input, Millis]] | tuple[tuple[Input, Millis], ...]) -> list[Firing]:
    return [firing for item, now in inputs for firing in user.observe(item, now)]


def copied(user: User) -> User:
    """The same user over again, by way of a snapshot."""
    snapshot = user.snapshot(whole=True)
    return User.restore(snapshot.state, [snapshot.chunk] if snapshot.chunk else [], user.program)


def told(firings: list[Firing]) -> list[Any]:
    """All that must be the same of two runs."""
    return [(one.id, one.trigger, one.at, one.per, type(one.per), one.event) for one in firings]
