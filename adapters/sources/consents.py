"""What people consent to: `POST /v1/consent` says who grants or withdraws a purpose, and where that was said."""

from typing import Annotated

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import read
from adapters.sources.intake import Intake
from adapters.sources.segment import text_of
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.runtime.arrivals import Choice

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Consent(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What somebody agrees to, or withdraws; a `userId` or an `anonymousId` says who."""

    granted: bool
    purpose: _Text = "marketing"
    source: _Text = "shop"
    user_id: str | int | None = None
    anonymous_id: str | int | None = None


def consents_source(keys: Keys, intake: Intake) -> Blueprint:
    """The route; it asks for the admin token: that somebody has consented is the shop's word, and it answers for it."""
    routes = Blueprint("consents", __name__)

    @routes.post("/v1/consent")
    async def take() -> Response:
        only_admin(keys, request)
        said: Consent = read(await read_body(), Consent)
        user_id, anonymous_id = text_of(said.user_id), text_of(said.anonymous_id)
        if user_id is None and anonymous_id is None:
            return refusal(400, "who? Give a `userId` or an `anonymousId`")
        choice = Choice(
            user_id=user_id,
            anonymous_id=anonymous_id,
            purpose=said.purpose,
            granted=said.granted,
            source=said.source,
        )
        await intake.take([choice], "admin")
        return answer({"success": True})

    return routes
