"""Exposures: which variant a person has, since when, and what came of it.

Theory of operation. A person's variant of a trigger is drawn from the first id by which they were known, so it is the
same everywhere; from the first exposure on it is kept, whatever becomes of ids and weights. To be exposed is to be
counted, in every arm alike and whether or not anything is sent: at the firing or, where the variants differ in `when`,
at the first event that any of them looks at. What comes after it, within the span of the trigger's goal, is its
outcome, and goes to the last exposure before it.

What is to be counted is left in `credits`, for somebody to take note of and empty.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.plan import Arm, arm_at
from engine.core.sending.holdout import place

if TYPE_CHECKING:
    from engine.core.program import CompiledTrigger

HEARD = {"Email Delivered": "delivered", "Email Opened": "opened", "Email Link Clicked": "clicked"}
"""What is counted of what a service reports, by event."""


class Assignment(msgspec.Struct, frozen=True, array_like=True):
    """The variant that a person has of a trigger, and since when."""

    variant: str
    at: Millis


class Exposure(msgspec.Struct, frozen=True, array_like=True):
    """A person was exposed to a trigger that has a goal."""

    trigger: str
    version: str
    variant: str
    at: Millis
    until: Millis
    """What happens from here on is no outcome of it."""
    converted: bool = False


class Credit(NamedTuple):
    """Something to be counted: `amount` times `what`, of one variant of one version of a trigger."""

    trigger: str
    version: str
    variant: str
    what: str
    amount: float = 1.0


class Exposures:
    """All exposures of one person."""

    __slots__ = ("assigned", "credits", "heard", "open")

    def __init__(self) -> None:
        self.assigned: dict[str, Assignment] = {}
        """By trigger, of those that have variants."""
        self.open: list[Exposure] = []
        """Those whose goal may still be reached, in order."""
        self.heard: dict[str, list[str]] = {}
        """By message, what was reported of it: opened twice counts once."""
        self.credits: list[Credit] = []

    def __bool__(self) -> bool:
        """Whether there is anything that must not be forgotten."""
        return bool(self.assigned or self.open)

    def arm(self, trigger: "CompiledTrigger", first_id: str) -> Arm:
        """The arm of a trigger that a person has, or will have when exposed."""
        arms = trigger.arms
        if len(arms) == 1:
            return arms[0]
        kept = self.assigned.get(trigger.origin)
        mine = None if kept is None else next((arm for arm in arms if arm.name == kept.variant), None)
        return mine or arm_at(arms, place(first_id, f"variant of {trigger.origin}"))

    def expose(self, trigger: "CompiledTrigger", arm: Arm, at: Millis) -> None:
        """A trigger has fired for the person, or has looked at them for the first time."""
        if len(trigger.arms) > 1 and self.assigned.get(trigger.origin, Assignment("", 0)).variant != arm.name:
            self.assigned[trigger.origin] = Assignment(arm.name, at)
        if trigger.goal is not None:
            self.open.append(Exposure(trigger.origin, trigger.version, arm.name, at, at + trigger.goal.within))

    def look(self, trigger: "CompiledTrigger", first_id: str, at: Millis) -> None:
        """A trigger whose variants differ in `when` looks at an event: exposure, if it is the first."""
        if trigger.origin not in self.assigned:
            arm = self.arm(trigger, first_id)
            self.expose(trigger, arm, at)
            self.credits.append(Credit(trigger.origin, trigger.version, arm.name, "exposed"))

    def reach(self, trigger: str, ts: Millis, amount: float) -> None:
        """An event of a trigger's goal happened: the last exposure before it has converted."""
        for index in reversed(range(len(self.open))):
            each = self.open[index]
            if each.trigger == trigger and each.at <= ts < each.until:
                whose = each.trigger, each.version, each.variant
                if not each.converted:
                    self.open[index] = replace(each, converted=True)
                    self.credits.append(Credit(*whose, "converted"))
                if amount:
                    self.credits.append(Credit(*whose, "revenue", amount))
                return

    def hear(self, firing: Firing, message: str, event: str) -> None:
        """A service reports something of a message, by its id, that a firing made due."""
        what, before = HEARD[event], self.heard.setdefault(message, [])
        if what not in before:
            before.append(what)
            self.credits.append(Credit(firing.trigger, firing.version, firing.variant, what))

    def forget(self, before: Millis, firings: Iterable[Firing]) -> None:
        """Let go of what is over by an instant before which no event comes in any more, and of reports of old firings.

        So it makes no difference when this is done.
        """
        self.open = [each for each in self.open if before < each.until]
        known = {firing.id for firing in firings}
        self.heard = {message: what for message, what in self.heard.items() if message.split(":")[0] in known}

    def absorb(self, other: "Exposures") -> None:
        """Take in what is known of another who turned out to be the same person; of two variants the first stays."""
        both = [*self.assigned.items(), *other.assigned.items()]
        self.assigned = dict(sorted(both, key=lambda each: each[1].at, reverse=True))
        self.open = sorted([*other.open, *self.open], key=lambda each: each.at)
        self.heard = other.heard | self.heard
        self.credits = [*other.credits, *self.credits]
