"""The alarm: the task that wakes users when their deadlines are reached."""

import time
from collections.abc import Awaitable, Callable, Iterable

import trio

from engine.core.events import INF, Millis
from engine.runtime.agenda import Agenda
from engine.runtime.clock import Clock
from engine.runtime.ports import Telemetry

STRETCH = 0.002
"""Seconds of work after which other tasks get their turn."""

_LOOK = 1.0
"""Seconds after which the clock is looked at again, for it may have been set ahead."""


class Alarm:
    """Holds the agenda and calls `wake` for each user whose deadline is reached: never early, and late as it says."""

    def __init__(self, clock: Clock, wake: Callable[[str], Awaitable[None]], telemetry: Telemetry) -> None:
        self._agenda = Agenda()
        self._clock = clock
        self._wake = wake
        self._telemetry = telemetry
        self._sooner = trio.Event()
        self._waking = False

    def __len__(self) -> int:
        """How many users have a deadline."""
        return len(self._agenda)

    def is_quiet(self, now: Millis) -> bool:
        """Whether everyone whose deadline is reached at `now` has been woken."""
        return not self._waking and self.earliest() > now

    def earliest(self) -> Millis:
        """An instant before which nothing falls due; INF where nothing ever will."""
        return self._agenda.earliest()

    def set(self, name: str, at: Millis) -> None:
        """Give the user `name` the deadline `at` in place of the one before; INF takes it away."""
        if at < self._agenda.earliest():
            self._sooner.set()
        self._agenda.set(name, at)

    def fill(self, deadlines: Iterable[tuple[str, Millis]]) -> None:
        """Give many users, none of whom has a deadline, theirs at once."""
        self._agenda.fill(deadlines)
        self._sooner.set()

    def look(self) -> None:
        """Look at the clock at once: it may have been set ahead."""
        self._sooner.set()

    async def run(self) -> None:
        """Wake users at their deadlines, for ever."""
        while True:
            self._sooner = trio.Event()
            await self._ring()
            with trio.move_on_after(self._pause()):
                await self._sooner.wait()

    async def _ring(self) -> None:
        """Wake everyone who is due, letting other tasks run at least every two milliseconds of work."""
        began = time.perf_counter()
        while (due := self._agenda.pop(now := self._clock())) is not None:
            name, at = due
            self._telemetry.late((now - at) / 1_000)
            self._waking = True
            await self._wake(name)
            self._waking = False
            if time.perf_counter() - began > STRETCH:
                await trio.lowlevel.checkpoint()
                began = time.perf_counter()

    def _pause(self) -> float:
        """Seconds until the next deadline may be reached."""
        earliest = self._agenda.earliest()
        if earliest >= INF:
            return _LOOK
        return min(max(earliest - self._clock(), 0) / 1_000, _LOOK)
