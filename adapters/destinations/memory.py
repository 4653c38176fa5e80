"""A way out that leads nowhere: what is sent stays in a list, and failures come as they were scripted."""

from collections import deque

import msgspec
import trio

from engine.runtime.ports import Delivery, DeliveryError, Pace, Retries


class MemorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="memory"):
    """Keep the messages in memory: for tests and trials, as nothing is ever thrown away."""


class Memory:
    """Keeps what it is handed."""

    def __init__(self, pace: Pace = Pace(), behaves: Retries = Retries()) -> None:  # noqa: B008 - immutable
        self.pace = pace
        self.behaves = behaves
        self.attempts: list[Delivery] = []
        """Every delivery handed over, accepted or not."""
        self.accepted: list[Delivery] = []
        """Those that were accepted, in order."""
        self._script: deque[DeliveryError | None] = deque()

    def script(self, *outcomes: DeliveryError | None) -> None:
        """Say how the next attempts end: with that error, or, for None, well. After these, all end well."""
        self._script.extend(outcomes)

    def retries(self, _: str) -> Retries:
        """As `behaves` says."""
        return self.behaves

    async def send(self, delivery: Delivery) -> None:
        """Accept one message, or fail as scripted."""
        await trio.lowlevel.checkpoint()
        self.attempts.append(delivery)
        outcome = self._script.popleft() if self._script else None
        if outcome is not None:
            raise outcome
        self.accepted.append(delivery)
