"""Segments that are kept outside as lists: `POST /v1/segments/NAME` says who enters and who leaves."""

from collections.abc import Callable, Collection

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import read
from adapters.sources.intake import Intake
from adapters.sources.segment import text_of
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.runtime.arrivals import Listing


class Membership(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Who enters a list, or leaves it; a `userId` or an `anonymousId` says who."""

    member: bool
    user_id: str | int | None = None
    anonymous_id: str | int | None = None


def lists_source(keys: Keys, intake: Intake, lists: Callable[[], Collection[str]]) -> Blueprint:
    """The route; it asks for the admin token, since membership is the shop's word and not the shopper's."""
    routes = Blueprint("lists", __name__)

    @routes.post("/v1/segments/<name>")
    async def change(name: str) -> Response:
        only_admin(keys, request)
        if name not in lists():
            return refusal(
                404, f"no segment {name!r} is kept as a list; declare it under `segments:` as `{name}: list`"
            )
        said: Membership = read(await read_body(), Membership)
        user_id, anonymous_id = text_of(said.user_id), text_of(said.anonymous_id)
        if user_id is None and anonymous_id is None:
            return refusal(400, "who? Give a `userId` or an `anonymousId`")
        listing = Listing(user_id=user_id, anonymous_id=anonymous_id, segment=name, member=said.member)
        await intake.take([listing], "admin")
        return answer({"success": True})

    return routes
