"""Which events a trigger speaks of by their names, wherever in it they stand, and of which of their properties."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from engine.language import tree
from engine.language.concerns import Definitions, leaves, states_in, used_segments

Mentions = dict[str, set[tree.Path]]
"""By name of event; `any` speaks of none in particular."""


def mentions(trigger: tree.Trigger, definitions: Definitions) -> Mentions:
    """Collect them, in the segments that it asks for too."""
    found: defaultdict[str, set[tree.Path]] = defaultdict(set)
    moments, states = list(_moments(trigger)), list(_states(trigger))
    states += [state for moment in moments for state in states_in(moment)]
    segments = used_segments([*states, *_segments(trigger)], definitions)
    selectors = [selector for moment in moments for selector in _selectors(moment)]
    for selector, paths in [
        *((selector, ()) for selector in selectors),
        *_asked([*states, *(state for state in segments.values() if state is not None)]),
        *_goal(trigger),
    ]:
        for choice in selector.choices:
            if choice.name is not None:
                found[choice.name].update(paths, paths_in(choice.where))
    return dict(found)


def paths_in(where: tree.Where | None) -> Iterator[tree.Path]:
    """The properties that are asked for."""
    match where:
        case None:
            pass
        case tree.NotWhere(part):
            yield from paths_in(part)
        case tree.AllWhere(parts) | tree.AnyWhere(parts):
            for part in parts:
                yield from paths_in(part)
        case _:
            yield where.path


def _moments(trigger: tree.Trigger) -> Iterator[tree.Moment]:
    yield trigger.when
    yield from (variant.when for variant in trigger.variants if variant.when is not None)
    if trigger.until is not None:
        yield trigger.until


def _states(trigger: tree.Trigger) -> Iterator[tree.State]:
    plans = [trigger.steps, *(variant.steps or () for variant in trigger.variants)]
    asked = [trigger.condition, *(step.condition for steps in plans for step in steps)]
    yield from (state for state in asked if state is not None)


def _segments(trigger: tree.Trigger) -> Iterator[tree.State]:
    if trigger.rollout_segment:
        yield tree.InSegment(trigger.rollout_segment)


def _goal(trigger: tree.Trigger) -> Iterator[tuple[tree.Selector, Iterable[tree.Path]]]:
    if trigger.goal is not None:
        yield trigger.goal.selector, () if trigger.goal.revenue is None else (trigger.goal.revenue,)


def _selectors(moment: tree.Moment) -> Iterator[tree.Selector]:
    match moment:
        case tree.Happens(selector) | tree.On(_, selector):
            yield selector
        case tree.Then(first, selector, without):
            yield selector
            if without is not None:
                yield without
            yield from _selectors(first)
        case tree.ThenNo(first, selector):
            yield selector
            yield from _selectors(first)
        case tree.Either(left, right):
            yield from _selectors(left)
            yield from _selectors(right)
        case tree.While(part):
            yield from _selectors(part)
        case tree.Becomes() | tree.For():
            pass


def _asked(states: Iterable[tree.State]) -> Iterator[tuple[tree.Selector, Iterable[tree.Path]]]:
    """The events that states look at, with what they ask of them beside their selectors."""
    for state in states:
        for leaf in leaves(state):
            match leaf:
                case tree.Seen(selector) | tree.Count(selector):
                    yield selector, ()
                case tree.Folded(_, selector, path):
                    yield selector, (path,)
                case tree.Last(selector, test):
                    yield selector, tuple(paths_in(test))
                case tree.Profile() | tree.InSegment():
                    pass
