"""The sandbox: below `/sandbox` it is asked as the shop is, and `POST /sandbox/clock` lets its time pass."""

from collections.abc import Sequence
from typing import Any

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import read
from adapters.spaces import Sandbox
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.core.events import Millis
from engine.language.durations import DurationError, parse_duration

FURTHEST: Millis = 3_650 * 86_400_000
"""How far ahead of the world's time it may be."""

_TOLD = 1_000
"""Firings that an answer tells at most."""


class _Forward(msgspec.Struct, forbid_unknown_fields=True):
    forward: str


def sandbox_routes(keys: Keys, sandbox: Sandbox, asked: Sequence[Blueprint]) -> Blueprint:
    """The routes; `asked` are those that any space has. The clock asks for the admin token."""
    routes = Blueprint("sandbox", __name__, url_prefix="/sandbox")
    for each in asked:
        routes.register_blueprint(each)

    @routes.get("/clock")
    async def read_clock() -> Response:
        only_admin(keys, request)
        return answer(_time(sandbox))

    @routes.post("/clock")
    async def move_clock() -> Response:
        only_admin(keys, request)
        said: _Forward = read(await read_body(), _Forward)
        try:
            span = parse_duration(said.forward)
        except DurationError as error:
            return refusal(400, f"`forward` is how much time is to pass: {error}; {error.hint}")
        if sandbox.travel.ahead + span > FURTHEST:
            return refusal(400, "the sandbox can be ten years ahead at most; a restart brings it back to now")
        before = sandbox.space.service.now()
        await sandbox.travel.forward(span)
        return answer(_time(sandbox) | {"firings": _firings(sandbox, before)})

    return routes


def _time(sandbox: Sandbox) -> dict[str, Any]:
    """What time it is there, and how far that is ahead, in milliseconds."""
    return {"now": sandbox.space.service.now(), "ahead": sandbox.travel.ahead}


def _firings(sandbox: Sandbox, since: Millis) -> list[dict[str, Any]]:
    """What has fired from an instant on, in the order of decision."""
    found = [decision.firing for decision in sandbox.store.decisions if decision.firing.at >= since]
    return [
        {"trigger": each.trigger, "user": each.user, "per": each.per, "at": each.at, "messages": each.messages}
        for each in found[:_TOLD]
    ]
