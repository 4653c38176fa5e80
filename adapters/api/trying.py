"""For trying things: the sandbox's time, and the inbox."""

from adapters.api.words import INSTANT, TEXT, Json, Section, answered, body, fields, query, ref, route, several, within

_CLOCK: dict[str, Json] = {
    "now": INSTANT,
    "ahead": {"type": "integer", "description": "of the world, in milliseconds"},
}
_FIRING = fields(
    trigger=TEXT,
    user=TEXT,
    per={"type": ["string", "number", "boolean", "null"]},
    at=INSTANT,
    messages=several(TEXT),
)
_SPACE = query("space", "whose messages", {"type": "string", "enum": ["shop", "sandbox"], "default": "shop"})
_HERE = "The demo on this machine asks for no token."

ROUTES = [
    route(
        "GET /sandbox/clock",
        "sandbox_clock",
        "See what time it is in the sandbox",
        by="admin",
        answers={200: answered("Its time.", fields(**_CLOCK))},
    ),
    route(
        "POST /sandbox/clock",
        "forward",
        "Let time pass in the sandbox",
        by="admin",
        told="All that falls due on the way is decided and sent in order, each thing as of its own instant.",
        body=body(
            {
                "type": "object",
                "properties": {"forward": TEXT | {"description": "a duration, such as `1d12h`"}},
                "required": ["forward"],
                "additionalProperties": False,
            },
            a_day={"forward": "24h"},
        ),
        answers={200: answered("Its time afterwards, and what has fired.", fields(**_CLOCK, firings=several(_FIRING)))},
    ),
    route(
        "GET /inbox",
        "inbox",
        "Look at messages as shoppers get them",
        by="anyone",
        told="The page is empty without the admin token, which it asks for.",
        answers={200: answered("A page.", TEXT, kind="text/html")},
        always=True,
    ),
    route(
        "GET /inbox/{name}",
        "inbox_part",
        "A part of that page",
        by="anyone",
        parameters=[within("name", "a file of the page", "inbox.css")],
        answers={
            200: {"description": "It.", "content": {kind: {"schema": TEXT} for kind in ("text/css", "text/javascript")}}
        },
        refusals={404: "The page has no such part."},
        always=True,
    ),
    route(
        "GET /inbox/messages",
        "inbox_messages",
        "List what came to the inbox, is on its way there, or was not sent",
        by="admin",
        told=_HERE,
        parameters=[_SPACE, query("user", "only of this person")],
        answers={
            200: answered(
                "The latest changes first.",
                fields(spaces=several(TEXT), space=TEXT, now=INSTANT, messages=several(ref("Message"))),
            )
        },
        refusals={404: "There is no such space."},
    ),
    route(
        "GET /inbox/mail/{handle}",
        "inbox_mail",
        "Look at one mail",
        by="anyone",
        told="Its address is told with the list, and cannot be guessed.",
        parameters=[within("handle", "as the list tells it", "a-handle")],
        answers={200: answered("The mail.", TEXT, kind="text/html")},
        refusals={404: "There is no such mail, or it is too long ago."},
        always=True,
    ),
    route(
        "GET /inbox/why/{id}",
        "inbox_why",
        "Ask why a message was sent, held or dropped",
        by="admin",
        told=_HERE,
        parameters=[within("id", "a message's id", "cart_abandoned:u1:1:cart_reminder"), _SPACE],
        answers={200: answered("As of `/v1/users/{id}/why`, and which firing it was.", {"type": "object"})},
        refusals={404: "There is no such message or space, or it is too long ago."},
    ),
]

SECTION = Section("Trying", "A sandbox with a time of its own, and an inbox for what is sent.", ROUTES)
