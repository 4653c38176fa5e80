"""What the shop says of people, and what is known of them."""

from adapters.api.calls import SOMEBODY
from adapters.api.words import (
    INSTANT,
    TEXT,
    Json,
    Section,
    answered,
    body,
    fields,
    flag,
    partly,
    query,
    ref,
    route,
    several,
    within,
)

DONE = answered("It is on the disk.", fields(success={"const": True}), {"success": True})
_ID = query("id", "a user's or a visitor's id", example="u1", required=True)
NOBODY = {404: "Nobody is known by that id."}
_CONSENT_GIVEN = {"userId": "u1", "purpose": "marketing", "granted": True, "source": "checkout"}
_OBJECT: Json = {"type": "object"}

_MESSAGE = partly(
    ["message", "state"],
    "What became of a message; only `message` and `state` where that is too long ago.",
    id=TEXT,
    message=TEXT,
    state=TEXT,
    reason=TEXT,
    gate=TEXT,
    attempts={"type": "integer"},
    at=INSTANT,
)

USER = fields(
    "All instants are milliseconds.",
    user=TEXT,
    anonymous={"type": "boolean"},
    now=INSTANT,
    traits=_OBJECT,
    segments=several(TEXT),
    consents={
        "type": "object",
        "additionalProperties": fields(granted={"type": "boolean"}, at=INSTANT, source=TEXT),
    },
    recent=several(fields(event=TEXT, at=INSTANT, properties=_OBJECT)) | {"description": "the newest first"},
    pending=several(fields(trigger=TEXT, per={}, at=INSTANT)) | {"description": "deadlines that are armed"},
    firings=several(fields(id=TEXT, trigger=TEXT, per={}, at=INSTANT, messages=several(_MESSAGE))),
)

_WHY = [
    query("trigger", "without it, all are told of in short", example="cart_abandoned"),
    query("at", "as of when, ISO 8601 or milliseconds; without it: now"),
    query("per", "the value asked about, of a trigger that watches values"),
]
_ANSWER: Json = {
    "type": "object",
    "properties": {"user": TEXT, "now": INSTANT, "at": INSTANT},
    "required": ["user", "now", "at"],
    "oneOf": [
        fields(triggers=several(fields(trigger=TEXT, status=TEXT, said=TEXT))),
        ref("Answer"),
    ],
}
_WHY_TOLD = {200: answered("What decided, in words and values.", _ANSWER)}
_WHY_NOT = {400: "A parameter cannot be read.", 404: "Nobody, or no trigger, is known by that name."}

ROUTES = [
    route(
        "POST /v1/consent",
        "consent",
        "Say what somebody agrees to",
        by="admin",
        told="A withdrawal ends what is held at once.",
        body=body(
            {"allOf": [ref("Consent"), SOMEBODY]}, granted=_CONSENT_GIVEN, withdrawn=_CONSENT_GIVEN | {"granted": False}
        ),
        answers={200: DONE},
    ),
    route(
        "POST /v1/segments/{name}",
        "segment",
        "Say who is in a list",
        by="admin",
        told="Of a segment that the files declare as `list`.",
        parameters=[within("name", "the segment", "wholesale")],
        body=body({"allOf": [ref("Membership"), SOMEBODY]}, enters={"userId": "u1", "member": True}),
        answers={200: DONE},
        refusals={404: "No segment of that name is kept as a list."},
    ),
    route(
        "POST /v1/suppressions",
        "suppress",
        "Suppress people or addresses, or lift that",
        by="admin",
        told="One entry, or `suppressions` with several, or as `text/csv` a line of names and a line for each.",
        parameters=[
            flag("lifted", "lift them"),
            flag("dry_run", "only look whether they can be taken"),
        ],
        body={
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [ref("Suppression"), ref("Suppressions")]},
                    "examples": {
                        "address": {"value": {"address": "bo@shop.example", "why": "bounced"}},
                        "several": {
                            "value": {"suppressions": [{"userId": "u9", "list": "news", "why": "unsubscribed"}]}
                        },
                    },
                },
                "text/csv": {"schema": TEXT, "example": "address,why\nbo@shop.example,bounced"},
            },
        },
        answers={
            200: answered("What is good was taken; what is not, is listed.", ref("Taken")),
            400: answered("Nothing could be taken.", {"anyOf": [ref("Taken"), ref("Refusal")]}),
        },
    ),
    route(
        "GET /v1/suppressions",
        "suppressions",
        "List the addresses that are suppressed",
        by="admin",
        answers={
            200: answered("A file that can be read again.", TEXT, "address,channel,list,why,source,at\n", "text/csv")
        },
    ),
    route(
        "GET /admin/user",
        "user",
        "See a person as the engine does",
        by="admin",
        parameters=[_ID],
        answers={200: answered("All that is known by now.", ref("User"))},
        refusals=NOBODY,
    ),
    route(
        "GET /v1/users/{id}/why",
        "why",
        "Ask why a trigger fired for a person, or did not",
        by="admin",
        told="docs/why.md reads an answer.",
        parameters=[within("id", "a user's or a visitor's id", "u1"), *_WHY],
        answers=_WHY_TOLD,
        refusals=_WHY_NOT,
    ),
    route(
        "GET /admin/why",
        "why_by_query",
        "Ask the same, for an id that cannot stand in a path",
        by="admin",
        parameters=[_ID, *_WHY],
        answers=_WHY_TOLD,
        refusals=_WHY_NOT,
    ),
    route(
        "GET /admin/preview",
        "preview",
        "See a message as a person would get it now",
        by="admin",
        told="Nothing is sent.",
        parameters=[query("message", "the message's name", example="come_back", required=True), _ID],
        answers={200: answered("It, filled in.", fields(message=TEXT, user=TEXT, trigger=TEXT, fields=_OBJECT))},
        refusals={404: "There is no such message, or person.", 422: "It cannot be filled in; why."},
    ),
]

SECTION = Section("People", "What the shop says of them, and what is known.", ROUTES)
