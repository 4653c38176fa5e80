"""What services report: `POST /feedback/NAME`, NAME being the destination.

A report is verified, and becomes an event of whose message it is about; of an address of which nobody is known, what
suppresses is taken all the same. What was said before is recognised by its own id. The answer comes when all of it is
durable, which is far sooner than any service waits.
"""

import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from quart import Blueprint, Response, request

from adapters.destinations import DestinationSettings
from adapters.destinations.service import ServiceSettings
from adapters.feedback.handshake import command, handshake
from adapters.feedback.report import Report
from adapters.feedback.reports import READERS, Unreadable
from adapters.feedback.signatures import CHECKS
from adapters.signing import NotGenuine, Post
from adapters.sources.body import read_body
from adapters.sources.intake import Intake
from adapters.web.answers import answer, refusal
from engine.core.events import encode
from engine.core.identity import is_anonymous, plain
from engine.core.sending.person import OBJECTIONS
from engine.core.sending.suppression import Suppressed
from engine.runtime.arrivals import Event
from engine.runtime.service import Service

_log = structlog.get_logger()


def feedback_routes(intake: Intake, service: Service, destinations: Mapping[str, DestinationSettings]) -> Blueprint:
    """The routes; a report needs no key of ours, but the service's signature."""
    routes, desk = Blueprint("feedback", __name__), _Desk(intake, service)

    @routes.route("/feedback/<name>", methods=["GET", "HEAD"])
    async def probed(name: str) -> Response:
        """Some services look whether somebody is there before they report."""
        return answer({"success": True}) if name in destinations else _unknown(name)

    @routes.post("/feedback/<name>")
    async def take(name: str) -> Response:
        settings = destinations.get(name)
        if not isinstance(settings, ServiceSettings):
            return _unknown(name)
        body = await read_body()
        if (posted := handshake(settings.kind, body)) is not None:
            _log.warning(
                "a service asks whose address this is; run this if you have just given it", run=command(name, posted)
            )
            return answer({"success": True})
        if settings.feedback is None:
            return refusal(403, f"set `feedback` of the destination `{name}` to the secret with which it signs")
        post = Post(dict(request.headers.items()), body, settings.feedback_url or request.url, time.time())
        try:
            CHECKS[settings.kind](post, settings.feedback.read())
            reports = list(READERS[settings.kind](body))
        except NotGenuine as fault:
            _log.warning("a report was not genuine", destination=name, reason=str(fault))
            return refusal(HTTPStatus.UNAUTHORIZED, str(fault))
        except Unreadable as fault:
            return refusal(HTTPStatus.BAD_REQUEST, str(fault))
        known = [report for report in reports if report is not None]
        await desk.take(name, known)
        return answer({"success": True, "taken": len(known), "passed_over": len(reports) - len(known)})

    return routes


class _Desk:
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


def _unknown(name: str) -> Response:
    return refusal(404, f"there is no destination `{name}` that reports")
