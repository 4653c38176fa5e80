"""States as moments: `S`, `S for D`, `S on E`.

A state has *become* true at a step if it is true there and was not at the step before. `Becomes` and `For` remember the
last truth of their state. A state that only falls by itself is not looked at when it falls: its truth says exactly when
it did. Any other is looked at again when its promise ends.
"""

from typing import Any

from engine.core.events import INF, Millis
from engine.core.moments import NONE, Moment
from engine.core.states import State
from engine.core.timeline import after_all
from engine.core.truth import Truth, until
from engine.core.watch import Occurrence, Step, Watch


class _Becoming(Moment):
    """A moment that remembers the last truth of a state."""

    def __init__(self, slot: int, state: State) -> None:
        self.slot = slot
        self.state = state

    def _look(self, was: Truth, watch: Watch, step: Step) -> tuple[bool, Truth]:
        """Whether the state was true up to this step, and its truth at it."""
        truth = self.state.truth(watch.scope, step.t)
        if not self.state.only_falls:
            watch.arm(until(truth))
        return was > (step.t if self.state.only_falls else 0), truth


class Becomes(_Becoming):
    """A state where a moment is wanted: each step at which it becomes true. Its slot holds the last truth."""

    def fresh_slot(self) -> Truth:
        """Nothing known yet; `begin` follows."""
        return -INF

    def begin(self, watch: Watch, t: Millis) -> None:
        """What is true now has not become true."""
        watch.slots[self.slot] = self.state.truth(watch.scope, t)

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The step, if the state becomes true at it, and not silently."""
        before, truth = self._look(watch.slots[self.slot], watch, step)
        watch.slots[self.slot] = truth
        rises = truth > 0 and not before and step.live
        return [Occurrence(after_all(step.t), step.t)] if rises else NONE

    def absorb(self, watch: Watch, other: Any) -> None:
        """It was true before if it was so on either timeline: what fired there does not fire again."""
        watch.slots[self.slot] = max(watch.slots[self.slot], other)


class For(_Becoming):
    """`S for D`: D after S became true, if it has been true all the time.

    Its slot holds the last truth, then the instants at which the state rose: one, or two after a merge.
    """

    def __init__(self, slot: int, state: State, span: Millis) -> None:
        super().__init__(slot, state)
        self.span = span

    def fresh_slot(self) -> list[int]:
        """Nothing known yet; `begin` follows."""
        return [-INF]

    def begin(self, watch: Watch, t: Millis) -> None:
        """What is true now has not become true."""
        watch.slots[self.slot] = [self.state.truth(watch.scope, t)]

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The rises whose time is up, if the state has lasted."""
        was, *risen = watch.slots[self.slot]
        before, truth = self._look(was, watch, step)
        if truth < 0:
            risen = []
        elif not before:
            risen = [step.t]
        over = [rise + self.span for rise in risen if rise + self.span <= step.t]
        waiting = risen[len(over) :]
        watch.slots[self.slot] = [truth, *waiting]
        if waiting:
            watch.arm(waiting[0] + self.span)
        return [Occurrence(after_all(end), end) for end in over]

    def absorb(self, watch: Watch, other: Any) -> None:
        """What is pending on either timeline goes on pending."""
        truth, *risen = watch.slots[self.slot]
        watch.slots[self.slot] = [max(truth, other[0]), *sorted({*risen, *other[1:]})]

    def awaited(self, watch: Watch) -> Millis:
        """When the latest rise will have lasted."""
        risen = watch.slots[self.slot][1:]
        return risen[-1] + self.span if risen else 0


class On(Moment):
    """`S on E`: at an event at whose step S becomes true. During that step its slot holds whether S was true before."""

    def __init__(self, slot: int, state: State, key: int) -> None:
        self.slot = slot
        self.state = state
        self.key = key

    def fresh_slot(self) -> bool:
        """Nothing is true before a look."""
        return False

    def prepare(self, watch: Watch, step: Step) -> None:
        """Look at the state before the event enters the timeline."""
        if self.key in step.hits:
            watch.slots[self.slot] = self.state.truth(watch.scope, step.t) > 0

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The step, if its event matches and the state becomes true."""
        matches = step.live and self.key in step.hits
        if matches and not watch.slots[self.slot] and self.state.truth(watch.scope, step.t) > 0:
            return [Occurrence(after_all(step.t), step.t)]
        return NONE

    def absorb(self, watch: Watch, other: Any) -> None:
        """Between events there is nothing to join."""

    def pack(self, watch: Watch) -> Any:  # noqa: ARG002  the same verb for all moments
        """Nor to keep."""
        return None
