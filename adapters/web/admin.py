"""A person as the engine sees them: `GET /admin/user?id=ID`."""

from typing import Any

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.core.decisions import Firing, message_ids
from engine.core.events import decode
from engine.core.identity import anonymous, plain
from engine.core.user import User
from engine.runtime.service import Service

_RECENT = 50


def admin(keys: Keys, service: Service) -> Blueprint:
    """The route."""
    routes = Blueprint("admin", __name__)

    @routes.get("/admin/user")
    async def show() -> Response:
        only_admin(keys, request)
        user = await service.person(request.args.get("id", ""))
        if user is None:
            return refusal(404, "nobody is known by that id")
        return answer(await portrait(user, service))

    return routes


async def portrait(user: User, service: Service) -> dict[str, Any]:
    """What is known of a user by now; all instants are milliseconds."""
    now = service.router.now()
    return {
        "user": plain(user.name),
        "anonymous": user.name == anonymous(plain(user.name)),
        "now": now,
        "traits": user.profile,
        "segments": user.segments(now),
        "consents": {
            purpose: {"granted": stance.granted, "at": stance.at, "source": stance.source}
            for purpose, stance in user.sending.consents.items()
        },
        "recent": [
            {"event": record.name, "at": record.ts, "properties": decode(record.properties)}
            for record in user.recent(_RECENT)
        ],
        "pending": [pending._asdict() for pending in user.pending()],
        "firings": [await _fired(firing, service) for firing in user.firings()],
    }


async def _fired(firing: Firing, service: Service) -> dict[str, Any]:
    messages = [await _sent(key, message, service) for key, message in message_ids(firing)]
    return {"id": firing.id, "trigger": firing.trigger, "per": firing.per, "at": firing.at, "messages": messages}


async def _sent(key: str, message: str, service: Service) -> dict[str, Any]:
    """What became of a message; `unknown` where that is too long ago."""
    dispatch = await service.message(key)
    if dispatch is None:
        return {"message": message, "state": "unknown"}
    return {
        "id": dispatch.id,
        "message": message,
        "state": dispatch.state,
        "reason": dispatch.reason,
        "gate": dispatch.gate,
        "attempts": dispatch.attempts,
        "at": dispatch.changed,
    }
