"""What events there are: `GET /v1/events`, and of one, `?name=NAME`."""

from collections.abc import Callable, Mapping
from typing import Any

from quart import Blueprint, Response, request

from adapters.catalogue import catalogue, mentioned
from adapters.configuration import Files
from adapters.keys import Keys
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.language.errors import meant
from engine.runtime.service import Service


def events_routes(keys: Keys, service: Service, files: Callable[[], Files]) -> Blueprint:
    """The route; it asks for the admin token. `files` are those in force."""
    routes = Blueprint("events", __name__)

    @routes.get("/v1/events")
    async def tell() -> Response:
        only_admin(keys, request)
        present = files()
        told = catalogue(await service.events(), mentioned(present.loaded), present.plan.fates)
        told = {"now": service.now(), **told}
        name = request.args.get("name")
        if name is None:
            return answer(told)
        if name not in told["events"]:
            return refusal(404, _unknown(name, told))
        return answer({"now": told["now"], "events": {name: told["events"][name]}})

    return routes


def _unknown(name: str, told: Mapping[str, Any]) -> str:
    """Why there is nothing to tell of an event."""
    if name not in told["never_seen"]:
        return f"no event `{name}` has come in{meant(name, {**told['events'], **told['never_seen']})}"
    triggers = ", ".join(told["never_seen"][name]["triggers"])
    return f"no event `{name}` has come in; mentioned by {triggers}{meant(name, told['unmentioned'])}"
