"""What a firing sets going, as data: the arms of a trigger, and what each sends, when and on which condition."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from engine.core.events import Millis

if TYPE_CHECKING:
    from engine.core.states import State
    from engine.core.where import Lookup


class Send(NamedTuple):
    """One message of a firing."""

    message: str
    after: Millis = 0
    """How long after the firing it is due."""
    condition: str = ""
    """Key, in `Program.conditions`, of the state that must hold when it goes; empty: none need."""


class Arm(NamedTuple):
    """One variant of a trigger; a trigger without any has a single one, without a name."""

    name: str
    upto: float
    """Of places in [0, 1), those below it and not below the arm before it are of this one."""
    sends: tuple[Send, ...]


class Goal(NamedTuple):
    """What a trigger is to bring about: an event within a span of the exposure, and what it is worth."""

    within: Millis
    revenue: "Lookup | None"
    """Finds the amount among the event's properties."""


class Condition(NamedTuple):
    """A state that is asked when a message is to go, on the person's whole timeline."""

    state: "State"
    text: str


def arm_at(arms: Sequence[Arm], place: float) -> Arm:
    """The arm to which a place in [0, 1) belongs."""
    return next((arm for arm in arms if place < arm.upto), arms[-1])
