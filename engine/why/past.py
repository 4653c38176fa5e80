"""A person's past lived once more, up to some point, with a trigger taken apart."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.core.decisions import Firing
from engine.core.events import INF, Millis, Scalar, Track
from engine.core.program import CompiledTrigger
from engine.core.scope import Scope
from engine.core.sending.holdout import place as place_in
from engine.core.timeline import Place, Recorded, place_of
from engine.core.truth import Truth
from engine.core.user import User
from engine.core.watch import Step, Watch
from engine.core.where import Key, Properties, follow, kind, scalar_key
from engine.language import tree
from engine.why.plan import Plan
from engine.why.subject import Subject


class Point(NamedTuple):
    """How far somebody has lived: `taken` events are known, and what falls due up to `t` is settled."""

    taken: int
    t: Millis


class Met(NamedTuple):
    """A moment happened, at a step."""

    point: Point
    place: Place
    """Where the occurrence lies."""
    beginning: Millis
    """Where the chain began."""
    event: Place
    """Where the step's event stands; 0 where time alone brought the step."""
    is_fresh: bool
    """False: it had happened before, and only a later beginning has come to light."""


class Fate(NamedTuple):
    """What became of the whole `when` happening: `held` says what kept the trigger from firing."""

    met: Met
    held: str


class Past:
    """Somebody's past up to a point."""

    def __init__(
        self, plan: Plan, subject: Subject, point: Point, *, since: Millis = 0, firings: Sequence[Firing] | None = None
    ) -> None:
        self.plan = plan
        self.subject = subject
        self.t = point.t
        life = self._life = _Life(plan, subject, since, firings)
        for record in subject.records[: point.taken]:
            event = Track(record.seq, record.name, record.ts, record.properties, imported=record.history)
            life.observe(event, record.received_at)
        life.wake(point.t)
        self.fates = life.fates
        """By value, what became of the trigger's own moment."""

    @classmethod
    def until(cls, plan: Plan, subject: Subject, t: Millis, **more: Any) -> "Past":
        """All that had come in by an instant."""
        return cls(plan, subject, Point(sum(record.received_at <= t for record in subject.records), t), **more)

    @property
    def records(self) -> list[Recorded]:
        """The events, in their order."""
        return self._life.history.timeline.records

    def met(self, node: tree.Moment, value: Scalar | None) -> list[Met]:
        """When a part happened, in the order in which that became known."""
        return self._life.met[self.plan.of(node, whole=False), _key(value)]

    def truth(self, node: tree.State, value: Scalar | None, *, whole: bool) -> tuple[Truth, bool]:
        """Whether a state holds, as `engine.core.truth` has it, and whether it says exactly until when."""
        trigger = self.plan.of(node, whole=whole)
        scope = self._scope(trigger, value)
        state = trigger.holds
        assert state is not None  # noqa: S101  a state is compiled as the moment at which it becomes true
        return state.truth(scope, self.t), state.only_falls

    def slot(self, node: tree.Moment, value: Scalar | None) -> Any:
        """What a part that remembers something remembers; None if nothing yet."""
        trigger = self.plan.of(node, whole=False)
        watch = self._scope(trigger, value).watches.get(trigger)
        return None if watch is None else watch.slots[-1]

    def values(self) -> list[Scalar]:
        """The values of `per`, those seen last first."""
        if self.plan.trigger.per is None:
            return []
        found: dict[Key, Scalar] = {}
        for record in reversed(self.records):
            value = follow(self.subject.properties(record), self.plan.trigger.per)
            if kind(value) is not None:
                found.setdefault(scalar_key(value), value)
        return list(found.values())

    def _scope(self, trigger: CompiledTrigger, value: Scalar | None) -> Scope:
        history = self._life.history
        return history.whole if trigger.path is None or value is None else history.enter(trigger.path, value, 0)


class _Life(User):
    """A user for whom nothing fires: what happens is only noted."""

    __slots__ = ("_event", "_firings", "_plan", "_since", "_subject", "fates", "met", "taken")

    def __init__(self, plan: Plan, subject: Subject, since: Millis, firings: Sequence[Firing] | None) -> None:
        super().__init__(subject.first_id, plan.program)
        self.history.whole.profile = dict(subject.profile)
        self.history.whole.lists = set(subject.lists)
        self.taken = 0
        self._event: Place = 0
        self.met: defaultdict[tuple[CompiledTrigger, Key | None], list[Met]] = defaultdict(list)
        self.fates: defaultdict[Key | None, list[Fate]] = defaultdict(list)
        self._plan = plan
        self._subject = subject
        self._since = since
        self._firings = firings

    def take(self, event: Track, properties: Properties, now: Millis) -> list[Firing]:
        """Take an event."""
        self.taken += 1
        self._event = place_of(min(event.ts, now), event.seq)
        fired = super().take(event, properties, now)
        self._event = 0
        return fired

    def look(self, watch: Watch, step: Step) -> bool:
        """Take one step with one watch, and note what happens."""
        if watch.trigger in self._plan.states:
            return False
        watch.due = INF
        found = watch.trigger.when.advance(watch, step)
        if watch.due != watch.armed:
            self.deadlines.arm(watch)
        point = Point(self.taken, step.t)
        met = [Met(point, each.place, each.beginning, self._event, each.fresh) for each in found]
        self.met[watch.trigger, _key(watch.per)] += met
        if watch.trigger is self._plan.root and any(each.is_fresh for each in met):
            held = self._held(watch, step.t)
            self.fates[_key(watch.per)].append(Fate(met[-1], held))
            if not held:
                watch.fire(step.t)
        return False

    def _held(self, watch: Watch, t: Millis) -> str:
        """What keeps the trigger from firing at `t`; empty if nothing does."""
        mine = self._remembered(watch)
        if mine is not None and any(firing.at == t for firing in mine):
            return ""
        before = [firing.at for firing in mine or () if firing.at < t]
        last = max([*before, *([] if watch.fired_at is None else [watch.fired_at])], default=None)
        trigger = watch.trigger
        if t < self._since:
            return "new"
        if last is not None and t < last + trigger.cooldown:
            return "cooldown"
        if trigger.once and last is not None:
            return "once"
        return self._kept_out(trigger, t) or self._unrecorded(mine, t)

    def _kept_out(self, trigger: CompiledTrigger, t: Millis) -> str:
        if trigger.rollout < 1 and place_in(self.first_id, f"rollout of {trigger.origin}") >= trigger.rollout:
            return "rollout"
        if trigger.only is not None and trigger.only.truth(self.history.whole, t) <= 0:
            return "segment"
        if trigger.condition is not None and trigger.condition.truth(self.history.whole, t) <= 0:
            return "if"
        return ""

    def _unrecorded(self, mine: Sequence[Firing] | None, t: Millis) -> str:
        """Where all firings of that time are remembered, and none is of this step."""
        if mine is None:
            return ""
        return "unrecorded" if self._subject.complete_since < t <= self._subject.clock else ""

    def _remembered(self, watch: Watch) -> list[Firing] | None:
        if self._firings is None:
            return None
        return [firing for firing in self._firings if _key(firing.per) == _key(watch.per)]


def _key(value: Scalar | None) -> Key | None:
    return None if value is None else scalar_key(value)
