"""Moments of the reference: what becomes known at a step, found by walking the whole history every time.

A watch remembers only what the definitions themselves speak of: which occurrences are known already, how each state
stood at the step before, since when a `for` runs, and when the trigger last fired.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from tests.reference.states import Event, World, holds, takes
from tests.reference.terms import (
    Becomes,
    Either,
    For,
    Happens,
    Moment,
    On,
    Selector,
    State,
    Then,
    ThenNo,
    While,
)

Key = tuple[Any, ...]
Place = tuple[int, float]


@dataclass(frozen=True)
class Occurrence:
    """A moment has happened: where it is placed, and where a chain that it ends began."""

    place: Place
    beginning: int


Known = dict[Key, Occurrence]


@dataclass
class Watch:
    """What one watch of one trigger remembers, by the id of the moment or state concerned."""

    before: dict[int, bool]
    known: dict[int, Known] = field(default_factory=dict)
    running: dict[int, set[int]] = field(default_factory=dict)
    fired: int | None = None


@dataclass(frozen=True)
class Step:
    """One step as one watch sees it. `silence` are the events that count against silence."""

    number: int
    world: World
    silence: Sequence[Event]
    event: Event | None
    history: bool


def parts(moment: Moment) -> Iterator[Moment]:
    """Give the moment and all moments in it."""
    yield moment
    match moment:
        case Then(first) | ThenNo(first):
            yield from parts(first)
        case Either(left, right):
            yield from parts(left)
            yield from parts(right)
        case While(inner):
            yield from parts(inner)


def watched_states(moment: Moment) -> Iterator[State]:
    """Give the states of which it matters when they become true."""
    for part in parts(moment):
        if isinstance(part, Becomes | For | On):
            yield part.state


def baseline(moment: Moment, nothing: World) -> Watch:
    """Begin to watch: what is true of nothing was true before."""
    return Watch({id(state): holds(state, nothing) for state in watched_states(moment)})


def advance(moment: Moment, step: Step, watch: Watch) -> bool:
    """Take a step; tell whether an occurrence of the moment becomes known at it."""
    became = {id(state): holds(state, step.world) and not watch.before[id(state)] for state in watched_states(moment)}
    fresh = learn(moment, step, watch, became)
    watch.before = {id(state): holds(state, step.world) for state in watched_states(moment)}
    return bool(fresh)


def learn(moment: Moment, step: Step, watch: Watch, became: Mapping[int, bool]) -> set[Key]:
    """Bring what is known of the moment up to date; give the occurrences that are new."""
    known = watch.known.setdefault(id(moment), {})
    if isinstance(moment, While):
        return learn_while(moment, step, watch, became)
    offered = dict(occurrences(moment, step, watch, became))
    fresh = offered.keys() - known.keys()
    for key, occurrence in offered.items():
        known[key] = max(occurrence, known.get(key, occurrence), key=lambda one: one.beginning)
    return fresh


def learn_while(moment: While, step: Step, watch: Watch, became: Mapping[int, bool]) -> set[Key]:
    """Let pass what becomes known while the state is true, and what is learnt of it later."""
    fresh = learn(moment.moment, step, watch, became)
    passed = fresh if holds(moment.state, step.world) else set()
    known = watch.known[id(moment)]
    below = watch.known[id(moment.moment)]
    known.update({key: below[key] for key in known.keys() | passed})
    return passed


def occurrences(
    moment: Moment, step: Step, watch: Watch, became: Mapping[int, bool]
) -> Iterable[tuple[Key, Occurrence]]:
    """Give every occurrence that can be told at this step, known already or not."""
    match moment:
        case Happens(selector):
            return ((one.place, Occurrence(one.place, one.ts)) for one in moments_of(selector, step))
        case Then(first):
            learn(first, step, watch, became)
            return completed(moment, step, watch.known[id(first)])
        case ThenNo(first):
            learn(first, step, watch, became)
            return silences(moment, step, watch.known[id(first)])
        case Either(left, right):
            learn(left, step, watch, became)
            learn(right, step, watch, became)
            return either(watch.known[id(left)], watch.known[id(right)])
        case For():
            return lasted(moment, step, watch, became[id(moment.state)])
        case On(state, selector):
            event = step.event
            seen = event is not None and not event.history and takes(selector, event)
            return now(step) if seen and became[id(state)] else ()
        case Becomes(state):
            return now(step) if became[id(state)] and not step.history else ()
    raise AssertionError(moment)


def moments_of(selector: Selector, step: Step) -> list[Event]:
    return [event for event in step.world.events if not event.history and takes(selector, event)]


def now(step: Step) -> list[tuple[Key, Occurrence]]:
    """Place an occurrence at the step itself, after all events of its millisecond."""
    return [((step.number,), at(step.world.now))]


def at(instant: int) -> Occurrence:
    return Occurrence((instant, inf), instant)


def either(left: Known, right: Known) -> Iterator[tuple[Key, Occurrence]]:
    for branch, known in (("left", left), ("right", right)):
        for key, occurrence in known.items():
            yield (branch, *key), occurrence


def completed(moment: Then, step: Step, firsts: Known) -> Iterator[tuple[Key, Occurrence]]:
    """Give each E that follows an occurrence of M in time, with the latest beginning it can have."""
    span = step.world.retention if moment.within is None else moment.within
    without = moment.without
    spoilers = [] if without is None else [one.place for one in step.silence if takes(without, one)]
    for event in moments_of(moment.then, step):
        beginnings = [
            first.beginning
            for first in firsts.values()
            if first.place < event.place
            and event.ts - first.beginning < span
            and not any(first.place < place < event.place for place in spoilers)
        ]
        if beginnings:
            yield event.place, Occurrence(event.place, max(beginnings))


def silences(moment: ThenNo, step: Step, firsts: Known) -> Iterator[tuple[Key, Occurrence]]:
    """Give each occurrence of M that no E followed, once its end has come."""
    absent = [event for event in step.silence if takes(moment.absent, event)]
    for key, first in firsts.items():
        end = first.place[0] + moment.within
        if end <= step.world.now and not any(first.place < one.place and one.ts < end for one in absent):
            yield key, at(end)


def lasted(moment: For, step: Step, watch: Watch, became: bool) -> Iterator[tuple[Key, Occurrence]]:
    """Keep the runs of a state as long as it is true; give those that have lasted long enough."""
    running = watch.running.setdefault(id(moment), set())
    if became:
        running.add(step.world.now)
    if not holds(moment.state, step.world):
        running.clear()
    for start in sorted(running):
        if start + moment.span <= step.world.now:
            running.remove(start)
            yield (start,), at(start + moment.span)


def deadlines(moment: Moment, watch: Watch) -> Iterator[int]:
    """Give the instants at which a silence or a `for` may complete."""
    for part in parts(moment):
        if isinstance(part, ThenNo):
            firsts = watch.known.get(id(part.first), {})
            yield from (first.place[0] + part.within for first in firsts.values())
        elif isinstance(part, For):
            yield from (start + part.span for start in watch.running.get(id(part), ()))


def merge(watch: Watch, other: Watch) -> Watch:
    """Make one watch of a user's and a visitor's."""
    before = {key: value or other.before[key] for key, value in watch.before.items()}
    known = {key: watch.known.get(key, {}) | other.known.get(key, {}) for key in watch.known | other.known}
    running = {
        key: watch.running.get(key, set()) | other.running.get(key, set()) for key in watch.running | other.running
    }
    fired = [one for one in (watch.fired, other.fired) if one is not None]
    return replace(watch, before=before, known=known, running=running, fired=max(fired, default=None))
