"""A compiled set of triggers: what every user is watched for, and which triggers an input concerns.

It is made once, shared by all users, and never changes. An event looks up its route by name and costs what stands
there, however many triggers there are besides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.core.decisions import Firing
from engine.core.events import INF, Millis, Track
from engine.core.moments import Moment
from engine.core.reader import Reader
from engine.core.release import GATES, Gate
from engine.core.series import Feed
from engine.core.states import State
from engine.core.where import Lookup, Predicate

if TYPE_CHECKING:
    from engine.core.user import User

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
    messages: tuple[str, ...] = ()
    expires: Millis = INF
    """How long after a firing its messages may go, ms."""
    holds: State | None = None
    """The state that `when` is, if it is one; for `backfill`."""
    backfill: bool = False
    ends: str = ""
    """The trigger of which this one is the `until`: it fires nothing, and ends the messages that the other made due."""
    until_text: str = ""
    """The `until` as written."""
    exclusive: str = ""
    """A group: of its triggers that fire in one step, only the first sends."""
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
    by_name: dict[str, CompiledTrigger] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {trigger.name: trigger for trigger in self.triggers})

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
