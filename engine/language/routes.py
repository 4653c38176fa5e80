"""From event names to what an event of that name concerns."""

from collections.abc import Mapping, Sequence

from engine.core import where
from engine.core.events import FEEDBACK
from engine.core.program import CompiledTrigger, Route
from engine.core.where import Predicate
from engine.language import tree
from engine.language.concerns import Concerns
from engine.language.predicates import predicate


def lay_routes(
    triggers: Sequence[CompiledTrigger],
    concerns: Mapping[str, Concerns],
    selectors: Mapping[int, tree.Selector],
    reads: bool,
) -> tuple[dict[str, Route], Route]:
    """The routes of the names that some selector mentions or that `any` passes by, and the route of all others."""
    mentioned = {
        choice.name for selector in selectors.values() for choice in selector.choices if choice.name is not None
    }

    def route(name: str | None) -> Route:
        taking = tuple(
            (key, _asked(choices)) for key, selector in selectors.items() if (choices := _choices(selector, name))
        )
        return Route(
            selectors=taking,
            triggers=tuple(each for each in triggers if _mentions(concerns[each.name].selectors, name)),
            by_segment=tuple(each for each in triggers if _mentions(concerns[each.name].by_segment, name)),
            reads=reads or any(asked for _key, asked in taking),
        )

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


def _mentions(selectors: set[tree.Selector], name: str | None) -> bool:
    return any(_choices(selector, name) for selector in selectors)
