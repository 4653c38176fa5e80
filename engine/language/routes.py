"""From event names to what an event of that name concerns."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core import where
from engine.core.events import FEEDBACK
from engine.core.program import CompiledTrigger, Feeds, Route, Taker
from engine.core.where import Predicate
from engine.language import tree
from engine.language.predicates import predicate


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

    def taker(self, choices: Sequence[tree.Choice]) -> Taker:
        """The selector as it meets the events that these of its choices may take."""
        return Taker(self.key, _asked(choices), self.whole, self.by_value, self.silence, self.triggers, self.by_segment)


def lay_routes(selected: Sequence[Selected], *, reads: bool) -> tuple[dict[str, Route], Route]:
    """The routes of the names that some selector mentions or that `any` passes by, and the route of all others.

    `reads` says that the properties are needed whatever the selectors ask.
    """
    mentioned = {choice.name for each in selected for choice in each.selector.choices if choice.name is not None}

    def route(name: str | None) -> Route:
        takers = tuple(each.taker(choices) for each in selected if (choices := _choices(each.selector, name)))
        return Route(takers, reads or any(taker.asks for taker in takers))

    return {name: route(name) for name in sorted(mentioned | FEEDBACK)}, route(None)


def _choices(selector: tree.Selector, name: str | None) -> list[tree.Choice]:
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
