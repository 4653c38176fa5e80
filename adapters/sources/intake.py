"""The intake: what has been decoded goes to the engine, whole requests and frames at a time."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from adapters.sources.stamps import Stamps
from adapters.telemetry.metrics import Metrics
from adapters.write_keys import WriteKey
from engine.runtime.arrivals import Alias, Arrival, Block, Choice, Event, Listing, Profile
from engine.runtime.journal import Receipt
from engine.runtime.service import Service

_KINDS: dict[type[Arrival], str] = {
    Event: "event",
    Alias: "alias",
    Block: "suppression",
    Choice: "consent",
    Listing: "membership",
    Profile: "profile",
}


class Intake:
    """Takes arrivals. `received` tells a decoder the present instant, `room` waits until more may come."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._service = service
        self._metrics = metrics
        self._stamps = Stamps()
        self.received = service.now
        self.room = service.room
        self.durable = service.durable

    @property
    def busy(self) -> bool:
        """Whether there is no room at the moment."""
        return self._service.busy

    async def take(self, arrivals: Sequence[Arrival], source: str, rejected: int = 0) -> None:
        """Take all of them; when this returns, they are durable and may be acknowledged.

        Raises:
            Refused: none or not all were taken, and none may be acknowledged.

        """
        arrivals = self._stamps.news(arrivals)
        await self._service.take(arrivals)
        self._stamps.remember(arrivals)
        self._count(arrivals, source, rejected)

    async def receive(self, arrivals: Sequence[Arrival], source: str, rejected: int = 0) -> Receipt:
        """Take all of them; they may be acknowledged when the receipt is `durable`.

        Raises:
            Refused: none was taken.

        """
        arrivals = self._stamps.news(arrivals)
        receipt = await self._service.receive(arrivals)
        self._stamps.remember(arrivals)
        self._count(arrivals, source, rejected)
        return receipt

    def _count(self, arrivals: Sequence[Arrival], source: str, rejected: int) -> None:
        for kind, number in Counter(map(type, arrivals)).items():
            self._metrics.event(source, _KINDS[kind], number)
        self._metrics.rejected(source, rejected)


class Intakes(NamedTuple):
    """Where events go."""

    shop: Intake
    sandbox: Intake

    def of(self, key: WriteKey | None) -> Intake:
        """Where events go that are sent with a key, or with a signature in its place."""
        return self.sandbox if key is not None and key.kind == "sandbox" else self.shop
