"""Moments: conditions that happen at instants, as nodes that are advanced step by step.

Theory of operation. At each step that may concern a watch, the tree of moments is advanced from the leaves up; each
node returns the occurrences that become known in this step. An *occurrence* lies at a place on the timeline, which may
be in the past when an event came late, and carries the beginning of the chain that led to it. A node that must remember
something keeps it in its slot of the watch: see `becoming` (states as moments) and `chains` (`then`, `then no`). Plain
events need no memory: the series of the scope has them.

In order of time everything is answered by a bisection or two; only late events and merged timelines walk.
"""

from typing import Any

from engine.core.events import Millis
from engine.core.states import State
from engine.core.timeline import Place, instant
from engine.core.watch import Occurrence, Step, Watch

NONE: list[Occurrence] = []
"""Nothing happened: the usual answer, shared."""


class Moment:
    """A node of a trigger's `when`; what is here suits a node without memory."""

    slot = -1
    """Index of its slot in the watch; -1 if it remembers nothing."""

    def parts(self) -> tuple["Moment", ...]:
        """The moments it is made of."""
        return ()

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The occurrences that become known in this step."""
        raise NotImplementedError

    def fresh_slot(self) -> Any:
        """What its slot holds in a new watch."""
        raise NotImplementedError

    def begin(self, watch: Watch, t: Millis) -> None:
        """Take down what is true just before the first step at `t`: that has not *become* true."""

    def prepare(self, watch: Watch, step: Step) -> None:
        """Look at what the step's event is about to change."""

    def awaited(self, watch: Watch) -> Millis:  # noqa: ARG002  the same verb for all moments
        """The latest instant that it waits for by itself; 0 if none."""
        return 0

    def absorb(self, watch: Watch, other: Any) -> None:
        """Join the slot of the same moment in the watch of a timeline that enters this one."""
        raise NotImplementedError

    def forget(self, watch: Watch, before: Place) -> None:
        """Let go of what stands before that place."""

    def pack(self, watch: Watch) -> Any:
        """Its slot as plain data: what `unpack` takes."""
        return watch.slots[self.slot]

    def unpack(self, data: Any) -> Any:
        """A slot made of what `pack` gave."""
        return data


class Happens(Moment):
    """`E`: at each matching event that is not history."""

    def __init__(self, key: int) -> None:
        self.key = key

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:  # noqa: ARG002  the same verb for all moments
        """The step's event, if it matches."""
        if step.live and self.key in step.hits:
            return [Occurrence(step.place, instant(step.place))]
        return NONE


class Either(Moment):
    """`M or M`: whenever either does."""

    def __init__(self, left: Moment, right: Moment) -> None:
        self.left = left
        self.right = right

    def parts(self) -> tuple[Moment, ...]:
        """Both."""
        return (self.left, self.right)

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """What becomes known of either."""
        return self.left.advance(watch, step) + self.right.advance(watch, step)


class While(Moment):
    """`M and S`: what becomes known of M at a step at which S is true.

    A later beginning that comes to light passes whatever S is by then; it counts for what was let through.
    """

    def __init__(self, moment: Moment, state: State) -> None:
        self.moment = moment
        self.state = state

    def parts(self) -> tuple[Moment, ...]:
        """The moment; a state is no part that must be advanced."""
        return (self.moment,)

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """What becomes known of the moment, if the state is true."""
        found = self.moment.advance(watch, step)
        if not found or self.state.truth(watch.scope, step.t) > 0:
            return found
        return [occurrence for occurrence in found if not occurrence.fresh]


def nodes(moment: Moment) -> list[Moment]:
    """The moment and all its parts, parts first."""
    return [node for part in moment.parts() for node in nodes(part)] + [moment]
