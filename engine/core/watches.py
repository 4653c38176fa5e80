"""All watches of one user, and which of them a step concerns."""

from collections.abc import Iterable, Iterator

from engine.core.deadlines import Deadlines
from engine.core.events import Millis
from engine.core.history import History, Seen
from engine.core.program import CompiledTrigger
from engine.core.scope import Scope
from engine.core.timeline import Place
from engine.core.watch import Step, Watch

Turns = dict[Watch, Step]
"""The watches that a step concerns, each with the step as it sees it."""


class Watches:
    """The watches over a user's scopes.

    A watch is made when something concerns it for the first time, and takes down what was true before.
    """

    __slots__ = ("_deadlines", "_history")

    def __init__(self, history: History, deadlines: Deadlines) -> None:
        self._history = history
        self._deadlines = deadlines

    def __iter__(self) -> Iterator[Watch]:
        for scope in self._history.all_scopes():
            yield from scope.watches.values()

    @staticmethod
    def put(watch: Watch) -> None:
        """Take in a watch that was made elsewhere."""
        watch.scope.watches[watch.trigger] = watch

    @staticmethod
    def over(trigger: CompiledTrigger, scope: Scope, t: Millis) -> Watch:
        """The watch of a trigger over a scope; one made now takes down what is true before the step at `t`."""
        watch = scope.watches.get(trigger)
        if watch is None:
            watch = scope.watches[trigger] = Watch(trigger, scope)
            for node in trigger.nodes:
                node.begin(watch, t)
        return watch

    def of(self, triggers: Iterable[CompiledTrigger], t: Millis) -> list[Watch]:
        """The watches of some triggers: of the whole timeline, or of all values that have one."""
        found: list[Watch] = []
        for trigger in triggers:
            if trigger.path is None:
                found.append(self.over(trigger, self._history.whole, t))
            else:
                scopes = self._history.scopes[trigger.path].values()
                found += [scope.watches[trigger] for scope in scopes if trigger in scope.watches]
        return found

    def concerned(self, seen: Seen, t: Millis) -> Turns:
        """The watches that an event at the step at `t` concerns."""
        whole, live = self._history.whole, not seen.record.history
        step = Step(t, seen.place, seen.hits, seen.hits, live)
        turns: Turns = {}
        for taker in seen.takers:
            for trigger in taker.triggers:
                if trigger.path is None:
                    turns[self.over(trigger, whole, t)] = step
                elif scope := seen.borne[trigger.path]:
                    turns[self.over(trigger, scope, t)] = step
                else:
                    unvalued = step._replace(hits=frozenset())
                    turns |= {watch: unvalued for watch, _due in self._deadlines if watch.trigger is trigger}
            if taker.by_segment:
                turns = dict.fromkeys(self.of(taker.by_segment, t), Step(t, live=live)) | turns
        if self._history.program.outsiders:
            turns = dict.fromkeys(self._begun_outside(seen, t), Step(t, live=live)) | turns
        return turns

    def _begun_outside(self, seen: Seen, t: Millis) -> list[Watch]:
        """Watches that begin with any event that bears a new value, because what they watch lies outside its scope."""
        return [
            self.over(trigger, scope, t)
            for trigger in self._history.program.outsiders
            if trigger.path is not None and (scope := seen.borne[trigger.path]) and scope.born == seen.record.seq
        ]

    def forget(self, before: Place, t: Millis) -> None:
        """Let go of what stands before a place, and of values all of whose events do, unless something still waits.

        A watch that looks outside its scope can fire without any event of its value, so it stays.
        """
        for watch in self:
            for node in watch.trigger.nodes:
                node.forget(watch, before)
        for index, scopes in enumerate(self._history.scopes):
            for key, scope in list(scopes.items()):
                if scope.last < before and all(self._is_idle(watch, t) for watch in scope.watches.values()):
                    self._history.drop(index, key)

    def _is_idle(self, watch: Watch, t: Millis) -> bool:
        outside = watch.trigger in self._history.program.outsiders
        return not outside and watch not in self._deadlines and not watch.cools_down(t)
