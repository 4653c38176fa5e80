"""How a user takes up a changed set of triggers.

A new trigger's deadlines are found by letting a novice live through the user's timeline with only the new triggers, in
the order and at the times at which the events came; what fires on the way lies behind and is not said. Traits and lists
have no history: for the novice they were always as they are now, so what they make true has not become true.
"""

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.core.consequences import fire
from engine.core.deadlines import Deadlines
from engine.core.decisions import Firing
from engine.core.events import Millis, Scalar, Track
from engine.core.history import History
from engine.core.program import CompiledTrigger, NoHandlers, Program, Route
from engine.core.watch import Watch
from engine.core.watches import Watches
from engine.core.where import scalar_key

if TYPE_CHECKING:
    from engine.core.user import User

Whose = tuple[str, Scalar | None]


class _Novice:
    """A user with only the new triggers, who has lived through the timeline; and the deadlines met on the way."""

    def __init__(self, user: "User", program: Program) -> None:
        self.user = type(user)(user.name, program)
        self.awaited: dict[Watch, Millis] = {}
        """The latest instant that each watch of a trigger that backfills ever waited for."""
        self.fell_due: dict[Whose, Millis] = {}
        """The latest instant at which time alone made a trigger fire."""
        if not program.triggers:
            return
        self.user.history.whole.profile = dict(user.profile)
        self.user.history.whole.lists = set(user.history.whole.lists)
        for record in sorted(user.history.timeline.records, key=lambda record: record.seq):
            event = Track(record.seq, record.name, record.ts, record.properties, imported=record.history)
            self._note(self.user.observe(event, record.received_at))
        self._note(self.user.wake(user.clock))

    def _note(self, fired: list[Firing]) -> None:
        for firing in fired:
            if firing.event is None:
                self.fell_due[firing.trigger, firing.per] = firing.at
        for watch, _due in self.user.deadlines:
            if watch.trigger.backfill:
                awaited = max((node.awaited(watch) for node in watch.trigger.nodes), default=0)
                self.awaited[watch] = max(awaited, self.awaited.get(watch, 0))

    def is_overdue(self, watch: Watch) -> bool:
        """Whether the latest deadline of a watch has passed, so that it fired."""
        return self.fell_due.get((watch.trigger.name, watch.per)) == self.awaited.get(watch, 0)


def adopt(user: "User", program: Program) -> list[Firing]:
    """Let a user, settled up to its clock, go on under another program; returns what backfilling fires."""
    kept = [watch for watch in user.watches if _same(program.by_name.get(watch.trigger.name), watch.trigger)]
    former = {_whose(watch): watch for watch in user.watches}
    novice = _Novice(user, _newcomers(program, user.program))
    user.history = _under(program, user.history)
    user.program, user.deadlines = program, Deadlines()
    user.watches = Watches(user.history, user.deadlines)
    user.pages.clear()
    for watch in novice.user.watches:
        # What fired on the way lies behind; what fired under the former text still counts for cooldown.
        before = former.get(_whose(watch))
        watch.fired_at, watch.ordinal = (None, 0) if before is None else (before.fired_at, before.ordinal)
    for watch in [*kept, *novice.user.watches]:
        _move(user, watch)
    return _backfill(user, novice)


def _whose(watch: Watch) -> tuple[str, object]:
    return watch.trigger.name, None if watch.per is None else scalar_key(watch.per)


def _same(one: CompiledTrigger | None, two: CompiledTrigger | None) -> bool:
    return one is not None and two is not None and one.digest == two.digest


@lru_cache(maxsize=8)
def _newcomers(program: Program, former: Program) -> Program:
    """The program with only those triggers that mean something new."""
    new = frozenset(each for each in program.triggers if not _same(each, former.by_name.get(each.name)))

    def only(triggers: tuple[CompiledTrigger, ...]) -> tuple[CompiledTrigger, ...]:
        return tuple(each for each in triggers if each in new)

    def narrow(route: Route) -> Route:
        takers = [
            replace(each, triggers=only(each.triggers), by_segment=only(each.by_segment)) for each in route.takers
        ]
        return replace(route, takers=tuple(takers))

    return replace(
        program,
        triggers=only(program.triggers),
        routes={name: narrow(route) for name, route in program.routes.items()},
        other=narrow(program.other),
        by_traits=only(program.by_traits),
        by_list={name: only(triggers) for name, triggers in program.by_list.items()},
        outsiders=only(program.outsiders),
        handlers=NoHandlers(),
    )


def _under(program: Program, former: History) -> History:
    """The same events, traits and lists, seen with another program's eyes."""
    history = History(program)
    history.archive = former.archive
    history.whole.profile, history.whole.lists = former.whole.profile, former.whole.lists
    for record in former.timeline.records:
        history.timeline.insert(record.place, record)
    for name, scopes, births in zip(former.program.path_names, former.scopes, former.births, strict=True):
        if name in program.path_names:
            index = program.path_names.index(name)
            history.births[index] = births
            for scope in scopes.values():
                history.counterpart(index, scope)
    history.rebuild()
    return history


def _move(user: "User", watch: Watch) -> None:
    """Point a watch at the user's own scopes and the new trigger, and arm it."""
    watch.trigger = user.program.by_name[watch.trigger.name]
    watch.scope = user.history.counterpart(watch.trigger.path, watch.scope)
    user.watches.put(watch)
    user.deadlines.arm(watch)


def _backfill(user: "User", novice: _Novice) -> list[Firing]:
    """Fire the new triggers that say so, where they hold already or their latest deadline has passed."""
    fired = []
    for trigger in sorted(novice.user.program.triggers, key=lambda each: (-each.priority, each.name)):
        if trigger.backfill:
            holds = trigger.holds
            fired += [
                fire(user, watch, user.clock)
                for watch in user.watches.of([trigger], user.clock)
                if (holds.truth(watch.scope, user.clock) > 0 if holds else novice.is_overdue(watch))
                and user.may_fire(watch, user.clock)
            ]
    user.remember(fired)
    return fired
