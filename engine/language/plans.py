"""From what triggers send to what the core runs: arms, the conditions of their steps, and the companions of triggers.

A state or a moment that is asked of messages on their way bears a key, the same for the same meaning: a message is due
by it for as long as it may go, whatever becomes of its trigger's text meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate

from engine.core import where
from engine.core.plan import Arm, Condition, Goal, Send
from engine.core.program import Role
from engine.core.states import State
from engine.language import tree
from engine.language.concerns import Concerns, Definitions, states_in, used_segments


@dataclass(frozen=True, slots=True)
class Companion:
    """A trigger that fires nothing, but stands beside another, of which it is."""

    trigger: tree.Trigger
    role: Role
    of: tree.Trigger
    key: str = ""
    """Of the `until` that it is."""
    per: tree.Path | None = None
    """The property whose value tells what is ended."""


def companions(triggers: Sequence[tree.Trigger], definitions: Definitions) -> Iterator[Companion]:
    """The companions of some triggers; one `until` that several have is one."""
    seen: set[str] = set()
    for trigger in triggers:
        key = until_key(trigger, definitions)
        if trigger.until is not None and key not in seen:
            seen.add(key)
            yield Companion(_ending(trigger, key), "ends", trigger, key, trigger.per)
        if trigger.goal is not None:
            reached = tree.Trigger(f"{trigger.name} → goal", tree.Happens(trigger.goal.selector), "goal")
            yield Companion(reached, "goal", trigger)
        if looks(trigger) and (first := _any_of(trigger, definitions)) is not None:
            yield Companion(tree.Trigger(f"{trigger.name} → look", first, "look"), "look", trigger)


def _ending(trigger: tree.Trigger, key: str) -> tree.Trigger:
    """The moment of an `until`, as a trigger of its own.

    It looks at the whole timeline, for an event that bears no value of `per` ends what is due by any.
    """
    assert trigger.until is not None  # noqa: S101  the caller has looked
    return tree.Trigger(f"until {key}", trigger.until, trigger.until_text)


def looks(trigger: tree.Trigger) -> bool:
    """Whether the variants of a trigger differ in `when`."""
    return any(variant.when is not None for variant in trigger.variants)


def split(trigger: tree.Trigger) -> Iterator[tuple[tree.Trigger, frozenset[str] | None]]:
    """A trigger, and one more for each variant with a `when` of its own, each with the names of its arms."""
    if not looks(trigger):
        yield trigger, None
        return
    yield trigger, frozenset(variant.name for variant in trigger.variants if variant.when is None)
    for variant in trigger.variants:
        if variant.when is not None:
            name = f"{trigger.name} → {variant.name}"
            yield replace(trigger, name=name, when=variant.when, when_text=variant.when_text), frozenset({variant.name})


def arms(trigger: tree.Trigger, definitions: Definitions) -> tuple[Arm, ...]:
    """The arms of a trigger."""
    if not trigger.variants:
        return (Arm("", 1.0, _sends(trigger.steps, definitions)),)
    whole = sum(variant.weight for variant in trigger.variants)
    upto = accumulate(variant.weight / whole for variant in trigger.variants)
    return tuple(
        Arm(variant.name, share, _sends(trigger.steps if variant.steps is None else variant.steps, definitions))
        for variant, share in zip(trigger.variants, upto, strict=True)
    )


def conditions(
    triggers: Iterable[tree.Trigger], definitions: Definitions, compiled: Callable[[tree.State], State]
) -> dict[str, Condition]:
    """The conditions of all steps, by key."""
    return {
        condition_key(step.condition, definitions): Condition(compiled(step.condition), step.condition_text)
        for trigger in triggers
        for step in steps_of(trigger)
        if step.condition is not None
    }


def steps_of(trigger: tree.Trigger) -> Iterator[tree.Step]:
    """All steps of a trigger, of whatever variant."""
    for steps in (trigger.steps, *(variant.steps or () for variant in trigger.variants)):
        yield from steps


def goal(trigger: tree.Trigger) -> Goal | None:
    """The goal of a trigger."""
    if trigger.goal is None:
        return None
    revenue = trigger.goal.revenue
    return Goal(trigger.goal.within, None if revenue is None else where.lookup(revenue))


def until_key(trigger: tree.Trigger, definitions: Definitions) -> str:
    """The key of a trigger's `until`; empty if it has none."""
    if trigger.until is None:
        return ""
    return _key((trigger.until, trigger.per), states_in(trigger.until), definitions)


def condition_key(state: tree.State, definitions: Definitions) -> str:
    """The key of a step's condition."""
    return _key(state, [state], definitions)


def _key(meaning: object, states: Iterable[tree.State], definitions: Definitions) -> str:
    used = sorted(used_segments(states, definitions).items(), key=lambda each: each[0])
    return blake2b(repr((meaning, used)).encode(), digest_size=8).hexdigest()


def _sends(steps: Iterable[tree.Step], definitions: Definitions) -> tuple[Send, ...]:
    return tuple(
        Send(message, step.after, "" if step.condition is None else condition_key(step.condition, definitions))
        for step in steps
        for message in step.messages
    )


def _any_of(trigger: tree.Trigger, definitions: Definitions) -> tree.Moment | None:
    """Any event that one of the variants looks at; None where none looks at any."""
    whens = [trigger.when, *(variant.when for variant in trigger.variants if variant.when is not None)]
    selectors = [selector for when in whens for selector in Concerns.of(when, definitions).selectors]
    choices = dict.fromkeys(choice for selector in selectors for choice in selector.choices)
    return tree.Happens(tree.Selector(tuple(choices))) if choices else None
