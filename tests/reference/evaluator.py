"""A brute-force evaluator of the trigger language, to compare the engine with.

It follows the definitions of the language's contract word by word and imports nothing of the engine. It takes every
step at which anything could change and looks at the whole history at each: slow, and short enough to check by reading.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from tests.reference.moments import Step, Watch, advance, baseline, deadlines, merge, parts
from tests.reference.states import Event, World, holds, identity, kind, reach
from tests.reference.terms import (
    And,
    Becomes,
    Case,
    Count,
    Fold,
    For,
    Last,
    Not,
    On,
    Or,
    Path,
    Rules,
    Seen,
    State,
    Trigger,
    While,
)

Fired = tuple[int, str, str, Any]
DUPLICATE_AFTER = 24 * 3_600_000
NEVER = 1 << 62


@dataclass
class Person:
    """A user or a visitor: the timeline, the traits and what is being watched."""

    name: str
    user: bool
    segments: Mapping[str, bool]
    events: list[Event] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    clock: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    watches: dict[str, dict[Any, Watch]] = field(default_factory=dict)


def evaluate(case: Case) -> list[Fired]:
    """Give every firing as (instant, user, trigger, value), by instant, within a user as they fired."""
    return Evaluation(case).run()


def instant(time: int | str) -> int:
    if isinstance(time, int):
        return time
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def windows(state: State) -> Iterator[int | None]:
    """Give the lengths of the windows that a state looks back on."""
    match state:
        case Not(part):
            yield from windows(part)
        case And(left, right) | Or(left, right):
            yield from windows(left)
            yield from windows(right)
        case Seen() | Count() | Fold() | Last():
            yield state.within


def edges(rules: Rules, retention: int) -> set[int]:
    """Give the ages at which an event leaves some window."""
    states = list(rules.segments.values())
    for trigger in rules.triggers:
        states += [part.state for part in parts(trigger.when) if isinstance(part, Becomes | For | On | While)]
    return {retention if within is None else within for state in states for within in windows(state)}


class Evaluation:
    """One run over one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.triggers = sorted(case.rules.triggers, key=lambda one: (-one.priority, one.name))
        self.ages = edges(case.rules, case.retention)
        self.people: dict[str, Person] = {}
        self.numbers = count()
        self.linked: dict[str, int] = {}
        self.firings: list[Fired] = []

    def run(self) -> list[Fired]:
        for seq, call in enumerate(self.case.inputs):
            if self.case.until is None or received(call) <= self.case.until:
                self.take(seq, call)
        people = {id(person): person for person in self.people.values()}.values()
        end = max((person.clock for person in people), default=0) if self.case.until is None else self.case.until
        for person in people:
            self.settle(person, end)
        return sorted(self.firings, key=lambda fired: fired[0])

    # Inputs

    def take(self, seq: int, call: Mapping[str, Any]) -> None:
        """Take one input: what falls due before it, who it concerns, then its own step."""
        name, former = ids(call)
        if former is not None and duplicate(self.linked, call, received(call)):
            former = None
        person, visitor = self.people.get(name), self.entering(call, former)
        concerned = [one for one in (person, visitor) if one]
        now = max([received(call), *(one.clock for one in concerned)])
        for one in concerned:
            self.settle(one, now)
        person = self.link(name, person, visitor) or self.newcomer(name, user="userId" in call)
        self.people.update({one: person for one in (name, former) if one is not None})
        person.clock = now
        if not duplicate(person.messages, call, now):
            event = self.note(person, seq, call, now)
            self.step(person, now, event, history=event.history if event else brought(call))

    def entering(self, call: Mapping[str, Any], former: str | None) -> Person | None:
        """Find whose timeline the input brings in: a visitor's, or by an alias another user's."""
        visitor = self.people.get(former) if former else None
        return visitor if visitor and (call["type"] == "alias" or not visitor.user) else None

    def link(self, name: str, person: Person | None, visitor: Person | None) -> Person | None:
        """Make the visitor the user, or let its timeline enter the user's."""
        if visitor and person is None:
            visitor.name, visitor.user = name, True
            return visitor
        if visitor and person and visitor is not person:
            self.unite(person, visitor)
        return person

    def newcomer(self, name: str, user: bool) -> Person:
        person = Person(name, user, {})
        person.segments = self.segments(World(0, [], {}, {}, self.case.retention))
        nothing = World(0, [], {}, person.segments, self.case.retention)
        for trigger in self.triggers:
            person.watches[trigger.name] = {} if trigger.per else {None: baseline(trigger.when, nothing)}
        return person

    def unite(self, person: Person, visitor: Person) -> None:
        """Let the visitor's timeline enter the user's."""
        for name, owner in self.people.items():
            if owner is visitor:
                self.people[name] = person
        person.events = sorted(person.events + visitor.events, key=lambda event: event.place)
        person.profile = visitor.profile | person.profile
        person.messages = visitor.messages | person.messages
        for name, watches in visitor.watches.items():
            own = person.watches[name]
            for value, watch in watches.items():
                own[value] = merge(own[value], watch) if value in own else watch

    def note(self, person: Person, seq: int, call: Mapping[str, Any], now: int) -> Event | None:
        """Enter what the input says; give its event if it is one."""
        if call["type"] in ("track", "page", "screen"):
            ts = min(instant(call.get("timestamp", now)), now)
            name, properties = event_of(call)
            event = Event(seq, name, ts, properties, history=brought(call) or now - ts > self.case.history_after)
            person.events = sorted([*person.events, event], key=lambda one: one.place)
            return event
        traits = call.get("traits") or {}
        if call["type"] == "group":
            traits = {"group": {"id": call["groupId"], **traits}}
        merged = person.profile | traits
        person.profile = {name: value for name, value in merged.items() if value is not None}
        return None

    # Steps

    def settle(self, person: Person, until: int) -> None:
        """Take the steps of their own accord that lie ahead, up to and including `until`."""
        while (due := self.next_due(person)) <= until:
            person.clock = due
            self.step(person, due, None)

    def next_due(self, person: Person) -> int:
        """Give the next instant at which something may change by itself."""
        instants = {event.ts + age for event in person.events for age in self.ages}
        for trigger in self.triggers:
            for watch in person.watches[trigger.name].values():
                instants.update(deadlines(trigger.when, watch))
        return min((one for one in instants if one > person.clock), default=NEVER)

    def step(self, person: Person, now: int, event: Event | None, *, history: bool = False) -> None:
        number = next(self.numbers)
        world = World(now, person.events, person.profile, {}, self.case.retention)
        before, person.segments = person.segments, self.segments(world)
        world = World(now, person.events, person.profile, person.segments, self.case.retention)
        for trigger in self.triggers:
            self.open_watch(person, trigger, event, before)
            for value, shown in values_seen(person, trigger.per).items():
                watch = person.watches[trigger.name][value]
                view = look(world, trigger.per, value, event, (number, history))
                if advance(trigger.when, view, watch) and may_fire(trigger, watch, world):
                    watch.fired = now
                    self.firings.append((now, person.name, trigger.name, shown))

    def open_watch(self, person: Person, trigger: Trigger, event: Event | None, segments: Mapping[str, bool]) -> None:
        """Begin to watch a value at the first event that bears it."""
        value = event and trigger.per and identity(reach(event.properties, trigger.per))
        if value and value[0] and value not in person.watches[trigger.name]:
            nothing = World(0, [], person.profile, segments, self.case.retention)
            person.watches[trigger.name][value] = baseline(trigger.when, nothing)

    def segments(self, world: World) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for name, state in self.case.rules.segments.items():
            found[name] = holds(state, World(world.now, world.events, world.profile, found, world.retention))
        return found


def received(call: Mapping[str, Any]) -> int:
    return instant(call["receivedAt"] if "receivedAt" in call else call["timestamp"])


def brought(call: Mapping[str, Any]) -> bool:
    """Tell whether a call was brought in from an archive."""
    return call.get("imported") is True


def duplicate(messages: dict[str, int], call: Mapping[str, Any], now: int) -> bool:
    """Tell whether a message was taken before, within a day; from now on it was."""
    message = call.get("messageId")
    if message is None:
        return False
    if now - messages.get(message, now - DUPLICATE_AFTER) < DUPLICATE_AFTER:
        return True
    messages[message] = now
    return False


def ids(call: Mapping[str, Any]) -> tuple[str, str | None]:
    """Give the id that names the person, and the one that becomes another name of theirs."""
    user, other = call.get("userId"), call.get("previousId", call.get("anonymousId"))
    if user is None:
        return str(other), None
    return user, other if call["type"] in ("identify", "alias") else None


def event_of(call: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Give the event's name and properties; a page's name is a property of the event `page`."""
    properties = call.get("properties") or {}
    if call["type"] == "track":
        return call["event"], properties
    return call["type"], properties | ({"name": call["name"]} if "name" in call else {})


def values_seen(person: Person, per: Path | None) -> dict[Any, Any]:
    """Give the values to watch, in the order first seen, each as it was first written."""
    if per is None:
        return {None: None}
    values = [reach(event.properties, per) for event in sorted(person.events, key=lambda event: event.seq)]
    seen: dict[Any, Any] = {}
    for value in values:
        if kind(value):
            seen.setdefault(identity(value), value)
    return seen


def look(world: World, per: Path | None, value: Any, event: Event | None, step: tuple[int, bool]) -> Step:
    """See a step as the watch of a value does: its own events, and for silence those without the property too."""
    number, history = step
    if per is None:
        return Step(number, world, world.events, event, history)
    borne = [(one, identity(reach(one.properties, per))) for one in world.events]
    own = [one for one, bears in borne if bears == value]
    silence = [one for one, bears in borne if bears == value or bears[0] is None]
    return Step(number, replace(world, events=own), silence, event if event in own else None, history)


def may_fire(trigger: Trigger, watch: Watch, world: World) -> bool:
    """Tell whether neither the cooldown nor the `if` holds the firing back."""
    if trigger.cooldown is not None and watch.fired is not None and world.now < watch.fired + trigger.cooldown:
        return False
    return trigger.condition is None or holds(trigger.condition, world)
