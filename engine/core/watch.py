"""One step of a user, and the memory that one trigger keeps of one scope."""

from typing import TYPE_CHECKING, Any, NamedTuple

from engine.core.events import INF, Millis, Scalar
from engine.core.scope import Scope
from engine.core.timeline import Place

if TYPE_CHECKING:
    from engine.core.program import CompiledTrigger


class Step(NamedTuple):
    """A step at instant `t`, as one watch sees it."""

    t: Millis
    place: Place = 0
    """Where the step's event stands, if an event brought it."""
    hits: frozenset[int] = frozenset()
    """Keys of the selectors that take the event."""
    breaks: frozenset[int] = frozenset()
    """The same for silence: an event that bears no value of `per` breaks a silence, and nothing else."""
    live: bool = True
    """Not brought by history, which begins and completes no moment."""
    merged: bool = False
    """Another timeline has just entered this one."""


class Occurrence(NamedTuple):
    """A moment happened."""

    place: Place
    beginning: Millis
    """Where a chain that goes on from here began."""
    fresh: bool = True
    """False: it had happened before, and only a later beginning has come to light."""


class Watch:
    """A trigger's memory of a scope: one slot for each of its moments that needs one.

    What the slots hold is the moments' business. `due` is the earliest instant at which something may happen by itself.
    """

    __slots__ = ("armed", "due", "fired_at", "ordinal", "scope", "slots", "trigger")

    def __init__(self, trigger: "CompiledTrigger", scope: Scope) -> None:
        self.trigger = trigger
        self.scope = scope
        self.slots: list[Any] = [node.fresh_slot() for node in trigger.nodes]
        self.due: Millis = INF
        self.armed: Millis = INF
        """The deadline that stands in the user's table for it."""
        self.fired_at: Millis | None = None
        self.ordinal = 0
        """How many firings before the last one fell on the same millisecond."""

    @property
    def per(self) -> Scalar | None:
        """The value it watches; None for the whole timeline."""
        return self.scope.value

    @property
    def last_firing(self) -> tuple[Millis, int]:
        """When it last fired, and its number among those of that millisecond; before any other where it never did."""
        return (-INF, 0) if self.fired_at is None else (self.fired_at, self.ordinal)

    def arm(self, at: Millis) -> None:
        """Ask to be looked at again, at that instant or before."""
        self.due = min(self.due, at)

    def cools_down(self, t: Millis) -> bool:
        """Whether a firing at `t` would come too soon after the last."""
        return self.fired_at is not None and t < self.fired_at + self.trigger.cooldown

    def fire(self, at: Millis) -> int:
        """Note a firing; returns how many fell on that millisecond before it."""
        self.ordinal = self.ordinal + 1 if self.fired_at == at else 0
        self.fired_at = at
        return self.ordinal
