"""How the timeline of one user enters another's, when an input says that they are one.

What is pending on either goes on pending, unless an event of the other ends it; what had fired on either does not fire
again, and the later of two firings counts for a cooldown. Where both have a trait, the user's own stays.
"""

from typing import TYPE_CHECKING

from engine.core.timeline import after_all
from engine.core.watch import Step, Watch

if TYPE_CHECKING:
    from engine.core.user import User


def join(user: "User", other: "User") -> None:
    """Let `other`'s timeline and memory into `user`'s; both are settled up to the same instant.

    The watches must be advanced afterwards, with a step that says `merged`.
    """
    assert user.program is other.program, "both must have taken up the same triggers"  # noqa: S101  a caller's duty
    user.pages.clear()
    if user.born is None:
        user.history.whole.watches.clear()  # nothing was true for someone never heard of: only the other remembers
    else:
        _meet(user, other)
    for each in (user, other):
        each.forget(after_all(user.clock - each.program.keep))  # what is past keeping meets nothing any more
        each.advance(dict.fromkeys(each.watches, Step(user.clock)))  # what has fallen meanwhile is seen to have
    _join_histories(user, other)
    for watch in list(other.watches):
        _join_watch(user, watch)
    if other.born is not None and (user.born is None or other.born < user.born):
        user.first_id, user.born = other.first_id, other.born
    user.repeats.absorb(other.repeats)
    user.sending.absorb(other.sending)
    user.exposures.absorb(other.exposures)
    fired = sorted([*other.fired, *user.fired], key=lambda firing: firing.at)
    user.fired.clear()
    user.remember(fired)


def _meet(user: "User", other: "User") -> None:
    """Give both a watch of the whole timeline wherever one has it: each tells what was true for it before."""
    for trigger in user.program.triggers:
        mine, theirs = user.history.whole, other.history.whole
        if trigger in mine.watches or trigger in theirs.watches:
            user.watches.over(trigger, mine, user.clock)
            other.watches.over(trigger, theirs, user.clock)


def _join_histories(user: "User", other: "User") -> None:
    mine, theirs = user.history, other.history
    for record in theirs.timeline.records:
        mine.timeline.insert(record.place, record)
    mine.archive.discard()
    mine.whole.profile = theirs.whole.profile | mine.whole.profile
    mine.whole.lists |= theirs.whole.lists
    for index, scopes in enumerate(theirs.scopes):
        for scope in scopes.values():
            kept = mine.counterpart(index, scope)
            kept.born = min(kept.born, scope.born)
    for scopes, births, others in zip(mine.scopes, mine.births, theirs.births, strict=True):
        for key, born in others.items():
            if key in scopes:
                scopes[key].born = min(born, scopes[key].born)
            else:
                births[key] = min(born, births.get(key, born))
    mine.rebuild()


def _join_watch(user: "User", other: Watch) -> None:
    other.scope = user.history.counterpart(other.trigger.path, other.scope)
    watch = other.scope.watches.get(other.trigger)
    if watch is None:
        user.watches.put(other)
        user.deadlines.arm(other)
        return
    for node in watch.trigger.nodes:
        node.absorb(watch, other.slots[node.slot])
    if other.last_firing > watch.last_firing:
        watch.fired_at, watch.ordinal = other.fired_at, other.ordinal
