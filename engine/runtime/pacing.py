"""Pacing: no more a second than is allowed.

A token bucket in its other form, the generic cell rate algorithm (ITU-T I.371): one instant says all, the one at which
the bucket would be full again.
"""

from math import inf


class Pacing:
    """A rate, so many a second and so many at once; 0 a second: as many as come. Instants are seconds of one clock."""

    def __init__(self, rate: float, burst: int = 1) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._tolerance = self._interval * (max(burst, 1) - 1)
        self._full = -inf

    @property
    def next(self) -> float:
        """When the next may begin."""
        return self._full - self._tolerance

    def begin(self, now: float, number: int = 1) -> None:
        """One begins, or so many together."""
        self._full = max(self._full, now) + self._interval * number

    def forgo(self) -> None:
        """One that has begun is not to count."""
        self._full -= self._interval
