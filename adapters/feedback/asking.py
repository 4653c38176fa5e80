"""Asks a service that does not tell all by itself: at once, and then again and again.

What it told is taken before it is remembered how far it has told, so that after a crash in between it is told again,
and recognised by its ids. Whatever goes wrong is told in the log and on `/metrics`, and holds up nothing else.
"""

from collections.abc import Iterator, Mapping

import structlog
import trio

from adapters.destinations import DestinationSettings
from adapters.destinations.service import Service as Called
from adapters.destinations.service import ServiceSettings
from adapters.feedback.desk import LATELY, Desk
from adapters.feedback.polling import Poller
from adapters.telemetry.metrics import Metrics
from engine.runtime.ports import DeliveryError, Destination, Unavailable
from engine.runtime.router import Refused
from engine.runtime.service import Service

MAILED = 1_000
"""Messages, the latest, whose addresses a service is asked about."""

_LONGEST = 3_600.0
"""Seconds between two questions to a service that fails, if it does not ask for more."""

_DOUBLED = 20
"""Times that a pause is doubled at most."""

_log = structlog.get_logger()


def askers(
    settings: Mapping[str, DestinationSettings],
    destinations: Mapping[str, Destination],
    desk: Desk,
    service: Service,
    metrics: Metrics,
) -> Iterator["Asker"]:
    """One for each destination that can be asked, and is to be; questions share the account's rate with messages."""
    for name, each in settings.items():
        every, poller = each.poll_seconds if isinstance(each, ServiceSettings) else None, destinations[name]
        if isinstance(each, ServiceSettings) and every is not None and isinstance(poller, Poller):
            if isinstance(poller, Called):
                poller.turn = service.outbox.account(name).attempt
            yield Asker(name, each.kind, every, poller, desk=desk, service=service, metrics=metrics)


class Asker:
    """Asks one service, of a kind, every so many seconds."""

    def __init__(
        self, name: str, kind: str, every: float, poller: Poller, *, desk: Desk, service: Service, metrics: Metrics
    ) -> None:
        self._name = name
        self._cursor_name = f"{kind} {name}"
        self._every = every
        self._poller = poller
        self._desk = desk
        self._service = service
        self._metrics = metrics
        self._failures = 0
        """How often nothing was told, one after another."""
        self._amiss = ""
        """What was told in the log, until it is well again."""

    async def run(self, ready: trio.Event) -> None:
        """Ask, for ever, once the service is ready."""
        await ready.wait()
        while True:
            problem = await self._try()
            await trio.sleep(self._every if problem is None else self._pause(problem))

    async def _try(self) -> Exception | None:
        """Ask once; returns what was amiss."""
        try:
            problem = await self._ask()
        except Exception as fault:  # noqa: BLE001 - whatever it is
            problem = fault
        self._metrics.asked(self._name, "ok" if problem is None else "failed")
        self._tell(problem)
        return problem

    def _tell(self, problem: Exception | None) -> None:
        """Say what is amiss when that is something else than before."""
        before, self._amiss = self._amiss, "" if problem is None else repr(problem)
        if self._amiss == before:
            return
        if problem is None:
            _log.info("a service can be asked again", destination=self._name)
        elif isinstance(problem, DeliveryError | Refused):
            _log.warning("a service could not be asked", destination=self._name, reason=str(problem))
        else:
            _log.error("asking a service failed", destination=self._name, exc_info=problem)

    async def _ask(self) -> Exception | None:
        service, now = self._service, self._service.now()
        cursor = await service.store.cursor(self._cursor_name)
        mailed = await service.store.mailed(self._name, now - LATELY, MAILED)
        polled = await self._poller.poll(cursor, mailed, now)
        await self._desk.take(self._name, polled.reports)
        if polled.problem is None or polled.cursor != cursor:
            self._failures = 0
        if polled.cursor != cursor:
            service.journal.remember(self._cursor_name, polled.cursor)
            await service.journal.flushed()
        return polled.problem

    def _pause(self, problem: Exception) -> float:
        """Seconds: as the service asked, or twice as many each time that it tells nothing."""
        if isinstance(problem, Unavailable | Refused) and problem.retry_after:
            return problem.retry_after
        pause = self._every * 2.0 ** min(self._failures, _DOUBLED)
        self._failures += 1
        return min(pause, max(self._every, _LONGEST))
