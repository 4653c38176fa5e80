"""Pacing: no more attempts a second than the account allows.

A token bucket in its other form, the generic cell rate algorithm (ITU-T I.371): one instant says all, the one at which
the bucket would be full again.
"""

from engine.core.events import Millis
from engine.runtime.ports import Pace


class Pacing:
    """The rate of one account."""

    def __init__(self, pace: Pace) -> None:
        self._interval = 1_000 / pace.rate if pace.rate else 0.0
        self._tolerance = self._interval * (max(pace.burst, 1) - 1)
        self._full: float = 0

    @property
    def next(self) -> Millis:
        """When the next attempt may begin."""
        return -int(-(self._full - self._tolerance) // 1)

    def begin(self, now: Millis, number: int = 1) -> None:
        """An attempt begins, or so many together."""
        self._full = max(self._full, now) + self._interval * number
