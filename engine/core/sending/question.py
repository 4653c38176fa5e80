"""What a gate is asked: may this message go to this person at this instant, after what they were sent?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from engine.core.events import INF, Millis, Scalar, Sent
from engine.core.sending.policy import Facts, Policy

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
    """Another trigger of its group, which came first."""
    tried: bool = False
    """Its destination did not take it, and it will be tried again."""
    start: Millis = 0
    """It does not go before this instant."""
    until: str = ""
    """Key of what ends it: see `Program.endings`."""
    condition: str = ""
    """Key of the state that must hold when it goes: see `Program.conditions`."""


class Question(NamedTuple):
    """One question; a gate answers it from this alone, also for an instant that is yet to come."""

    user: "User"
    due: Due
    at: Millis
    policy: Policy
    sent: Sequence[Sent]
    """What counts against the person's limits."""

    @property
    def facts(self) -> Facts:
        """What the rules ask of the message."""
        return self.policy.facts(self.due.message)

    @property
    def is_limited(self) -> bool:
        """Whether it is no transactional message, so that holdout, hours and limits concern it."""
        return self.facts.purpose != "transactional"
