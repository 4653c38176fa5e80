"""What comes of the moments of one step: exposures, firings, what becomes due, and what is not wanted any more."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from engine.core.decisions import Firing, message_ids
from engine.core.events import FEEDBACK, Millis, Scalar, Track, decode
from engine.core.exposures import HEARD
from engine.core.identity import plain
from engine.core.plan import Goal, Send
from engine.core.sending.holdout import place
from engine.core.sending.person import due_by
from engine.core.sending.question import Due
from engine.core.timeline import Recorded
from engine.core.watch import Watch
from engine.core.where import kind

if TYPE_CHECKING:
    from engine.core.program import CompiledTrigger
    from engine.core.user import User


def may_fire(user: "User", watch: Watch, t: Millis) -> bool:
    """Whether the trigger's `cooldown`, `rollout`, variants and `if` let it fire at `t`."""
    trigger = watch.trigger
    if watch.cools_down(t) or (trigger.once and user.sending.has_entered(trigger.origin, watch.per)):
        return False
    if trigger.rollout < 1 and place(user.first_id, f"rollout of {trigger.origin}") >= trigger.rollout:
        return False
    if trigger.only is not None and trigger.only.truth(user.history.whole, t) <= 0:
        return False
    if trigger.mine is not None and user.exposures.arm(trigger, user.first_id).name not in trigger.mine:
        return False
    return trigger.condition is None or trigger.condition.truth(user.history.whole, t) > 0


def fire_all(user: "User", happened: Sequence[tuple[Watch, Millis]], event: int | None) -> list[Firing]:
    """Let the watches whose moments have happened in one step do what they are for, each at its instant, in order.

    What companions are for comes first, for it concerns what was before this step.
    """
    order = sorted(happened, key=lambda each: (-each[0].trigger.priority, each[0].trigger.name, each[0].scope.born))
    companions = [each for each in order if each[0].trigger.role]
    for watch, at in sorted(companions, key=lambda each: each[0].trigger.role):
        _heed(user, watch.trigger, at, event)
    triggers = [watch.trigger for watch, _ in order if not watch.trigger.role]
    fired = [fire(user, watch, at, event) for watch, at in order if not watch.trigger.role]
    _settle_groups(user, sorted(zip(triggers, fired, strict=True), key=lambda each: each[0].otherwise))
    user.remember(fired)
    return fired


def fire(user: "User", watch: Watch, at: Millis, event: int | None = None) -> Firing:
    """Let a trigger fire at `at`, at the step of the event with that `seq` if it was one's."""
    trigger, per, ordinal = watch.trigger, watch.per, watch.fire(at)
    arm = user.exposures.arm(trigger, user.first_id)
    identity = [user.first_id, trigger.origin, per, at, ordinal, *([arm.name] if arm.name else ())]
    digest = blake2b(msgspec.json.encode(identity), digest_size=16).hexdigest()
    sends = () if trigger.shadow else arm.sends
    firing = Firing(
        digest,
        trigger.origin,
        plain(user.name),
        at,
        per,
        event,
        messages=tuple(send.message for send in sends),
        version=trigger.version,
        variant=arm.name,
        after=tuple(send.after for send in sends) if any(send.after for send in sends) else (),
    )
    if not trigger.looks:
        user.exposures.expose(trigger, arm, at)
    if trigger.once and not trigger.shadow:
        user.sending.enter(trigger.origin, per, firing.id)
    user.sending.expect(due_of(user, firing))
    return firing


def due_of(user: "User", firing: Firing) -> Iterator[Due]:
    """The messages that a firing makes due; where its trigger has changed since, without what that says of them."""
    trigger = user.program.by_name.get(firing.trigger)
    if trigger is None or trigger.version != firing.version:
        return due_by(firing, ())
    sends: tuple[Send, ...] = next((arm.sends for arm in trigger.arms if arm.name == firing.variant), ())
    return due_by(firing, sends if firing.messages else (), expires=trigger.expires, until=trigger.until)


def hear(user: "User", event: Track) -> None:
    """What a service reports: an opened or clicked message counts, who objects or cannot be reached gets no more."""
    if event.name not in FEEDBACK:
        return
    said = decode(event.properties)
    if event.name in HEARD:
        message = said.get("impel_id")
        for firing in user.fired:
            if said.get("machine") is not True and any(key == message for key, _ in message_ids(firing)):
                user.exposures.hear(firing, str(message), event.name)
    else:
        user.sending.object(event.name, said, user.clock)


def _heed(user: "User", trigger: "CompiledTrigger", at: Millis, event: int | None) -> None:
    """Do what a companion is for."""
    match trigger.role:
        case "ends":
            user.sending.end(trigger.until, _value(user, trigger, event), at)
        case "goal":
            reached = _record(user, event)
            if reached is not None and trigger.goal is not None:
                user.exposures.reach(trigger.origin, reached.ts, _worth(reached, trigger.goal))
        case "look":
            user.exposures.look(trigger, user.first_id, at)


def _worth(reached: Recorded, goal: Goal) -> float:
    """What an event of a goal is worth; 0 where it does not say."""
    amount = None if goal.revenue is None else goal.revenue(decode(reached.properties))
    return float(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else 0.0


def _value(user: "User", trigger: "CompiledTrigger", event: int | None) -> Scalar | None:
    """The value of `per` that an event bears, so that it ends what is due for that value; None: what is due for any."""
    record = _record(user, event)
    if trigger.ends_by is None or record is None:
        return None
    found = user.program.paths[trigger.ends_by](decode(record.properties))
    return None if kind(found) is None else found


def _record(user: "User", event: int | None) -> Recorded | None:
    if event is None:
        return None
    return next((each for each in reversed(user.history.timeline.records) if each.seq == event), None)


def _settle_groups(user: "User", fired: Sequence[tuple["CompiledTrigger", Firing]]) -> None:
    """Of the triggers of a group that have fired in one step, only the first sends; and no fallback that waits.

    In their order, those that are fallbacks themselves last.
    """
    first: dict[str, Firing] = {}
    for trigger, firing in fired:
        if not trigger.exclusive or not firing.messages:
            continue
        before = first.setdefault(trigger.exclusive, firing)
        if before is not firing:
            user.sending.bar(firing, before.trigger)
        elif not trigger.otherwise:
            user.sending.take_over(firing, user.program.fallbacks.get(trigger.exclusive, ()))
