"""The database, for the operator: whether it is whole, what takes the room, and a copy, while the sidecar runs."""

from functools import partial
from pathlib import Path

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import read
from adapters.store import upkeep
from adapters.store.memory import MemoryStore
from adapters.store.sqlite import SqliteStore
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.runtime.ports import StoreError


class Backup(msgspec.Struct, forbid_unknown_fields=True):
    """Where a copy is to be written: an absolute path of the sidecar's machine."""

    file: str


def database(keys: Keys, store: MemoryStore | SqliteStore) -> Blueprint:
    """The routes below `/admin/db`; all ask for the admin token."""
    routes = Blueprint("database", __name__, url_prefix="/admin/db")

    @routes.before_request
    async def permitted() -> None:
        only_admin(keys, request)

    @routes.errorhandler(StoreError)
    async def impossible(error: StoreError) -> Response:
        return refusal(409, str(error))

    @routes.get("/check")
    async def check() -> Response:
        return answer({"problems": await store.upkeep(upkeep.check)})

    @routes.get("/size")
    async def size() -> Response:
        return answer(await store.upkeep(upkeep.sizes))

    @routes.post("/backup")
    async def backup() -> Response:
        wanted: Backup = read(await read_body(), Backup)
        file = Path(wanted.file)
        if not file.is_absolute():
            return refusal(400, "`file` is an absolute path")
        await store.upkeep(partial(upkeep.backup, file=file))
        return answer({"success": True, "file": str(file)})

    return routes
