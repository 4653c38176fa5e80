"""Plain JSON from anywhere: `POST /webhook/NAME`, with the mapping that the settings give for NAME."""

from collections.abc import Mapping
from typing import Any

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys, WrongKey
from adapters.sources.body import read_body
from adapters.sources.envelope import read
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
        body: dict[str, Any] | list[dict[str, Any]] = read(await read_body(), dict[str, Any] | list[dict[str, Any]])
        bodies = body if isinstance(body, list) else [body]
        calls = [msgspec.json.encode(mapped[name].call(each)) for each in bodies]
        decoded = decode_calls(calls, intake.received(), kind="track")
        await intake.take(decoded.arrivals, "webhook", len(decoded.rejected))
        return answer(
            report(len(decoded.arrivals), decoded.rejected), 400 if decoded.rejected and bodies is not body else 200
        )

    return routes
