"""A compiled set of triggers: what every user is watched for, and which triggers an input concerns.

It is made once, shared by all users, and never changes. An event looks up its route by name and costs what stands
there, however many triggers there are besides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.core.decisions import Firing
from engine.core.events import INF, Millis, Track
from engine.core.moments import Moment
from engine.core.plan import Arm, Condition, Goal
from engine.core.reader import Reader
from engine.core.release import GATES, Gate
from engine.core.series import Feed
from engine.core.states import State
from engine.core.where import Lookup, Predicate

if TYPE_CHECKING:
    from engine.core.user import User

Role = Literal["", "ends", "goal", "look"]
"""What a companion trigger is for, in the order in which those that happen in one step are heeded."""

Handler = Callable[["User", Track, Millis], list[Firing]]
"""Lets a user observe an event of one name, received at an instant; returns what fires."""


class NoHandlers(dict[str, Handler | None]):
    """There is no handler, whatever the event."""

    def __missing__(self, name: str) -> None:
        """All events go the general way."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledTrigger:
    """A trigger as the core runs it."""

    name: str
    when: Moment
    nodes: tuple[Moment, ...]
    """The moments that have a slot, by slot."""
    previews: tuple[Moment, ...]
    """Those that must look before the event enters the timeline."""
    digest: str
    """The same for two versions that mean the same: their users go on where they are."""
    path: int | None = None
    """Index of the `per` property in `Program.paths`."""
    condition: State | None = None
    cooldown: Millis = 0
    priority: float = 0
    arms: tuple[Arm, ...] = (Arm("", 1.0, ()),)
    """Its variants, or the only one."""
    mine: frozenset[str] | None = None
    """Names of the arms for which this `when` counts; None: for all."""
    looks: bool = False
    """Its variants differ in `when`, so that exposure precedes the firing."""
    goal: Goal | None = None
    expires: Millis = INF
    """How long after a message is due it may go, ms."""
    holds: State | None = None
    """The state that `when` is, if it is one; for `backfill`."""
    backfill: bool = False
    origin: str = ""
    """The trigger of the files of which this one is, or to which it is a companion: its own name, or another's."""
    role: Role = ""
    """A companion fires nothing. At its moment it ends what bears the `until` that it is, or tells that the goal of
    its origin is reached, or that its origin looks at the person."""
    until: str = ""
    """Key, in `Program.endings`, of the moment that ends what it makes due; of the companion, that it is this one."""
    ends_by: int | None = None
    """Index, in `Program.paths`, of the property whose value tells what an event ends; None: all."""
    exclusive: str = ""
    """A group: of its triggers that fire in one step, only the first sends."""
    otherwise: bool = False
    """It sends only what no other trigger of its group takes before it is due."""
    once: bool = False
    """It fires once, unless what it set going ended before anything of it was sent."""
    rollout: float = 1.0
    """The share of people for whom it fires."""
    only: State | None = None
    """The segment in which they must be."""
    shadow: bool = False
    """It fires, and sends nothing."""
    version: str = ""
    """Changes with the trigger's text, but not with its place, or what is told about it."""


Feeds = tuple[Feed, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Taker:
    """A selector as it meets the events of one name, and what follows if it takes one."""

    key: int
    asks: Predicate | None
    """What it asks of the properties; None if nothing."""
    whole: Feeds
    """What the event feeds in the scope of the whole timeline."""
    by_value: tuple[Feeds, ...]
    """For each `per` property, what it feeds in the scope of the value that it bears."""
    silence: tuple[Feeds, ...]
    """For each `per` property, what it feeds if it bears none."""
    triggers: tuple[CompiledTrigger, ...]
    """Triggers that look for such events."""
    by_segment: tuple[CompiledTrigger, ...]
    """Triggers that watch a segment which does."""


@dataclass(frozen=True, slots=True)
class Route:
    """What an event of one name concerns."""

    takers: tuple[Taker, ...] = ()
    reader: Reader | None = None
    """Reads what they ask of the properties; None if nothing."""

    def concerned(self) -> set[CompiledTrigger]:
        """All triggers that an event of that name may concern."""
        return {trigger for taker in self.takers for trigger in taker.triggers + taker.by_segment}


@dataclass(frozen=True, eq=False)
class Program:
    """All triggers and segments of one version of the files, with the settings that give them meaning."""

    triggers: tuple[CompiledTrigger, ...]
    segments: Mapping[str, State]
    routes: Mapping[str, Route]
    """By event name, for the names that are mentioned and those that `any` passes by."""
    other: Route
    """For all other names."""
    paths: tuple[Lookup, ...]
    """The properties that `per` speaks of."""
    path_names: tuple[str, ...]
    by_traits: tuple[CompiledTrigger, ...]
    """Triggers that watch traits."""
    by_list: Mapping[str, tuple[CompiledTrigger, ...]]
    """Triggers that watch a list kept from outside."""
    outsiders: tuple[CompiledTrigger, ...]
    """Triggers with `per` that watch traits or segments: a watch begins with any event that bears a new value."""
    retention: Millis
    history_after: Millis
    history_limit: int | None = None
    handlers: Mapping[str, Handler | None] = field(default_factory=NoHandlers)
    """By event name: short ways for the usual case, which decide what the general way does; None: there is none."""
    gates: tuple[Gate, ...] = GATES
    """What is asked, in this order, before a message goes."""
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    """By key, the states that messages ask for: those of these files, and of earlier ones by which messages are due."""
    endings: Mapping[str, str] = field(default_factory=dict)
    """By key, the moments that end what is due, as written; likewise."""
    by_name: dict[str, CompiledTrigger] = field(init=False)
    fallbacks: dict[str, list[str]] = field(init=False)
    """By group, the triggers that send what no other of it takes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {trigger.name: trigger for trigger in self.triggers})
        object.__setattr__(self, "fallbacks", {})
        for trigger in self.triggers:
            if trigger.otherwise:
                self.fallbacks.setdefault(trigger.exclusive, []).append(trigger.origin)

    @property
    def keep(self) -> Millis:
        """How long an event is kept: a late one may still complete what began a retention before it."""
        return self.retention + self.history_after

    def means_the_same(self, other: "Program") -> bool:
        """Whether a user who was saved under the other can be restored under this one, and decides the same."""
        return self.meaning == other.meaning

    @property
    def meaning(self) -> tuple[object, ...]:
        """What a user's state depends on."""
        digests = {trigger.name: trigger.digest for trigger in self.triggers}
        return digests, frozenset(self.path_names), self.retention, self.history_after, self.history_limit

    def route(self, event: str) -> Route:
        """What an event of that name concerns."""
        return self.routes.get(event, self.other)
