"""The inbox: messages as shoppers would get them, each with its reason, and those that were held or dropped.

The page itself says nothing about anyone and is served to everybody; what it shows it asks for with the admin token,
which the reader gives it. In a demo that listens on this machine only, it needs none. A mail is shown in a frame of its
own, without scripts and of no origin; since a frame can show no token, its address is a secret that is made for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from quart import Blueprint, Response, request

from adapters.configuration import Files
from adapters.destinations.inbox import Letter
from adapters.keys import Keys
from adapters.spaces import Space
from adapters.web.access import is_here, only_admin
from adapters.web.answers import answer, refusal
from adapters.web.outbox import told
from adapters.web.statics import static
from adapters.web.why import Inquiry, Question, Unanswered
from engine.language.writing import literal
from engine.runtime.ports import Delivery
from engine.runtime.records import Dispatch
from engine.runtime.router import Refused

_FILES = ("inbox.js", "inbox-words.js", "inbox.css")

_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_SAFE_MAIL = _SAFE | {
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        "img-src https: http: data:; font-src https: data:; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
}

_LOOKED_AT, _SHOWN = 1_000, 100
"""Messages, the latest changes first."""


def inbox_routes(
    keys: Keys, spaces: Mapping[str, Space], files: Callable[[], Files], *, is_open: bool, shop: str = ""
) -> Blueprint:
    """The routes. `spaces` are shown by their names; `is_open`: to whoever is on this machine, without a token.

    `shop` is where links to `https://shop.example/` lead to, which is the demo's: that address is nobody's.
    """
    routes, asked = Blueprint("inbox", __name__), Blueprint("asked", __name__)

    @asked.before_request
    async def permitted() -> Response | None:
        if not (is_open and is_here(request)):
            only_admin(keys, request)
        if _space() not in spaces:
            return refusal(404, f"`space` is one of {', '.join(spaces)}")
        service = spaces[_space()].service
        if service.status == "recovering":
            raise Refused(service.status, service.reason)
        return None

    @routes.get("/inbox")
    async def page() -> Response:
        return static("inbox.html", ["inbox.html"], _SAFE)

    @routes.get("/inbox/<name>")
    async def part(name: str) -> Response:
        return static(name, _FILES, _SAFE)

    @routes.get("/inbox/mail/<handle>")
    async def mail(handle: str) -> Response:
        letters = (inbox.opened(handle) for space in spaces.values() for inbox in space.inboxes.values())
        delivery = next(filter(None, letters), None)
        if delivery is None:
            return refusal(404, "there is no such mail, or it is too long ago")
        return Response(_html(delivery, shop), 200, _SAFE_MAIL, content_type="text/html; charset=utf-8")

    _add_asked(asked, spaces, files)
    routes.register_blueprint(asked)
    return routes


def _add_asked(routes: Blueprint, spaces: Mapping[str, Space], files: Callable[[], Files]) -> None:
    """Add the routes of what is personal."""
    inquiries = {name: Inquiry.of(space.service, files) for name, space in spaces.items()}

    @routes.get("/inbox/messages")
    async def messages() -> Response:
        shown = [each for each in spaces if each == "sandbox" or spaces[each].inboxes]
        found = await _messages(spaces[_space()], request.args.get("user", ""))
        return answer({"spaces": shown, "space": _space()} | found)

    @routes.get("/inbox/why/<message_id>")
    async def why(message_id: str) -> Response:
        dispatch = await spaces[_space()].service.store.dispatch(message_id)
        if dispatch is None:
            return refusal(404, "there is no such message, or it is too long ago")
        firing = dispatch.firing
        per = None if firing.per is None else literal(firing.per)
        try:
            found = await inquiries[_space()].answer(Question(firing.user, firing.trigger, per=per))
        except Unanswered as unanswered:
            return refusal(unanswered.status, str(unanswered))
        return answer(found | {"firing": firing.id})

    @routes.after_request
    async def private(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response


def _space() -> str:
    """The name of the space that is asked about."""
    return request.args.get("space", "shop")


async def _messages(space: Space, user: str) -> dict[str, Any]:
    """The last messages that came to the inboxes of a space, or are on their way there, or ended before."""
    found = await space.service.store.dispatches(limit=_LOOKED_AT)
    mine = [each for each in found if each.destination in space.inboxes and user in {"", each.firing.user}]
    return {
        "now": space.service.now(),
        "messages": [_shown(each, space.inboxes[each.destination].find(each.id)) for each in mine[:_SHOWN]],
    }


def _shown(dispatch: Dispatch, letter: Letter | None) -> dict[str, Any]:
    shown = told(dispatch)
    if letter is not None:
        shown["content"] = _content(letter)
    return shown


def _content(letter: Letter) -> dict[str, Any]:
    """What was sent: a mail by its address, its text, or any other data."""
    data = letter.delivery.data
    if not data.get("html") and not data.get("text"):
        return {"data": data}
    head = {"to": data.get("to"), "subject": data.get("subject")}
    return head | ({"frame": f"/inbox/mail/{letter.handle}"} if data.get("html") else {"text": data["text"]})


def _html(delivery: Delivery, shop: str) -> str:
    """A mail's HTML; its links open beside the page."""
    html = str(delivery.data.get("html") or "")
    if shop:
        html = html.replace('href="https://shop.example/', f'href="{shop}')
    return html.replace("<head>", '<head><base target="_blank">', 1)
