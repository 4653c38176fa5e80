"""One user: told the time and what happened, it answers with what fires.

Theory of operation. A user's life is a sequence of steps: one for each input, at the time it was received, and one for
each instant at which something may change by itself. A step concerns few watches (a watch is a trigger's memory of the
whole timeline, or of one value of its `per` property); each is advanced, and says by when it wants to be looked at
again. The earliest of those instants is the user's horizon. Every input first settles what was due before it, so it
makes no difference when, or whether, somebody wakes the user in time.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from engine.core import consequences, snapshot
from engine.core.adoption import adopt
from engine.core.deadlines import Deadlines
from engine.core.decisions import Firing
from engine.core.events import (
    INF,
    Consent,
    Input,
    Membership,
    Millis,
    Outcome,
    Scalar,
    Suppression,
    Track,
    Traits,
    decode,
)
from engine.core.exposures import Exposures
from engine.core.history import History
from engine.core.identity import is_anonymous
from engine.core.merging import join
from engine.core.program import Program
from engine.core.release import Release, release
from engine.core.repeats import Repeats
from engine.core.sending.consent import TRAIT as CONSENT
from engine.core.sending.consent import stances
from engine.core.sending.person import Sending
from engine.core.sending.policy import Policy
from engine.core.snapshot import Snapshot
from engine.core.timeline import Place, Recorded, after_all
from engine.core.watch import Step, Watch
from engine.core.watches import Turns, Watches
from engine.core.where import Properties

REMEMBERED = 100
"""So many of the last firings are kept."""


class Pending(NamedTuple):
    """A deadline that is armed: at `at` the trigger is looked at again."""

    trigger: str
    per: Scalar | None
    at: Millis


class User:
    """A user, or an anonymous visitor; `name` is a canonical id as `identity` makes them."""

    __slots__ = (
        "born",
        "clock",
        "deadlines",
        "exposures",
        "fired",
        "first_id",
        "history",
        "name",
        "pages",
        "program",
        "repeats",
        "sending",
        "watches",
    )

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.first_id = name
        """The first id by which the user was known: kept through merges, for hashes and idempotency keys."""
        self.program = program
        self.clock: Millis = 0
        """When the last step was."""
        self.born: int | None = None
        """`seq` of the first input."""
        self.history = History(program)
        self.repeats = Repeats()
        self.fired: list[Firing] = []
        """The last firings, oldest first."""
        self.exposures = Exposures()
        """Which variants the person has, and what came of what fired."""
        self.sending = Sending()
        """What is due, what was sent, and what was said of that."""
        self.deadlines = Deadlines()
        self.watches = Watches(self.history, self.deadlines)
        self.pages: dict[str | None, tuple[Any, ...]] = {}
        """What the handlers have looked up, by event name; to be let go of when a series or a watch is replaced."""

    def snapshot(self, *, whole: bool = False) -> Snapshot:
        """The user, for `restore`: the state, and the events that the snapshots before did not have.

        With `whole`, all events, as if there had been no snapshot before.
        """
        self.deadlines.tighten()
        chunk, is_whole = self.history.archive.chunk(self.history.timeline, whole=whole)
        return Snapshot(snapshot.take(self), chunk, is_whole)

    @classmethod
    def restore(cls, state: bytes, chunks: Iterable[bytes], program: Program) -> "User":
        """The user of whom snapshots were taken: it goes on exactly as that one.

        Args:
            state: of the last snapshot.
            chunks: of all snapshots since the last whole one, that one included; of those that hold only what is older
                than `program.keep`, it makes no difference whether they are there.
            program: what was in force when the snapshot was taken, or what means the same.

        Raises:
            SnapshotError: the bytes are not a snapshot of this version, or were taken under other triggers.

        """
        saved = snapshot.read(state)
        user = cls(saved.name, program)
        snapshot.fill(user, saved, chunks)
        return user

    # What may be asked of a user ---------------------------------------------------------------------------------

    @property
    def profile(self) -> dict[str, Any]:
        """The traits."""
        return self.history.whole.profile

    def horizon(self) -> Millis:
        """An instant before which nothing happens by itself; INF if nothing can."""
        return self.deadlines.earliest

    def deadline(self) -> Millis:
        """When the next thing may happen by itself; INF if nothing can. It is sought among all, once in a while."""
        return self.deadlines.tighten()

    def pending(self) -> list[Pending]:
        """The deadlines that are armed, earliest first."""
        found = [Pending(watch.trigger.origin, watch.per, at) for watch, at in self.deadlines if self._is_told(watch)]
        return sorted(found, key=lambda pending: (pending.at, pending.trigger))

    def _is_told(self, watch: Watch) -> bool:
        """Whether a watch is one of the files' triggers, of the variant that the person has."""
        trigger = watch.trigger
        mine = trigger.mine is None or self.exposures.arm(trigger, self.first_id).name in trigger.mine
        return mine and not trigger.role

    def segments(self, now: Millis) -> list[str]:
        """Names of the segments that hold at `now`, or as far as the user is settled."""
        t = min(max(now, self.clock), self.deadline() - 1)
        whole = self.history.whole
        return sorted(name for name, state in self.program.segments.items() if state.truth(whole, t) > 0)

    def recent(self, limit: int, name: str | None = None) -> list[Recorded]:
        """Up to `limit` events, newest first, of one name if given."""
        return self.history.timeline.newest_first(limit, name)

    def firings(self) -> list[Firing]:
        """The last firings, newest first."""
        return list(reversed(self.fired))

    @property
    def is_bare(self) -> bool:
        """Whether nothing is known of the user but events, and no name."""
        whole = self.history.whole
        return is_anonymous(self.name) and not (whole.profile or whole.lists or self.sending or self.exposures)

    def release(self, message: str, now: Millis, policy: Policy) -> Release:
        """Whether a message that is due, by its id, may go at `now`, in real time; nothing is changed by asking."""
        return release(self, message, now, policy)

    def retire(self) -> None:
        """Take no step any more; what is known may still be asked.

        Scopes and their watches refer to each other, so that without this only Python's collector would find a user who
        is let go of, and it would have to look through all the others for that.
        """
        for scope in self.history.all_scopes():
            scope.watches.clear()

    # How time goes on --------------------------------------------------------------------------------------------

    def wake(self, now: Millis) -> list[Firing]:
        """Settle what is due up to `now`, each at its own instant."""
        fired: list[Firing] = []
        if self.deadlines.earliest > now:
            return fired
        following = self.deadline()
        while (at := following) <= now:
            fired += self.advance(dict.fromkeys(self.deadlines.due(at), Step(at)))
            self.clock = max(self.clock, at)
            following = self.deadline()
            assert following > at, "settling must advance"  # noqa: S101  the one way in which it could hang
        return fired

    def observe(self, item: Input, now: Millis, absorbed: "User | None" = None) -> list[Firing]:
        """Take an input received at `now`: one step, after what was due before it.

        Args:
            item: what happened.
            now: when it was received; earlier than the previous input's counts as that one's.
            absorbed: the user whose timeline enters this one in the same step, because the input says that they are
                one; not to be used afterwards.

        Returns:
            What fired, in order; nothing but what was due before for a `messageId` seen in the last 24 hours.

        Raises:
            msgspec.DecodeError: properties or traits are not an object; nothing has changed.

        """
        if isinstance(item, Track):
            handle = self.program.handlers[item.name]
            if handle is not None:
                return handle(self, item, now)
        content = self._read(item)
        now = max(now, self.clock, absorbed.clock if absorbed else 0)
        fired = self.wake(now)
        self.clock = now
        repeated = isinstance(item, Track | Traits) and self.repeats.is_repeated(item.message_id, now)
        if absorbed is not None:
            fired = sorted(fired + absorbed.wake(now), key=lambda firing: firing.at)
        elif repeated:
            return fired
        match item:
            case Track():
                fired += self.take(item, content, now)
                consequences.hear(self, item)
            case Traits():
                fired += self._update(item, content, now, absorbed)
            case Membership():
                fired += self._enlist(item, now)
            case Outcome():
                self._conclude(item)
            case Consent() | Suppression():
                self.sending.say(item, now)
        self.born = item.seq if self.born is None else self.born
        return fired

    def adopt(self, program: Program, now: Millis) -> list[Firing]:
        """Go on under other trigger files, from `now` on.

        Triggers that mean the same go on where they are. The deadlines of new ones that lie ahead are armed from the
        timeline, what lies behind does not fire; a trigger that says `backfill` fires once where it holds already.
        """
        fired = self.wake(now)
        self.clock = max(now, self.clock)
        self.forget(
            after_all(self.clock - self.program.keep)
        )  # what is past keeping may be gone already where it is kept
        return fired + adopt(self, program)

    def _read(self, item: Input) -> Properties:
        """The traits, or the properties if anybody asks for them."""
        match item:
            case Track(name=name, properties=raw):
                return self.history.read(name, raw)
            case Traits(traits=raw):
                return decode(raw)
            case Membership() | Outcome() | Consent() | Suppression():
                return {}

    # Steps, by kind of input -------------------------------------------------------------------------------------

    def take(self, event: Track, properties: Properties, now: Millis) -> list[Firing]:
        """Take an event that is no repetition, when what was due before it is settled: the general way."""
        ts = min(event.ts, now)
        late = event.imported or now - ts > self.program.history_after
        seen = self.history.see(Recorded(ts, event.seq, event.name, now, late, event.properties), properties)
        turns = self.watches.concerned(seen, now)
        for watch, step in turns.items():
            if watch.trigger.previews:
                for node in watch.trigger.previews:
                    node.prepare(watch, step)
        self.history.take(seen)
        for watch in self._forget(now):
            turns.setdefault(watch, Step(now, live=not late))
        return self.advance(turns, event.seq)

    def _update(self, update: Traits, traits: Properties, now: Millis, absorbed: "User | None") -> list[Firing]:
        step = Step(now, live=not update.imported, merged=absorbed is not None)
        concerned = self.watches.of(self.program.by_traits, now)
        if absorbed is not None:
            absorbed.watches.of(self.program.by_traits, now)
            join(self, absorbed)
            concerned = list(self.watches)
        self.sending.agree(stances(traits.get(CONSENT), now), imported=update.imported)
        for trait, value in traits.items():
            if value is None:
                self.profile.pop(trait, None)
            else:
                self.profile[trait] = value
        return self.advance(dict.fromkeys(concerned, step))

    def _enlist(self, membership: Membership, now: Millis) -> list[Firing]:
        concerned = self.watches.of(self.program.by_list.get(membership.segment, ()), now)
        change = set.add if membership.member else set.discard
        change(self.history.whole.lists, membership.segment)
        return self.advance(dict.fromkeys(concerned, Step(now)))

    def _conclude(self, outcome: Outcome) -> None:
        """A message is being sent, has ended, or is due again, if its firing is remembered."""
        if outcome.fate == "due":
            again = (due for firing in self.fired for due in consequences.due_of(self, firing))
            self.sending.expect(due for due in again if due.id == outcome.message)
        else:
            self.sending.conclude(outcome)

    # What comes of it --------------------------------------------------------------------------------------------

    def advance(self, turns: Turns, event: int | None = None) -> list[Firing]:
        """Take one step with all watches it concerns; returns what fires, in order."""
        firing = [(watch, step.t) for watch, step in turns.items() if self.look(watch, step)]
        return self.fire_all(firing, event) if firing else []

    def look(self, watch: Watch, step: Step) -> bool:
        """Take one step with one watch; whether it is to fire."""
        watch.due = INF
        occurrences = watch.trigger.when.advance(watch, step)
        if watch.due != watch.armed:
            self.deadlines.arm(watch)
        return bool(occurrences) and any(each.fresh for each in occurrences) and self.may_fire(watch, step.t)

    def fire_all(self, happened: Sequence[tuple[Watch, Millis]], event: int | None) -> list[Firing]:
        """Let the watches whose moments have happened in one step do what they are for; returns what fires."""
        return consequences.fire_all(self, happened, event)

    def may_fire(self, watch: Watch, t: Millis) -> bool:
        """Whether the trigger's `cooldown`, `rollout`, variants and `if` let it fire at `t`."""
        return consequences.may_fire(self, watch, t)

    def remember(self, fired: Iterable[Firing]) -> None:
        """Keep the last firings."""
        self.fired += fired
        del self.fired[:-REMEMBERED]

    def _forget(self, now: Millis) -> list[Watch]:
        """Let go of what is too old or too much; returns the watches that miss what there was too much of."""
        surplus = self.history.surplus(now)
        if surplus is None:
            return []
        before, young = surplus
        self.forget(before)
        routes = [self.program.route(record.name) for record in young]
        return [watch for route in routes for watch in self.watches.of(route.concerned(), now)]

    def forget(self, before: Place) -> None:
        """Let go of what stands before a place."""
        self.history.forget(before)
        self.watches.forget(before, self.clock)
