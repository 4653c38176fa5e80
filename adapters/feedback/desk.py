"""Takes what is reported of messages, whoever reports it: as events of whose they are, and as suppressions."""

from collections.abc import Sequence

from adapters.feedback.report import Report
from adapters.sources.intake import Intake
from engine.core.events import encode
from engine.core.identity import is_anonymous, plain
from engine.core.sending.person import OBJECTIONS
from engine.core.sending.suppression import Suppressed
from engine.runtime.arrivals import Event
from engine.runtime.service import Service


class Desk:
    """Takes reports that are genuine."""

    def __init__(self, intake: Intake, service: Service) -> None:
        self._intake = intake
        self._service = service

    async def take(self, name: str, reports: Sequence[Report]) -> None:
        """Suppress the addresses that are to be, and tell whom it is about; durable on return."""
        now = self._service.now()
        marks = [
            (report.address, Suppressed("email", report.of, OBJECTIONS[report.event], now, name))
            for report in reports
            if report.event in OBJECTIONS and report.address and not report.soft
        ]
        if marks:
            await self._service.suppress(marks)
        events = [event for report in reports if (event := await self._event(name, report)) is not None]
        if events:
            await self._intake.take(events, "feedback")

    async def _event(self, name: str, report: Report) -> Event | None:
        """The event of whose message a report is about; None where it does not say, or nobody knows that one."""
        dispatch = await self._service.store.dispatch(report.message) if report.message else None
        owner = None if dispatch is None else self._service.router.identities.heir(dispatch.name)
        if owner is None:
            return None
        said = {
            "impel_id": report.message,
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
            ts=min(report.at, self._service.now()) or None,
            properties=encode({key: value for key, value in said.items() if value}),
            message_id=f"{name}:{report.id}" if report.id else "",
        )
