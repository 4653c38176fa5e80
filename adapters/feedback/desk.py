"""Takes what services report, whichever way it was told: suppresses whom it concerns, and tells whose message it is.

A report that bears no id of a message belongs to the message that its destination accepted last for that address, if
that is not long ago. Services that tell whole seconds, and clocks that differ a little, may have something happen
before the message was accepted.
"""

from collections.abc import Sequence

from adapters.feedback.report import Report
from adapters.sources.intake import Intake
from engine.core.events import Millis, encode
from engine.core.identity import is_anonymous, plain
from engine.core.sending.person import OBJECTIONS
from engine.core.sending.suppression import Suppressed, normal
from engine.runtime.arrivals import Event
from engine.runtime.ports import DAY
from engine.runtime.records import Dispatch
from engine.runtime.service import Service

LATELY: Millis = 7 * DAY
"""For so long what is told of an address belongs to a message to it."""

_EARLY: Millis = 5_000


class Desk:
    """Takes reports that are genuine."""

    def __init__(self, intake: Intake, service: Service) -> None:
        self._intake = intake
        self._service = service

    async def take(self, name: str, reports: Sequence[Report]) -> None:
        """Suppress the addresses that are to be, and tell whom it is about; durable on return.

        Raises:
            Refused: the service is not ready, or too busy; all of it is to be told again.

        """
        objections = [each for each in reports if each.event in OBJECTIONS and each.address and not each.soft]
        if objections:
            now = self._service.now()
            marks = [
                (each.address, Suppressed("email", each.of, OBJECTIONS[each.event], now, name)) for each in objections
            ]
            await self._service.suppress(marks)
        happened = [report for report in reports if not report.standing]
        events = [event for report in happened if (event := await self._event(name, report)) is not None]
        if events:
            await self._intake.take(events, "feedback")

    async def _event(self, name: str, report: Report) -> Event | None:
        """The event of whose message a report is about; None where it is about none, or nobody knows that one."""
        now = self._service.now()
        at = min(report.at or now, now)
        dispatch = await self._dispatch(name, report, at)
        owner = None if dispatch is None else self._service.router.identities.heir(dispatch.name)
        if dispatch is None or owner is None:
            return None
        said = {
            "impel_id": dispatch.id,
            "destination": name,
            "link": report.link,
            "machine": report.machine,
            "soft": report.soft,
            "list": report.of,
        }
        return Event(
            user_id=None if is_anonymous(owner) else plain(owner),
            anonymous_id=plain(owner) if is_anonymous(owner) else None,
            name=report.event,
            ts=at,
            properties=encode({key: value for key, value in said.items() if value}),
            message_id=f"{name}:{report.id}" if report.id else "",
        )

    async def _dispatch(self, name: str, report: Report, at: Millis) -> Dispatch | None:
        store = self._service.store
        if report.message:
            return await store.dispatch(report.message)
        address = normal(report.address)
        return await store.accepted_for(address, name, at - LATELY, at + _EARLY) if address else None
