"""The intake: what has been decoded goes to the engine, whole requests and frames at a time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from adapters.plan.schemas import EventSchema, Plan
from adapters.sources.segment import Check
from adapters.sources.stamps import Stamps
from adapters.telemetry.metrics import Metrics
from adapters.write_keys import WriteKey
from engine.runtime.arrivals import Alias, Arrival, Block, Choice, Event, Listing, Profile
from engine.runtime.journal import Receipt
from engine.runtime.records import Violation
from engine.runtime.service import Service

_KINDS: dict[type[Arrival], str] = {
    Event: "event",
    Alias: "alias",
    Block: "suppression",
    Choice: "consent",
    Listing: "membership",
    Profile: "profile",
}

_TOLD = 3
"""Of what an event breaks, how much its sender is told."""


class Intake:
    """Takes arrivals. `received` tells a decoder the present instant, `room` waits until more may come."""

    def __init__(self, service: Service, metrics: Metrics, plan: Callable[[], Plan] = Plan) -> None:
        self._service = service
        self._metrics = metrics
        self._plan = plan
        self._stamps = Stamps()
        self.received = service.now
        self.room = service.room
        self.durable = service.durable

    @property
    def busy(self) -> bool:
        """Whether there is no room at the moment."""
        return self._service.busy

    @property
    def check(self) -> Check | None:
        """What looks at each event while it is decoded; None where the tracking plan has nothing to say of any."""
        schemas = self._plan().schemas
        return partial(self._check, schemas) if schemas else None

    def _check(self, schemas: Mapping[str, EventSchema], name: str, properties: bytes) -> None:
        """See whether an event keeps to its schema, and count what it breaks.

        Raises:
            ValueError: it does not, and is not to be taken.

        """
        schema = schemas.get(name)
        breaches = schema.breaches(properties) if schema is not None else ()
        for breach in breaches:
            self._metrics.violated(name, breach.keyword)
            self._service.journal.violated(Violation(name, breach.path, breach.keyword))
        if schema is not None and schema.rejects and breaches:
            told = "; ".join(breach.text for breach in breaches[:_TOLD])
            raise ValueError(f"the tracking plan does not take this `{name}`: {told}")

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
