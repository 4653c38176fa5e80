"""The deadlines of one user: by when which watch wants to be looked at again."""

from collections.abc import Iterator

from engine.core.events import INF, Millis
from engine.core.watch import Watch


class Deadlines:
    """The armed watches, and the earliest deadline among them.

    The earliest is kept as deadlines are armed, and sought among all only after it was taken away.
    """

    __slots__ = ("_armed", "_earliest", "_stale")

    def __init__(self) -> None:
        self._armed: dict[Watch, Millis] = {}
        self._earliest: Millis = INF
        self._stale = False

    def __contains__(self, watch: Watch) -> bool:
        return watch in self._armed

    def __iter__(self) -> Iterator[tuple[Watch, Millis]]:
        return iter(self._armed.items())

    def earliest(self) -> Millis:
        """The earliest deadline; INF if there is none."""
        if self._stale:
            self._earliest = min(self._armed.values(), default=INF)
            self._stale = False
        return self._earliest

    def due(self, at: Millis) -> list[Watch]:
        """The watches whose deadline is `at` or before."""
        return [watch for watch, deadline in self._armed.items() if deadline <= at]

    def arm(self, watch: Watch) -> None:
        """Take down a watch's `due`; INF disarms it."""
        former, due = watch.armed, watch.due
        if due == former:
            return
        watch.armed = due
        if due == INF:
            del self._armed[watch]
        else:
            self._armed[watch] = due
        if former == self._earliest:
            self._stale = True
        self._earliest = min(self._earliest, due)

    def take(self, watch: Watch) -> None:
        """Take in a watch that was armed elsewhere, or is new."""
        watch.armed = INF
        self.arm(watch)

    def _check(self) -> None:
        """Assert the invariants, for tests."""
        assert self.earliest() == min(self._armed.values(), default=INF)  # noqa: S101  an invariant is an assertion
        assert all(deadline == watch.due == watch.armed < INF for watch, deadline in self)  # noqa: S101
