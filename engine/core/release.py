"""Release: whether a message that is due may go now, asked at real time just before each attempt.

Theory of operation. A firing makes messages due; they stay with the user as `Due` until their outcome comes back as an
input. Each gate looks at one of them and answers None (nothing against it), `Held` (not before an instant, and why) or
`Never` (and why). The first `Never` ends it; of several `Held`, the latest instant counts. The answer is data: what was
decided, by which gate, with the numbers it compared.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from engine.core.events import INF, Millis

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


class Go(msgspec.Struct, frozen=True):
    """Nothing is against it."""


class Held(msgspec.Struct, frozen=True):
    """Not before `until`."""

    reason: str
    until: Millis


class Never(msgspec.Struct, frozen=True):
    """Not any more."""

    reason: str


Release = Go | Held | Never
Gate = Callable[["User", Due, Millis], Held | Never | None]


def expiry(_: "User", due: Due, now: Millis) -> Never | None:
    """A message that could not go in time goes no more."""
    return None if now < due.expires else Never(f"it expired at {_iso(due.expires)}")


GATES: tuple[Gate, ...] = (expiry,)


def release(user: "User", message: str, now: Millis) -> Release:
    """Ask all gates about a message, by its id."""
    due = user.outgoing.get(message)
    if due is None:
        return Never("it is not due any more")
    held: Held | None = None
    for gate in user.program.gates:
        answer = gate(user, due, now)
        if isinstance(answer, Never):
            return answer
        if answer is not None and (held is None or answer.until > held.until):
            held = answer
    return held or Go()


def _iso(at: Millis) -> str:
    return datetime.fromtimestamp(at // 1_000, UTC).isoformat().replace("+00:00", "Z")
