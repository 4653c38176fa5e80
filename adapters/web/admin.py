"""A person as the engine sees them: `GET /admin/user?id=ID`."""

from typing import Any

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.access import bearer
from adapters.web.answers import answer, refusal
from engine.core.decisions import Firing
from engine.core.events import Millis, decode
from engine.core.identity import anonymous, known, plain
from engine.core.user import User
from engine.runtime.outbox import Outbox
from engine.runtime.service import Service

_RECENT = 50


def admin(keys: Keys, service: Service) -> Blueprint:
    """The route; an id is looked for among the users' ids first, then among the visitors'."""
    routes = Blueprint("admin", __name__)

    @routes.get("/admin/user")
    async def show() -> Response:
        if not keys.administers(bearer(request)):
            return refusal(401, "this needs the admin token, as `Authorization: Bearer TOKEN`")
        router, user_id = service.router, request.args.get("id", "")
        user = await router.look(known(user_id)) or await router.look(anonymous(user_id))
        if user is None:
            return refusal(404, "nobody is known by that id")
        return answer(portrait(user, service.outbox, router.now()))

    return routes


def portrait(user: User, outbox: Outbox, now: Millis) -> dict[str, Any]:
    """What is known of a user at `now`; all instants are milliseconds."""
    return {
        "user": plain(user.name),
        "anonymous": user.name == anonymous(plain(user.name)),
        "now": now,
        "traits": user.profile,
        "segments": user.segments(now),
        "recent": [
            {"event": record.name, "at": record.ts, "properties": decode(record.properties)}
            for record in user.recent(_RECENT)
        ],
        "pending": [pending._asdict() for pending in user.pending()],
        "firings": [_fired(firing, outbox) for firing in user.firings()],
    }


def _fired(firing: Firing, outbox: Outbox) -> dict[str, Any]:
    messages = [_sent(firing, message, outbox) for message in firing.messages]
    return {"id": firing.id, "trigger": firing.trigger, "per": firing.per, "at": firing.at, "messages": messages}


def _sent(firing: Firing, message: str, outbox: Outbox) -> dict[str, Any]:
    """What became of a message; `unknown` where that is too long ago."""
    dispatch = outbox.find(firing, message)
    if dispatch is None:
        return {"message": message, "status": "unknown"}
    return {
        "message": message,
        "status": dispatch.status,
        "reason": dispatch.reason,
        "attempts": dispatch.attempts,
        "at": dispatch.ended,
    }
