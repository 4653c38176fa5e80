"""A message as a person would get it now: `GET /admin/preview?message=NAME&id=ID`. Nothing is sent."""

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.language.errors import meant
from engine.runtime.ports import Rejected
from engine.runtime.service import Service


def preview_route(keys: Keys, service: Service) -> Blueprint:
    """The route."""
    routes = Blueprint("preview", __name__)

    @routes.get("/admin/preview")
    async def preview() -> Response:
        only_admin(keys, request)
        message, user_id = request.args.get("message", ""), request.args.get("id", "")
        messages = service.outbox.messages
        if message not in messages:
            return refusal(404, f"there is no message `{message}`{meant(message, messages)}")
        user = await service.person(user_id)
        if user is None:
            return refusal(404, "nobody is known by that id")
        try:
            fields, firing = service.outbox.preview(user, message)
        except Rejected as fault:
            return refusal(422, str(fault))
        return answer({"message": message, "user": user_id, "trigger": firing.trigger, "fields": fields})

    return routes
