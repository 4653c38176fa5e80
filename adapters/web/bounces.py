"""Mails that came back, handed over by a mail server: `POST /v1/bounces/NAME`, NAME being the destination.

The body is the mail. The answer comes when what it says is durable; a mail that says nothing of ours is taken, too.
"""

from collections.abc import Mapping

from quart import Blueprint, Response, request

from adapters.feedback.returns import Returns
from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal


def bounces_route(keys: Keys, returns: Mapping[str, Returns]) -> Blueprint:
    """The route; it asks for the admin token."""
    routes = Blueprint("bounces", __name__)

    @routes.post("/v1/bounces/<name>")
    async def take(name: str) -> Response:
        only_admin(keys, request)
        if name not in returns:
            return refusal(404, f"there is no destination `{name}` with `bounces`")
        return answer({"success": True, "taken": await returns[name].take([await read_body()])})

    return routes
