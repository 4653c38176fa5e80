"""New trigger, segment and message files, and other keys: `POST /admin/reload`."""

import dataclasses

from quart import Blueprint, Response, request

from adapters.configuration import ConfigurationErrors
from adapters.keys import Keys
from adapters.reloading import Reloader
from adapters.web.access import only_admin
from adapters.web.answers import answer
from engine.language.errors import Notice


def reload_route(keys: Keys, reloader: Reloader) -> Blueprint:
    """The route."""
    routes = Blueprint("reload", __name__)

    @routes.post("/admin/reload")
    async def reload() -> Response:
        only_admin(keys, request)
        try:
            changed = await reloader.reload()
        except ConfigurationErrors as errors:
            return answer({"success": False, "errors": [_told(each) for each in errors.errors]}, 422)
        version, loaded = reloader.version, reloader.files.loaded
        return answer(
            {
                "success": True,
                "changed": changed,
                "version": version.number,
                "digest": version.digest,
                "since": version.at,
                "triggers": len(loaded.triggers),
                "writeKeys": ["write_key", *(key.name for key in keys.others)],
            }
        )

    return routes


def _told(error: Notice | str) -> dict[str, object]:
    return {"message": error} if isinstance(error, str) else dataclasses.asdict(error)
