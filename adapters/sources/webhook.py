"""Plain JSON from anywhere: `POST /webhook/NAME`, with the mapping that the settings give for NAME."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys, WrongKey
from adapters.sources.body import read_body
from adapters.sources.envelope import read_frame
from adapters.sources.intake import Intake
from adapters.sources.mapping import Mapped
from adapters.sources.segment import decode_calls
from adapters.web.access import write_key
from adapters.web.answers import answer, refusal, report


def webhook_source(keys: Keys, intake: Intake, mapped: Mapping[str, Mapped]) -> Blueprint:
    """The route."""
    routes = Blueprint("webhook", __name__)

    @routes.post("/webhook/<name>")
    async def take(name: str) -> Response:
        if not keys.writes(write_key(request)):
            raise WrongKey
        if name not in mapped:
            return refusal(404, "there is no such webhook: name it under `webhooks:` in the settings")
        body = await read_body()
        shape = partial(_call, mapped[name])
        calls, check = read_frame(body, "json"), intake.check
        decoded = decode_calls(calls, intake.received(), kind="track", shape=shape, check=check)
        await intake.take(decoded.arrivals, "webhook", len(decoded.rejected))
        refused = decoded.rejected and not body.lstrip().startswith(b"[")
        return answer(report(decoded.accepted, decoded.rejected), 400 if refused else 200)

    return routes


def _call(mapped: Mapped, body: bytes) -> bytes:
    """The call that one body stands for."""
    return msgspec.json.encode(mapped.call(msgspec.json.decode(body, type=dict[str, Any])))
