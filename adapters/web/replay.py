"""Messages of the past, told to their destination as history: `POST /admin/destinations/NAME/replay`, a page at a time.

A page is so many messages in the order of their last change, from a place on; the answer says from where the next one
goes on. What is no message of the destination's, or of another state or time, is passed over.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import read
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.core.events import Millis
from engine.language.errors import meant
from engine.runtime.outbox import NotPossible, Outbox
from engine.runtime.ports import Store, Unavailable, Unclear
from engine.runtime.records import Dispatch
from engine.runtime.replay import Past

_PAGE = 500
_PAUSE = 5
"""Seconds after which to come back, where the destination does not say."""

_Instant = Annotated[Millis, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""In the years 1970 to 9999."""


class Replay(msgspec.Struct, forbid_unknown_fields=True):
    """Of which messages a destination is to be told; instants are milliseconds."""

    since: _Instant
    """Of messages whose trigger fired from then on."""
    until: _Instant
    """And before then."""
    states: frozenset[Past]
    dry: bool = False
    """Only see whether they can be told."""
    after: tuple[_Instant, str] | None = None
    """Where the page before ended: an instant, and the id of a message."""

    def concerns(self, dispatch: Dispatch, destination: str) -> bool:
        """Whether a message is among those that are asked about."""
        theirs = dispatch.destination == destination and dispatch.state in self.states
        return theirs and self.since <= dispatch.firing.at < self.until


def replay_routes(keys: Keys, outbox: Outbox, store: Store) -> Blueprint:
    """The route; it asks for the admin token."""
    routes = Blueprint("replay", __name__)

    @routes.post("/admin/destinations/<name>/replay")
    async def replay(name: str) -> Response:
        only_admin(keys, request)
        if name not in outbox.destinations:
            return refusal(404, f"there is no destination `{name}`{meant(name, outbox.destinations)}")
        asked: Replay = read(await read_body(), Replay)
        page = await store.changed(asked.after or (asked.since, ""), _PAGE)
        concerned = {each.id: each for each in page if asked.concerns(each, name)}
        try:
            left_out = await outbox.replay(name, concerned.values(), dry=asked.dry)
        except NotPossible as problem:
            return refusal(409, str(problem))
        except (Unavailable, Unclear) as problem:
            pause = getattr(problem, "retry_after", None) or _PAUSE
            return refusal(503, f"`{name}` cannot be told now: {problem}", **{"Retry-After": f"{pause:.0f}"})
        last = page[-1] if len(page) == _PAGE else None
        return answer(
            {
                "told": len(concerned) - len(left_out),
                "left_out": [_why_not(concerned[each], reason) for each, reason in left_out.items()],
                "after": None if last is None else (last.changed, last.id),
            }
        )

    return routes


def _why_not(dispatch: Dispatch, reason: str) -> Mapping[str, Any]:
    return {"id": dispatch.id, "message": dispatch.message, "user": dispatch.firing.user, "reason": reason}
