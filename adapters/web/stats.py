"""What came of the triggers: `GET /v1/stats`, and of one, `GET /v1/triggers/NAME/stats`."""

from collections.abc import Callable, Collection
from typing import Any

import trio
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.statistics import by_trigger
from adapters.web.access import bearer
from adapters.web.answers import answer, refusal
from engine.language.errors import meant
from engine.runtime.ports import Store


def stats_routes(keys: Keys, store: Store, triggers: Callable[[], Collection[str]]) -> Blueprint:
    """The routes; both ask for the admin token. `triggers` are those in force."""
    routes = Blueprint("stats", __name__)

    @routes.before_request
    async def permitted() -> Response | None:
        if keys.administers(bearer(request)):
            return None
        return refusal(401, "this needs the admin token, as `Authorization: Bearer TOKEN`")

    @routes.get("/v1/stats")
    async def all_of_them() -> Response:
        counted = await _counted(store)
        return answer({"triggers": {name: counted.get(name, []) for name in sorted({*counted, *triggers()})}})

    @routes.get("/v1/triggers/<name>/stats")
    async def one(name: str) -> Response:
        counted = await _counted(store)
        known = {*counted, *triggers()}
        if name in known:
            return answer({"trigger": name, "arms": counted.get(name, [])})
        return refusal(404, f"there is no trigger `{name}`{meant(name, known)}")

    return routes


async def _counted(store: Store) -> dict[str, list[dict[str, Any]]]:
    """By trigger, reckoned where it holds up nobody."""
    return await trio.to_thread.run_sync(by_trigger, await store.counts())
