"""The circuit breaker: when a destination fails for everybody, it is given time to recover."""

import structlog

from engine.core.events import INF, Millis

FAILURES = 5
"""After so many failures in a row the circuit opens."""

_FIRST: Millis = 5_000
_LONGEST: Millis = 300_000

_log = structlog.get_logger()


class Breaker:
    """The circuit of one destination: closed, open, or, after a pause, open but for one attempt that probes."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._failures = 0
        self._until: Millis = 0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether nothing is attempted but now and then a probe."""
        return self._failures >= FAILURES

    @property
    def next(self) -> Millis:
        """When an attempt may begin; INF while one is probing."""
        return INF if self._probing else self._until

    def begin(self) -> None:
        """An attempt begins."""
        self._probing = self.is_open

    def abandon(self) -> None:
        """It ended without anything having been sent."""
        self._probing = False

    def succeed(self) -> None:
        """The destination has answered, whatever it thought of the message."""
        if self.is_open:
            _log.info("destination answers again", destination=self._destination)
        self._failures, self._until, self._probing = 0, 0, False

    def fail(self, now: Millis, retry_after: float | None = None) -> None:
        """The destination failed as it would have for everybody; seconds after which it asked to be tried again."""
        self._failures += 1
        self._probing = False
        if self._failures == FAILURES:
            _log.warning("destination fails, sending is paused", destination=self._destination)
        pause = round((retry_after or 0) * 1_000)
        if self.is_open:
            pause = max(pause, min(_FIRST << min(self._failures - FAILURES, 10), _LONGEST))
        self._until = max(self._until, now + pause)
