"""Release: whether a message that is due may go now, asked at real time just before each attempt.

Theory of operation. A firing makes messages due; they stay with the user as `Due` until their outcome comes back as an
input. The gates are asked one after the other: each answers None (nothing against it), `Held` (not before an instant)
or `Never`, and the first that has something against it decides. A gate is a pure function of the user, the rules and
the instant, so it can be asked of an instant that is yet to come: where one holds, all are asked again as of its
instant, until none holds. That is when the message will go if nothing happens meanwhile; nobody has to look before.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from engine.core.events import INF, Millis, Scalar
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.caps import caps
from engine.core.sending.consent import address, consent
from engine.core.sending.fatigue import fatigue
from engine.core.sending.holdout import holdout
from engine.core.sending.hours import quiet_hours
from engine.core.sending.local import in_words
from engine.core.sending.policy import Policy
from engine.core.sending.suppression import suppression

if TYPE_CHECKING:
    from engine.core.user import User


class Due(msgspec.Struct, frozen=True, array_like=True):
    """A message that a firing made due and whose outcome is not known yet."""

    id: str
    """Idempotency key: see `decisions.message_id`."""
    trigger: str
    message: str
    at: Millis
    """When the trigger fired."""
    expires: Millis = INF
    """From this instant on it is not sent any more."""
    per: Scalar | None = None
    """The value for which the trigger fired."""
    ended: Millis | None = None
    """When the trigger's `until` happened."""
    barred: str = ""
    """The exclusive group of which another trigger came first in the step of the firing."""


Release = Go | Held | Never
Gate = Callable[["User", Due, Millis, Policy], Held | Never | None]


def wanted(user: "User", due: Due, _: Millis, __: Policy) -> Never | None:
    """A message goes no more when the trigger's `until` has happened after its firing."""
    if due.ended is None:
        return None
    trigger = user.program.by_name.get(due.trigger)
    what = f"`{trigger.until_text}`" if trigger is not None and trigger.until_text else "what ends it"
    return Never("until", f"until: {what} happened at {in_words(due.ended)}")


def exclusive(_: "User", due: Due, __: Millis, ___: Policy) -> Never | None:
    """Of an exclusive group only one message goes in a step."""
    return Never("exclusive", f"exclusive: another of `{due.barred}` came first") if due.barred else None


def expiry(_: "User", due: Due, now: Millis, __: Policy) -> Never | None:
    """A message that could not go in time goes no more."""
    return None if now < due.expires else Never("expires", f"it expired at {in_words(due.expires)}")


GATES: tuple[Gate, ...] = (
    wanted,
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


def release(user: "User", message: str, now: Millis, policy: Policy) -> Release:
    """Ask the gates about a message, by its id, as of `now`."""
    due = user.outgoing.get(message)
    if due is None:
        return Never("due", "it is not due any more")
    answer = _ask(user, due, now, policy)
    if not isinstance(answer, Held):
        return answer or Go()
    until, later = answer.until, _ask(user, due, answer.until, policy)
    while isinstance(later, Held):
        assert later.until > until, "a gate that holds must let go later"  # noqa: S101  else it would hang
        until = later.until
        later = _ask(user, due, until, policy)
    return replace(answer, until=min(until, due.expires))  # where it expires before, it is dropped then, and says so


def _ask(user: "User", due: Due, at: Millis, policy: Policy) -> Held | Never | None:
    """What the first gate says that has something against it."""
    for gate in user.program.gates:
        answer = gate(user, due, at, policy)
        if answer is not None:
            return answer
    return None
