"""From event names to what an event of that name concerns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.core import where
from engine.core.events import FEEDBACK
from engine.core.program import CompiledTrigger, Feeds, Route, Taker
from engine.core.reader import reader_of
from engine.core.where import Predicate
from engine.language import tree
from engine.language.predicates import mentioned_in, predicate


@dataclass(frozen=True, slots=True)
class Selected:
    """A selector, with what its events feed and whom they concern, whatever their name."""

    key: int
    selector: tree.Selector
    whole: Feeds
    by_value: tuple[Feeds, ...]
    silence: tuple[Feeds, ...]
    triggers: tuple[CompiledTrigger, ...]
    by_segment: tuple[CompiledTrigger, ...]
    asked: Mapping[int, tree.Path | tree.Where]
    """What its feeds, by key, want of the properties: what stands at a path, or whether a test holds."""

    def taker(self, choices: Sequence[tree.Choice]) -> Taker:
        """The selector as it meets the events that these of its choices may take."""
        return Taker(self.key, _asked(choices), self.whole, self.by_value, self.silence, self.triggers, self.by_segment)


def lay_routes(selected: Sequence[Selected], paths: Sequence[tree.Path]) -> tuple[dict[str, Route], Route]:
    """The routes of the names that some selector mentions or that `any` passes by, and the route of all others.

    `paths` are the properties that `per` speaks of, whatever the event.
    """
    mentioned = {choice.name for each in selected for choice in each.selector.choices if choice.name is not None}

    def route(name: str | None) -> Route:
        found = [(each, choices) for each in selected if (choices := choices_for(each.selector, name))]
        keys = {path[0] for path in paths} | {key for each, choices in found for key in _read_for(each, choices)}
        return Route(
            tuple(each.taker(choices) for each, choices in found), reader_of(tuple(sorted(keys))) if keys else None
        )

    return {name: route(name) for name in sorted(mentioned | FEEDBACK)}, route(None)


def _read_for(selected: Selected, choices: Sequence[tree.Choice]) -> Iterator[str]:
    """The properties that must be read of an event which these choices may take."""
    for choice in choices:
        if choice.where is not None:
            yield from mentioned_in(choice.where)
    for asked in selected.asked.values():
        yield from [asked[0]] if isinstance(asked, tuple) else mentioned_in(asked)


def choices_for(selector: tree.Selector, name: str | None) -> list[tree.Choice]:
    """The choices that may take an event of that name; None stands for a name that is mentioned nowhere."""
    return [
        choice
        for choice in selector.choices
        if (choice.name is None and name not in FEEDBACK) or (choice.name is not None and choice.name == name)
    ]


def _asked(choices: Sequence[tree.Choice]) -> Predicate | None:
    """What the choices ask of the properties: None if one of them asks nothing."""
    asked = [choice.where for choice in choices]
    return None if None in asked else where.disjunction([predicate(each) for each in asked if each is not None])
