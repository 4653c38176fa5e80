"""A trigger as it is for one person, taken apart: every part of it is a trigger of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.core.events import Millis
from engine.core.program import CompiledTrigger, NoHandlers, Program
from engine.language import tree
from engine.language.compiler import compile_triggers
from engine.language.concerns import used_segments

Node = tree.Moment | tree.State


class Plan:
    """A trigger, and what its parts were made into."""

    def __init__(
        self, trigger: tree.Trigger, segments: Sequence[tree.Segment], *, retention: Millis, history_after: Millis
    ) -> None:
        self.trigger = replace(trigger, variants=(), steps=(), until=None, goal=None, backfill=False)
        self.definitions = {segment.name: segment.state for segment in segments}
        self.retention = retention
        self._names: dict[tuple[bool, str], str] = {}
        self._only_asked: list[str] = []
        parts = [self.trigger, *self._parts()]
        compiled = compile_triggers(parts, segments, retention=retention, history_after=history_after)
        self.program: Program = replace(compiled, handlers=NoHandlers())
        self.root = self.program.by_name[trigger.name]
        self.states = frozenset(self.program.by_name[name] for name in self._only_asked)
        """What states were made into: they are asked, and nobody wants to hear when they become true."""

    @property
    def asked_at_firing(self) -> list[tree.State]:
        """The states that are asked of the whole timeline at a firing: its `if`, the segment of `rollout`."""
        only = tree.InSegment(self.trigger.rollout_segment) if self.trigger.rollout_segment else None
        return [state for state in (self.trigger.condition, only) if state is not None]

    def of(self, node: Node, *, whole: bool) -> CompiledTrigger:
        """What a part was made into; `whole`: over the whole timeline, not over a value of `per`."""
        return self.program.by_name[self._names[self._is_whole(whole), repr(node)]]

    def _is_whole(self, whole: bool) -> bool:
        return whole or self.trigger.per is None

    def _parts(self) -> Iterator[tree.Trigger]:
        for node in _moments(self.trigger.when):
            yield from self._part(node, whole=False)
        for state in _states(self.trigger.when):
            yield from self._state(state, whole=False)
        for state in self.asked_at_firing:
            yield from self._state(state, whole=True)

    def _state(self, state: tree.State, *, whole: bool) -> Iterator[tree.Trigger]:
        for node in _below(state):
            yield from self._part(node, whole=whole)
        for definition in used_segments([state], self.definitions).values():
            if definition is not None:
                for node in _below(definition):
                    yield from self._part(node, whole=True)

    def _part(self, node: Node, *, whole: bool) -> Iterator[tree.Trigger]:
        key = self._is_whole(whole), repr(node)
        if key not in self._names:
            name = self._names[key] = f"part {len(self._names)} of {self.trigger.name}"
            when = node if isinstance(node, tree.Moment) else tree.Becomes(node)
            if when is not node:
                self._only_asked.append(name)
            yield tree.Trigger(name, when, "", per=None if key[0] else self.trigger.per)


def _moments(moment: tree.Moment) -> Iterator[tree.Moment]:
    """A moment and all its parts that are moments."""
    yield moment
    match moment:
        case tree.Then(first) | tree.ThenNo(first) | tree.While(first):
            yield from _moments(first)
        case tree.Either(left, right):
            yield from _moments(left)
            yield from _moments(right)


def _states(moment: tree.Moment) -> Iterator[tree.State]:
    """The states that a moment and its parts ask."""
    for part in _moments(moment):
        match part:
            case tree.Becomes(state) | tree.For(state) | tree.On(state) | tree.While(_, state):
                yield state


def _below(state: tree.State) -> Iterator[tree.State]:
    """A state and all its parts."""
    yield state
    match state:
        case tree.Not(part):
            yield from _below(part)
        case tree.And(left, right) | tree.Or(left, right):
            yield from _below(left)
            yield from _below(right)
