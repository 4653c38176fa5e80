"""Release: whether a message that is due may go now, asked at real time just before each attempt.

Theory of operation. A firing makes messages due; they stay with the user as `Due` until their outcome comes back as an
input. The gates are asked one after the other: each answers None (nothing against it), `Held` (not before an instant)
or `Never`, and the first that has something against it decides. A gate is a pure function of the question, so it can be
asked of an instant that is yet to come: where one holds, all are asked again as of its instant, until none holds. That
is when the message will go if nothing happens meanwhile; nobody has to look before.

Of several messages that may go at one instant the one with the highest priority goes first. So whoever is asked about
another counts as sent what stands before it and may go now.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.core.events import Millis, Sent
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.caps import caps
from engine.core.sending.consent import address, consent, withdrawal
from engine.core.sending.fatigue import fatigue
from engine.core.sending.holdout import holdout
from engine.core.sending.hours import quiet_hours
from engine.core.sending.local import in_words
from engine.core.sending.policy import Policy
from engine.core.sending.question import Due, Question
from engine.core.sending.suppression import suppression

if TYPE_CHECKING:
    from engine.core.user import User

Release = Go | Held | Never
Gate = Callable[[Question], Held | Never | None]

DELAY = "delay"
"""What waits for its time is held by this gate."""

_CHANGED = "its trigger was changed since, and what it asked can be told no more"


def delay(asked: Question) -> Held | Never | None:
    """A later step waits for its time, unless what it belongs to has ended before."""
    due = asked.due
    if asked.at >= due.start:
        return None
    for ending in (wanted, withdrawal, suppression, exclusive):
        if (never := ending(asked)) is not None:
            return never
    return Held(DELAY, f"delay: it is due at {in_words(due.start)}", due.start)


def wanted(asked: Question) -> Never | None:
    """A message goes no more when the trigger's `until` has happened after its firing."""
    due, endings = asked.due, asked.user.program.endings
    if due.ended is not None:
        return Never("until", f"until: `{endings.get(due.until, 'what ends it')}` happened at {in_words(due.ended)}")
    if due.until and due.until not in endings:
        return Never("until", f"until: {_CHANGED}")
    return None


def condition(asked: Question) -> Never | None:
    """The `if` of a step must hold when it goes."""
    key = asked.due.condition
    if not key:
        return None
    found = asked.user.program.conditions.get(key)
    if found is None:
        return Never("if", f"if: {_CHANGED}")
    holds = found.state.truth(asked.user.history.whole, asked.at) > 0
    return None if holds else Never("if", f"if: `{found.text}` does not hold at {in_words(asked.at)}")


def expiry(asked: Question) -> Never | None:
    """A message that could not go in time goes no more."""
    expires = asked.due.expires
    return None if asked.at < expires else Never("expires", f"it expired at {in_words(expires)}")


def exclusive(asked: Question) -> Never | None:
    """Of a group only one message goes in a step, and a fallback only where no other trigger came before its time."""
    first = asked.due.barred
    return Never("exclusive", f"exclusive: `{first}` of the same group came first") if first else None


GATES: tuple[Gate, ...] = (
    delay,
    wanted,
    condition,
    expiry,
    address,
    consent,
    suppression,
    holdout,
    quiet_hours,
    caps,
    fatigue,
    exclusive,
)
"""In the order in which they are asked."""

NAMES = (
    DELAY,
    "until",
    "if",
    "expires",
    "address",
    "consent",
    "suppression",
    "holdout",
    "quiet hours",
    "cap",
    "fatigue",
    "exclusive",
)
"""What they are called in their answers, in the same order."""


def release(user: "User", message: str, now: Millis, policy: Policy) -> Release:
    """Ask the gates about a message, by its id, as of `now`."""
    due = user.sending.due.get(message)
    if due is None:
        return Never("due", "it is not due any more")
    asked = Question(user, due, now, policy, _before(user, due, now, policy))
    answer = _ask(asked)
    if not isinstance(answer, Held):
        return answer or Go()
    until, later = answer.until, _ask(asked._replace(at=answer.until))
    while isinstance(later, Held):
        assert later.until > until, "a gate that holds must let go later"  # noqa: S101  else it would hang
        until = later.until
        later = _ask(asked._replace(at=until))
    return replace(answer, until=min(until, due.expires))  # where it expires before, it is dropped then, and says so


def _before(user: "User", due: Due, now: Millis, policy: Policy) -> Sequence[Sent]:
    """What was sent before a message: by now, and at this instant because it has a higher priority or came before."""
    sent = list(user.sending.ledger)
    if not policy.has_limits or len(user.sending.due) == 1:
        return sent
    going = {each.id for each in sent}
    ranked = sorted(user.sending.due.values(), key=lambda each: -_priority(user, each))
    for other in ranked[: ranked.index(due)]:
        asked = Question(user, other, now, policy, sent)
        if other.id not in going and not other.tried and asked.is_limited and _ask(asked) is None:
            sent.append(entry(other, now, policy))
    return sent


def entry(due: Due, now: Millis, policy: Policy) -> Sent:
    """What counts of a message that is sent now."""
    facts = policy.facts(due.message)
    return Sent(due.id, now, due.trigger, due.message, facts.channel, facts.tags, facts.weight)


def _priority(user: "User", due: Due) -> float:
    trigger = user.program.by_name.get(due.trigger)
    return 0 if trigger is None else trigger.priority


def _ask(asked: Question) -> Held | Never | None:
    """What the first gate says that has something against it."""
    for gate in asked.user.program.gates:
        answer = gate(asked)
        if answer is not None:
            return answer
    return None
