"""An account at a destination: how many attempts a second it allows, and how many at a time.

Destinations of one account share it. Whoever has something to attempt stands in line, and the first in line waits until
the rate allows another attempt and a slot is free; so none is passed over, and one that has nothing to attempt takes
nothing from the others.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from math import inf

import trio

from engine.runtime.pacing import Pacing
from engine.runtime.ports import Pace


class Account:
    """What an account allows: of what its destinations say, the least."""

    def __init__(self, paces: Iterable[Pace]) -> None:
        paces = list(paces)
        slowest = min(paces, key=lambda pace: pace.rate or inf)
        self._pacing = Pacing(slowest.rate, slowest.burst)
        self._slots = trio.Semaphore(min(pace.concurrency for pace in paces))
        self._line = trio.StrictFIFOLock()
        self._returned = trio.lowlevel.ParkingLot()

    async def turn(self) -> None:
        """Wait in line until an attempt may begin; it has a slot until `end`."""
        async with self._line:
            while (at := self._pacing.next) > trio.current_time():
                with trio.move_on_at(at):
                    await self._returned.park()
            await self._slots.acquire()
            self._pacing.begin(trio.current_time())

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """An attempt, from its turn to its end."""
        await self.turn()
        try:
            yield
        finally:
            self.end()

    def forgo(self) -> None:
        """Let a turn not count against the rate, for nothing was attempted."""
        self._pacing.forgo()
        self._returned.unpark_all()

    def end(self) -> None:
        """The attempt has ended, or there was none: its slot is free."""
        self._slots.release()
