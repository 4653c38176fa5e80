"""What is asked of services that do not tell by themselves."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from adapters.feedback.report import Report
from engine.core.events import Millis


class Polled(NamedTuple):
    """What a service told when it was asked."""

    reports: Sequence[Report]
    cursor: str
    """With what to ask the next time."""


class Poller(Protocol):
    """A way out through a service that can be asked what happened to messages, or who is not to be written to."""

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """What has happened since `cursor` was given, empty for the first time; what was told before may come again.

        `mailed` are the addresses that were lately sent something through this destination, the latest first.

        Raises:
            Unavailable, Unclear, Rejected: as calls do; to be asked again with the same cursor.

        """
