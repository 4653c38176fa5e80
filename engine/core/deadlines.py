"""The deadlines of one user: by when which watch wants to be looked at again.

The earliest is a bound, not a minimum: it is lowered when a deadline is armed, and found out anew only when it is
reached. Deadlines are put off all the time and met seldom, so to be woken for nothing now and then costs less than to
seek the minimum at every event.
"""

from collections.abc import Iterator

from engine.core.events import INF, Millis
from engine.core.watch import Watch


class Deadlines:
    """The armed watches, and an instant before which none of them is due."""

    __slots__ = ("armed", "earliest")

    def __init__(self) -> None:
        self.armed: dict[Watch, Millis] = {}
        self.earliest: Millis = INF
        """No deadline is earlier; INF if there is none."""

    def __contains__(self, watch: Watch) -> bool:
        return watch in self.armed

    def __iter__(self) -> Iterator[tuple[Watch, Millis]]:
        return iter(self.armed.items())

    def tighten(self) -> Millis:
        """Find out the earliest deadline."""
        self.earliest = min(self.armed.values(), default=INF)
        return self.earliest

    def due(self, at: Millis) -> list[Watch]:
        """The watches whose deadline is `at` or before."""
        return [watch for watch, deadline in self.armed.items() if deadline <= at]

    def arm(self, watch: Watch) -> None:
        """Take down a watch's `due`; INF disarms it."""
        due = watch.armed = watch.due
        if due < INF:
            self.armed[watch] = due
            self.earliest = min(self.earliest, due)
        else:
            self.armed.pop(watch, None)
            if not self.armed:
                self.earliest = INF

    def _check(self) -> None:
        """Assert the invariants, for tests."""
        assert self.earliest <= min(self.armed.values(), default=INF)  # noqa: S101  an invariant is an assertion
        assert self.armed or self.earliest == INF  # noqa: S101
        assert all(deadline == watch.due == watch.armed < INF for watch, deadline in self)  # noqa: S101
