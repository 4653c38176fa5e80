"""What came of the triggers: `GET /v1/stats`, and of one, `?trigger=NAME` or `GET /v1/triggers/NAME/stats`."""

from collections.abc import Callable, Collection
from typing import Any

import trio
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.statistics import by_trigger
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.language.errors import meant
from engine.runtime.ports import Store


def stats_routes(keys: Keys, store: Store, triggers: Callable[[], Collection[str]]) -> Blueprint:
    """The routes; both ask for the admin token. `triggers` are those in force."""
    routes = Blueprint("stats", __name__)

    @routes.before_request
    async def permitted() -> None:
        only_admin(keys, request)

    @routes.get("/v1/stats")
    async def by_name() -> Response:
        told, name = await tell(), request.args.get("trigger")
        if name is None:
            return answer({"triggers": told})
        return answer({"triggers": {name: told[name]}}) if name in told else unknown(name, told)

    @routes.get("/v1/triggers/<path:name>/stats")
    async def one(name: str) -> Response:
        told = await tell()
        return answer({"trigger": name, "arms": told[name]}) if name in told else unknown(name, told)

    async def tell() -> dict[str, list[dict[str, Any]]]:
        """All that was counted, and of triggers that did not fire nothing; reckoned where it holds up nobody."""
        counted = await trio.to_thread.run_sync(by_trigger, await store.counts())
        return {name: counted.get(name, []) for name in sorted({*counted, *triggers()})}

    def unknown(name: str, known: Collection[str]) -> Response:
        return refusal(404, f"there is no trigger `{name}`{meant(name, known)}")

    return routes
