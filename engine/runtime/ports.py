"""What the runtime asks of the world outside: ports, which adapters fill.

A destination tells three kinds of failure apart, because they ask for different things: `Rejected` (definite: do not
try again), `Unavailable` (definite: nothing was sent, try later) and `Unclear` (nobody knows whether it was sent).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.core.events import Millis


@dataclass(frozen=True, slots=True)
class Delivery:
    """One rendered message on its way to one person."""

    id: str
    """Idempotency key: the same message has the same id at every attempt."""
    trigger: str
    user: str
    at: Millis
    """When its trigger fired."""
    message: str
    data: Mapping[str, Any]
    """The rendered fields of the message, as its destination wants them (for mail: to, subject, html, text)."""


class Destination(Protocol):
    """A way out."""

    async def send(self, delivery: Delivery) -> None:
        """Hand one message over.

        Raises:
            Rejected: the destination refused it for good.
            Unavailable: nothing was sent; try again, not before `retry_after` seconds where it says so.
            Unclear: it may or may not have been sent.

        """


class DeliveryError(Exception):
    """A message could not be handed over; the text says why, without personal data."""


class Rejected(DeliveryError):
    """Refused for good: do not try again."""


class Unavailable(DeliveryError):
    """Nothing was sent; it may be tried again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds to wait as the destination asked, None where it did not say."""


class Unclear(DeliveryError):
    """The answer was lost: it may have been sent."""


class Renderer(Protocol):
    """Makes the fields of a message out of what is known about the person now."""

    @property
    def names(self) -> frozenset[str]:
        """All messages there are."""

    def destination_of(self, name: str) -> str:
        """The destination by which a message leaves."""

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Render `message` with the variables `user`, `trigger`, `per`, `event`, `profile` and `recent`.

        Raises:
            Rejected: the template fails; the text says where and why.

        """


class Store(Protocol):
    """Keeps the users who are asleep."""

    async def load(self, name: str) -> bytes | None:
        """The snapshot of the user, None where there is none."""

    async def save(self, name: str, snapshot: bytes) -> None:
        """Keep the snapshot in place of the one before."""

    async def delete(self, name: str) -> None:
        """Forget the user, if known."""


class Telemetry(Protocol):
    """Is told what happens, to count and to time it; never who."""

    def decided(self, trigger: str, outcome: str) -> None:
        """A trigger fired (`fired`), or a message of it ended `sent`, `failed` or `unclear`."""

    def turn(self, seconds: float) -> None:
        """An input was routed and, where its user was awake, decided upon."""

    def late(self, seconds: float) -> None:
        """A deadline was settled so long after its instant."""

    def sent(self, destination: str, seconds: float) -> None:
        """A message was accepted so long after its trigger fired."""
