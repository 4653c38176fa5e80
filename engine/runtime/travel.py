"""Travel in time: a service whose clock is moved ahead, for trials.

Theory of operation. A clock that jumped a day at once would let each deadline be decided as of its own instant, but its
messages be released a day late: expired, or all under one day's cap. So it goes from one instant at which something may
happen to the next, and at each waits until all is decided, committed and sent; what follows from that has its own
instant, which is gone to in turn. The work is that of the deadlines in between, whatever the span.
"""

import trio

from engine.core.events import Millis
from engine.runtime.clock import MovableClock
from engine.runtime.service import Service


class Travel:
    """Moves the clock of a service, which must be the one that the service goes by."""

    def __init__(self, service: Service, clock: MovableClock) -> None:
        self._service = service
        self._clock = clock
        self._one_at_a_time = trio.Lock()

    @property
    def ahead(self) -> Millis:
        """How far the service is ahead of the world's time."""
        return self._clock.ahead

    async def forward(self, span: Millis) -> None:
        """Let so much time pass; on return, all that is due by then is decided, and sent.

        Raises:
            ValueError: the span is negative.
            StoreError: nothing can be written any more.

        """
        if span < 0:
            raise ValueError("time does not go back")
        async with self._one_at_a_time:
            goal = self._clock.ahead + span
            await self._settled()
            while (left := goal - self._clock.ahead) > 0:
                self._clock.forward(max(min(self._next() - self._service.now(), left), 0))
                self._service.router.alarm.look()
                self._service.outbox.look()
                await self._settled()

    def _next(self) -> Millis:
        """An instant before which nothing happens by itself."""
        return min(self._service.router.alarm.earliest(), self._service.outbox.earliest())

    async def _settled(self) -> None:
        """Wait until all that is due is decided, durable, and sent; another round where one of them led to more."""
        service = self._service
        while True:
            await service.router.finish()
            await service.journal.flushed()
            await service.outbox.rested()
            if service.router.alarm.is_quiet(service.now()) and not service.journal.uncommitted:
                return
