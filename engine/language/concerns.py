"""What a moment must be looked at for: the events, traits, lists and segments that can make it happen.

A state that is only asked at the steps of some moment (`M and S`, `S on E`) is no concern: nobody needs to hear when it
changes. A state that is watched for becoming true is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from engine.core.events import Millis
from engine.language import tree

Definitions = Mapping[str, tree.State | None]


@dataclass(slots=True)
class Concerns:
    """Whom a moment listens to."""

    selectors: set[tree.Selector] = field(default_factory=set)
    """Events it looks at in its own scope."""
    by_segment: set[tree.Selector] = field(default_factory=set)
    """Events that can change a segment it watches."""
    lists: set[str] = field(default_factory=set)
    traits: bool = False
    looks_outside: bool = False
    """It watches traits or segments, which are not in the scope of a `per` value."""

    @classmethod
    def of(cls, moment: tree.Moment, definitions: Definitions) -> "Concerns":
        """Collect them."""
        concerns = cls()
        concerns._add(moment, definitions)
        return concerns

    def _add(self, moment: tree.Moment, definitions: Definitions) -> None:
        match moment:
            case tree.Happens(selector) | tree.On(_, selector):
                self.selectors.add(selector)
            case tree.Then(first, selector) | tree.ThenNo(first, selector):
                self.selectors.add(selector)
                self._add(first, definitions)
            case tree.Either(left, right):
                self._add(left, definitions)
                self._add(right, definitions)
            case tree.While(part, _):
                self._add(part, definitions)
            case tree.Becomes(state) | tree.For(state):
                self._watch(state, definitions, self.selectors)

    def _watch(self, state: tree.State, definitions: Definitions, selectors: set[tree.Selector]) -> None:
        for leaf in leaves(state):
            match leaf:
                case tree.Profile():
                    self.traits = self.looks_outside = True
                case tree.InSegment(name):
                    self.looks_outside = True
                    definition = definitions[name]
                    if definition is None:
                        self.lists.add(name)
                    else:
                        self._watch(definition, definitions, self.by_segment)
                case _:
                    selectors.add(leaf.selector)


def leaves(
    state: tree.State,
) -> Iterator[tree.Seen | tree.Count | tree.Folded | tree.Last | tree.Profile | tree.InSegment]:
    """The parts of a state that are not made of states."""
    match state:
        case tree.Not(part):
            yield from leaves(part)
        case tree.And(left, right) | tree.Or(left, right):
            yield from leaves(left)
            yield from leaves(right)
        case _:
            yield state


def states_in(moment: tree.Moment) -> Iterator[tree.State]:
    """All states that a moment asks, watched or not."""
    match moment:
        case tree.Becomes(state) | tree.For(state) | tree.On(state):
            yield state
        case tree.While(part, state):
            yield state
            yield from states_in(part)
        case tree.Then(first) | tree.ThenNo(first):
            yield from states_in(first)
        case tree.Either(left, right):
            yield from states_in(left)
            yield from states_in(right)
        case tree.Happens():
            pass


def used_segments(states: Iterable[tree.State], definitions: Definitions) -> dict[str, tree.State | None]:
    """The segments that some states ask for, and those that these ask for."""
    asked, used = list(states), dict[str, tree.State | None]()
    while asked:
        for leaf in leaves(asked.pop()):
            if isinstance(leaf, tree.InSegment) and leaf.name not in used:
                definition = used[leaf.name] = definitions[leaf.name]
                if definition is not None:
                    asked.append(definition)
    return used


def version(trigger: tree.Trigger) -> str:
    """Changes with what a trigger says, but not with where it stands, or what is told about it."""
    told = replace(trigger, objective="", owner="", reason="", file="", line=0)
    return blake2b(repr(told).encode(), digest_size=4).hexdigest()


def digest(trigger: tree.Trigger, definitions: Definitions, retention: Millis) -> str:
    """The same for two versions of a trigger exactly if they watch for the same: texts may differ, meaning may not."""
    used = used_segments(states_in(trigger.when), definitions)
    meaning = repr((trigger.when, trigger.per, sorted(used.items(), key=lambda each: each[0]), retention))
    return blake2b(meaning.encode(), digest_size=8).hexdigest()
