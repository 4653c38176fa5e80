"""What came of it: firings, messages, and their counts."""

from typing import Any, get_args

from adapters.api.words import (
    INSTANT,
    TEXT,
    Json,
    Section,
    answered,
    body,
    fields,
    maybe,
    query,
    ref,
    route,
    several,
    within,
)
from engine.runtime.records import DispatchState

_STATE: Json = {"type": "string", "enum": list(get_args(DispatchState))}
_NUMBER: Json = {"type": "number"}
_COUNT: Json = {"type": "integer"}
_COUNTS: Json = {"type": "object", "additionalProperties": _COUNT}

MESSAGE = fields(
    "A message; all instants are milliseconds.",
    id=TEXT,
    state=_STATE,
    reason=TEXT | {"description": "why it is in this state; empty where that needs no reason"},
    gate=TEXT | {"description": "the rule that holds it, or dropped it"},
    message=TEXT,
    destination=TEXT,
    user=TEXT,
    trigger=TEXT,
    per={"type": ["string", "number", "boolean", "null"]},
    fired=INSTANT,
    attempts=_COUNT,
    begun=maybe(INSTANT),
    due=INSTANT,
    changed=INSTANT,
)

_RATES = ("accepted", "delivered", "opened", "clicked", "converted")
_COUNTED = (
    "fired",
    "exposed",
    "accepted",
    "unconfirmed",
    "failed",
    "dropped",
    "delivered",
    "opened",
    "clicked",
    "converted",
)

ARM = fields(
    "What came of one variant of one version of a trigger.",
    version=TEXT,
    since=INSTANT,
    variant=TEXT,
    **dict.fromkeys(_COUNTED, _COUNT),
    revenue=_NUMBER,
    revenue_per_exposure=maybe(_NUMBER),
    held_by=_COUNTS,
    dropped_by=_COUNTS,
    rates=fields(**dict.fromkeys(_RATES, maybe(ref("Rate")))),
    lift=maybe(fields(against=TEXT, converted=ref("Rate"))),
)

_ARMS = several(ref("Arm"))
_NO_TRIGGER = {404: "There is no trigger of that name."}
_ID = within("id", "a message's id, as it is listed", "cart_abandoned:u1:1:cart_reminder")
_NO_MESSAGE = {404: "There is no such message, or it is too long ago."}
_AS_IT_IS: dict[int, Any] = {200: answered("The message as it is now.", ref("Message"))}
_WAITS = {409: "It is in a state in which that cannot be; which."}

ROUTES = [
    route(
        "GET /v1/decisions",
        "decisions",
        "Follow firings, and what becomes of messages",
        by="admin",
        told="A websocket, with a cursor: docs/streaming.md. What is wrong with a token is told by the code with which "
        "it is closed.",
        parameters=[
            query("after", "a cursor as it was told, or 0 for all that is kept"),
            query("trigger", "only of this one; may stand several times"),
            query("user", "only of this person; may stand several times"),
        ],
        answers={101: {"description": "It goes on as a websocket."}},
        refusals={400: "It was asked for as a page, without `Upgrade: websocket`."},
    ),
    route(
        "GET /v1/stats",
        "stats",
        "Count what came of the triggers",
        by="admin",
        told="With 95 % intervals; docs/sending.md explains them.",
        parameters=[query("trigger", "only of this one", example="cart_abandoned")],
        answers={
            200: answered(
                "By trigger, the arms of the latest version first.",
                fields(triggers={"type": "object", "additionalProperties": _ARMS}),
            )
        },
        refusals=_NO_TRIGGER,
    ),
    route(
        "GET /v1/triggers/{name}/stats",
        "trigger_stats",
        "Count what came of one trigger",
        by="admin",
        parameters=[within("name", "the trigger", "cart_abandoned")],
        answers={200: answered("Its arms, those of the latest version first.", fields(trigger=TEXT, arms=_ARMS))},
        refusals=_NO_TRIGGER,
    ),
    route(
        "GET /admin/outbox",
        "outbox",
        "List messages",
        by="admin",
        parameters=[
            query("state", "only in this one; may stand several times", several(_STATE)),
            query("user", "only of this person", example="u1"),
            query("limit", "so many at most", {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}),
        ],
        answers={
            200: answered(
                "The newest first.",
                fields(messages=several(ref("Message")), waiting=_COUNT, paused=several(TEXT)),
            )
        },
        refusals={400: "There is no such state, or the limit is none."},
    ),
    route(
        "GET /admin/outbox/{id}",
        "message",
        "See one message",
        by="admin",
        parameters=[_ID],
        answers=_AS_IT_IS,
        refusals=_NO_MESSAGE,
    ),
    route(
        "POST /admin/outbox/{id}/retry",
        "retry",
        "Send a message again",
        by="admin",
        told="The rules of sending are asked as always.",
        parameters=[_ID],
        answers=_AS_IT_IS,
        refusals=_NO_MESSAGE | _WAITS,
    ),
    route(
        "POST /admin/outbox/{id}/drop",
        "drop",
        "Do not send a message that waits",
        by="admin",
        parameters=[_ID],
        answers=_AS_IT_IS,
        refusals=_NO_MESSAGE | _WAITS,
    ),
    route(
        "POST /admin/destinations/{name}/replay",
        "replay",
        "Tell a destination of messages of the past, as history",
        by="admin",
        told="A page at a time: the answer says from where the next one goes on. Nothing is sent to anybody.",
        parameters=[within("name", "the destination", "mail")],
        body=body(
            ref("Replay"), given_up={"since": 1_772_359_200_000, "until": 1_772_445_600_000, "states": ["failed"]}
        ),
        answers={
            200: answered(
                "What was told of, and what was not.",
                fields(
                    told=_COUNT,
                    left_out=several(fields(id=TEXT, message=TEXT, user=TEXT, reason=TEXT)),
                    after={"type": ["array", "null"], "description": "null: there is no more"},
                ),
            )
        },
        refusals={404: "There is no such destination.", 409: "It is of a kind that takes no history."},
    ),
]

SECTION = Section("Results", "What was decided, sent, and brought about.", ROUTES)
