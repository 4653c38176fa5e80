"""Time as the engine lives it: wall time that never goes back and does not leap.

A machine's wall clock may be set back (a deadline would wait for the lost hour, an event lie in the future) or leap
ahead (every deadline would fall due at once, perhaps by mistake). So time is carried by the monotonic clock and steered
by the wall clock: where wall time is behind, time passes at half speed until it has caught up; where wall time is ahead
by no more than a minute, time follows at once; where it is further ahead, the leap is believed only after it has lasted
ten minutes, and until then `suspicious` says so.
"""

import time
from collections.abc import Callable

import structlog

from engine.core.events import Millis

LEAP: Millis = 60_000
CONFIRMATION: Millis = 600_000

_log = structlog.get_logger()

Clock = Callable[[], Millis]
"""Answers with the present instant."""


def wall() -> Millis:
    """The machine's wall clock."""
    return time.time_ns() // 1_000_000


def monotonic() -> Millis:
    """The machine's monotonic clock: an arbitrary origin, never set."""
    return time.monotonic_ns() // 1_000_000


class SteadyClock:
    """A clock that steers by two others; calling it gives the instant. `since` is one that lies behind already."""

    def __init__(self, wall: Clock = wall, monotonic: Clock = monotonic, *, since: Millis = 0) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._read = monotonic()
        self._now: float = max(wall(), since)
        self._leapt: Millis | None = None

    @property
    def suspicious(self) -> bool:
        """Whether the wall clock has leapt ahead and the leap is not believed yet."""
        return self._leapt is not None

    def __call__(self) -> Millis:
        """The present instant; never earlier than the one before."""
        read, steered = self._monotonic(), self._wall()
        elapsed = read - self._read
        self._read = read
        if steered <= self._now + elapsed:
            self._now = max(self._now + elapsed / 2, steered)
            self._leapt = None
        elif self._believed(steered - self._now - elapsed, read):
            self._now = steered
            self._leapt = None
        else:
            self._now += elapsed
        return int(self._now)

    def _believed(self, leap: float, read: Millis) -> bool:
        if leap <= LEAP:
            return True
        if self._leapt is None:
            self._leapt = read
            _log.warning("the wall clock leapt ahead; deadlines are held until it has lasted", ahead_ms=int(leap))
        return read - self._leapt >= CONFIRMATION


class MovableClock:
    """A clock that runs with another one, and can be moved ahead of it; never back."""

    def __init__(self, clock: Clock) -> None:
        self.ahead: Millis = 0
        """How far it is ahead of the other."""
        self._clock = clock

    def __call__(self) -> Millis:
        """The present instant."""
        return self._clock() + self.ahead

    def forward(self, span: Millis) -> None:
        """Move it ahead.

        Raises:
            ValueError: the span is negative: time does not go back.

        """
        if span < 0:
            raise ValueError("time does not go back")
        self.ahead += span
