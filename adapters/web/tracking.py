"""That a mail was opened, or its link followed: `GET /o/TOKEN.gif` and `GET /c/TOKEN`.

The answer waits for nothing, whatever state the engine is in: a link leads where it is to lead. What was seen becomes
an event of the person's as soon as that is possible, and is lost if the process ends before. Of the reader nothing is
kept but that: no address, and no browser. Who has said no since the mail was sent is not looked at any more; and HEAD
is no opening.
"""

import base64
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

import structlog
import trio
from quart import Blueprint, Response, request

from adapters.feedback.desk import Desk
from adapters.feedback.machines import is_machine
from adapters.feedback.report import CLICKED, OPENED, Report
from adapters.trail import Trail
from adapters.web.pages import page
from engine.core.sending.consent import may_track
from engine.runtime.ports import StoreError
from engine.runtime.router import Refused
from engine.runtime.service import Service

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent pixel."""

_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_WAITING = 10_000
"""So many sightings wait to be taken at most; more are passed over."""
_TOGETHER = 500

_log = structlog.get_logger()


class Sightings:
    """What was seen of mails, on its way to the desk."""

    def __init__(self, service: Service, desk: Desk) -> None:
        self._service = service
        self._desk = desk
        self._put, self._get = trio.open_memory_channel[Report](_WAITING)

    def note(self, event: str, message: str, link: str = "") -> None:
        """Take down what this request is; nothing is waited for."""
        machine = is_machine({name.lower(): value for name, value in request.headers.items()})
        # The same again within a day is the same: a mail that is opened twice, or by a person after a machine.
        told = f"{event}:{message}:{link}:{machine}"
        report = Report(event, self._service.now(), told, message=message, link=link, machine=machine)
        try:
            self._put.send_nowait(report)
        except trio.WouldBlock:
            _log.warning("what was seen of a mail is passed over", waiting=_WAITING)

    async def run(self, ready: trio.Event) -> None:
        """Hand over what was seen, once the service is ready, and until its store fails."""
        await ready.wait()
        with suppress(StoreError):  # of which the service tells
            async for first in self._get:
                waiting = min(self._get.statistics().current_buffer_used, _TOGETHER)
                await self._take([first, *(self._get.receive_nowait() for _ in range(waiting))])

    async def _take(self, seen: Sequence[Report]) -> None:
        wanted = defaultdict[str, list[Report]](list)
        for report in seen:
            if (destination := await self._destination(report.message)) is not None:
                wanted[destination].append(report)
        for destination, reports in wanted.items():
            await self._hand_over(destination, reports)

    async def _hand_over(self, destination: str, reports: Sequence[Report]) -> None:
        while True:
            try:
                return await self._desk.take(destination, reports)
            except Refused as refused:
                if refused.status != "busy":
                    return None
                await trio.sleep(refused.retry_after)

    async def _destination(self, message: str) -> str | None:
        """By what a message was sent, if it is known, and whoever has it lets it be seen."""
        dispatch = await self._service.store.dispatch(message)
        user = None if dispatch is None else await self._service.router.look_for_heir(dispatch.name)
        if dispatch is None or user is None or not may_track(user, self._service.outbox.policy):
            return None
        return dispatch.destination


def tracking_routes(trail: Trail, sightings: Sightings) -> Blueprint:
    """The routes; the token is all that is asked for."""
    routes = Blueprint("tracking", __name__)

    @routes.get("/o/<token>.gif")
    async def opened(token: str) -> Response:
        message = trail.opened(token)
        if message is None:
            return Response(b"", HTTPStatus.NOT_FOUND, _PRIVATE)
        if request.method == "GET":
            sightings.note(OPENED, message)
        return Response(_PIXEL, headers=_PRIVATE, content_type="image/gif")

    @routes.get("/c/<token>")
    async def clicked(token: str) -> Response:
        click = trail.clicked(token)
        if click is None:
            return page(
                "This link does not lead anywhere",
                "It is too old, or a part of it is missing. A later mail of ours has one that works.",
                status=HTTPStatus.NOT_FOUND,
            )
        if request.method == "GET":
            sightings.note(CLICKED, click.message, click.target)
        return Response(b"", HTTPStatus.FOUND, {"Location": click.target, **_PRIVATE})

    return routes
