"""What services report: `POST /feedback/NAME`, NAME being the destination.

A report is verified, and becomes an event of whose message it is about; of an address of which nobody is known, what
suppresses is taken all the same. What was said before is recognised by its own id. The answer comes when all of it is
durable, which is far sooner than any service waits.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from quart import Blueprint, Response, request

from adapters.destinations import DestinationSettings
from adapters.destinations.service import ServiceSettings
from adapters.feedback.desk import Desk
from adapters.feedback.handshake import command, handshake
from adapters.feedback.reports import READERS, Unreadable
from adapters.feedback.signatures import CHECKS
from adapters.signing import NotGenuine, Post
from adapters.sources.body import read_body
from adapters.web.answers import answer, refusal

_log = structlog.get_logger()


def feedback_routes(desk: Desk, destinations: Mapping[str, DestinationSettings]) -> Blueprint:
    """The routes; a report needs no key of ours, but the service's signature."""
    routes = Blueprint("feedback", __name__)

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


def _unknown(name: str) -> Response:
    return refusal(404, f"there is no destination `{name}` that reports")
