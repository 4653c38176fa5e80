"""The intake: what has been decoded goes to the engine, whole requests and frames at a time."""

from collections.abc import Sequence

from adapters.telemetry.metrics import Metrics
from engine.runtime.arrivals import Alias, Arrival, Event, Listing
from engine.runtime.service import Service


class Intake:
    """Takes arrivals. `received` tells a decoder the present instant, `room` waits until more may come."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._service = service
        self._metrics = metrics
        self.received = service.now
        self.room = service.room

    async def take(self, arrivals: Sequence[Arrival], source: str, rejected: int = 0) -> None:
        """Take all of them; when this returns, they are durable and may be acknowledged.

        Raises:
            Refused: none or not all were taken, and none may be acknowledged.

        """
        await self._service.take(arrivals)
        for arrival in arrivals:
            self._metrics.event(source, _kind(arrival))
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
