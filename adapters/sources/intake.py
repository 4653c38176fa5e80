"""The intake: what has been decoded goes to the router, whole requests and frames at a time."""

import time
from collections.abc import Sequence

import trio

from adapters.telemetry.metrics import Metrics
from engine.runtime.alarm import STRETCH
from engine.runtime.arrivals import Alias, Arrival, Event, Listing
from engine.runtime.router import Router


class Intake:
    """Takes arrivals. `received` tells a decoder the present instant."""

    def __init__(self, router: Router, metrics: Metrics) -> None:
        self._router = router
        self._metrics = metrics
        self.received = router.now

    async def take(self, arrivals: Sequence[Arrival], source: str, rejected: int = 0) -> None:
        """Route all of them.

        A client that hangs up cancels its handler; what it sent must not be half taken, so routing is shielded. It
        waits for nothing but, after each two milliseconds of work, for the others' turn.

        Raises:
            Closed: the process is ending; none was taken, or not all.

        """
        began = time.perf_counter()
        with trio.CancelScope(shield=True):
            for arrival in arrivals:
                self._router.take(arrival)
                self._metrics.event(source, _kind(arrival))
                if time.perf_counter() - began > STRETCH:
                    await trio.lowlevel.checkpoint()
                    began = time.perf_counter()
        self._metrics.rejected(source, rejected)


def _kind(arrival: Arrival) -> str:
    match arrival:
        case Event():
            return "event"
        case Alias():
            return "alias"
        case Listing():
            return "membership"
        case _:
            return "profile"
