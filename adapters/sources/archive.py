"""What is there already: `POST /admin/import` takes calls in the Segment form as history, in batches.

History counts in windows and as a reason for silence; it begins nothing, so nothing is sent because of it. With
`?dry_run=true` it is only looked at, and the answer is the same.
"""

from typing import Any

import msgspec
from msgspec.structs import replace
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import Batch, read_batch
from adapters.sources.intake import Intake
from adapters.sources.segment import decode_calls
from adapters.web.access import flag, only_admin
from adapters.web.answers import answer
from engine.runtime.arrivals import Event, Profile

_EVENTS = {"track", "page", "screen"}


class _Dated(msgspec.Struct):
    type: Any = None
    timestamp: Any = None


def archive_source(keys: Keys, intake: Intake) -> Blueprint:
    """The route; it asks for the admin token, for it says what the past was."""
    routes = Blueprint("archive", __name__)

    @routes.post("/admin/import")
    async def take() -> Response:
        only_admin(keys, request)
        dry = flag("dry_run")
        batch: Batch = read_batch(await read_body())
        decoded = decode_calls(batch.batch, intake.received(), batch=batch, shape=_of_the_past)
        arrivals = [replace(each, imported=True) for each in decoded.arrivals if isinstance(each, Event | Profile)]
        if not dry:
            await intake.take(arrivals, "import", len(decoded.rejected))
        rejected = [{"place": (each.index or 0) + 1, "reason": each.reason} for each in decoded.rejected]
        return answer({"success": not rejected, "taken": decoded.accepted, "rejected": rejected})

    return routes


def _of_the_past(call: bytes) -> bytes:
    """Refuse an event of which it is not said when it happened, for it would have happened now, and what is no past."""
    found = msgspec.json.decode(call, type=_Dated)
    if isinstance(found.type, str) and found.type in _EVENTS and found.timestamp is None:
        raise ValueError("an event of the past needs its `timestamp`")
    if found.type == "alias":
        raise ValueError("an alias is of today: send it to /v1/alias")
    return call
