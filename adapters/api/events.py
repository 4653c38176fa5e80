"""Events in: over HTTP, over the websocket, by webhooks, and those of the past."""

from typing import Any

from adapters.api.words import (
    INSTANT,
    Json,
    Route,
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

_EXAMPLES: dict[str, Any] = {
    "track": {
        "userId": "u1",
        "event": "cart_updated",
        "properties": {"cart_id": "c1", "total": 211, "items": [{"product": "Tent for two", "price": 211}]},
    },
    "identify": {
        "userId": "u1",
        "traits": {"email": "ann@shop.example", "first_name": "Ann", "consent": {"marketing": True}},
    },
    "page": {"anonymousId": "a7", "name": "Tents", "properties": {"url": "https://shop.example/tents"}},
    "screen": {"anonymousId": "a7", "name": "Cart"},
    "group": {"userId": "u1", "groupId": "club", "traits": {"name": "Hiking club"}},
    "alias": {"previousId": "a7", "userId": "u1"},
}
_TOLD = {
    "track": "Say what a person did",
    "identify": "Say who a person is",
    "page": "Say which page was seen",
    "screen": "Say which screen was seen",
    "group": "Say to which group a person belongs",
    "alias": "Say that two ids are one person's",
}
_TAKEN = answered("It is on the disk, with all that was decided upon it.", ref("Report"), {"success": True})
_NOT_TAKEN = answered(
    "The call, or the whole body, cannot be used.",
    {"anyOf": [ref("Report"), ref("Refusal")]},
    {
        "success": False,
        "accepted": 0,
        "rejected": [{"index": 0, "messageId": None, "reason": "a call needs a `userId` or an `anonymousId`"}],
    },
)
_ANY_TYPE = "Whatever its `Content-Type` says, it is read as JSON; `Content-Encoding: gzip` is taken. At most 9 MB."


def _one(place: str, name: str, summary: str, kind: str, told: str = "") -> Route:
    asked = body(ref(kind.title()), told=_ANY_TYPE, **{kind: _EXAMPLES[kind]})
    return route(place, name, summary, by="write key", told=told, body=asked, answers={200: _TAKEN, 400: _NOT_TAKEN})


_BATCH: Json = {"type": "object", "properties": {"batch": several(ref("Call"))}, "required": ["batch"]}
_SEVERAL: Json = {"batch": [{"type": kind, **_EXAMPLES[kind]} for kind in ("identify", "track")]}
_PARTLY = answered("What is good is on the disk; what is not, is listed.", ref("Report"), {"success": True})


def _many(place: str, name: str, summary: str, told: str = "") -> Route:
    asked = body(_BATCH, told=_ANY_TYPE, several=_SEVERAL)
    return route(place, name, summary, by="write key", told=told, body=asked, answers={200: _PARTLY})


_IN_SHORT = "As Segment's library for browsers says it."
_SAME = "The same as `/v1/batch`"
_UPGRADED: Json = {"description": "It goes on as a websocket."}
_AS_A_PAGE = {400: "It was asked for as a page, without `Upgrade: websocket`."}

ROUTES = [
    *(_one(f"POST /v1/{kind}", kind, told, kind) for kind, told in _TOLD.items()),
    _many("POST /v1/batch", "batch", "Send several calls"),
    route(
        "GET /v1/stream",
        "stream",
        "Send events over a websocket",
        by="write key",
        told="Many frames on their way at a time, acknowledged when they are on the disk: docs/streaming.md. What is "
        "wrong with a key is told by the code with which the websocket is closed.",
        answers={101: _UPGRADED},
        refusals=_AS_A_PAGE,
    ),
    route(
        "POST /webhook/{name}",
        "webhook",
        "Take a webhook",
        by="write key",
        told="Of the kind and with the mapping that the settings give for it. One that is signed shows no key: what is "
        "genuine and cannot be used is answered with 200, and says so (docs/sources.md).",
        parameters=[within("name", "as under `webhooks:` in the settings", "shop")],
        body=body(
            {"type": ["object", "array"]},
            told="Whatever the shop or service sends.",
            shop={"user_id": "12345", "product_id": "98765", "event": "add_to_cart"},
        ),
        answers={200: _PARTLY, 400: _NOT_TAKEN},
        refusals={401: "No write key, or the signature is missing or wrong.", 404: "No webhook has that name."},
    ),
    route(
        "GET /v1/projects/{key}/settings",
        "library_settings",
        "Tell Segment's library for browsers where to send",
        by="anyone",
        told="It asks by itself: `AnalyticsBrowser.load({writeKey, cdnURL})`.",
        parameters=[within("key", "a browser key", "storefront-key")],
        answers={200: answered("What the library obeys.", fields(integrations={"type": "object"}))},
        refusals={404: "It is no browser key."},
        always=True,
    ),
    route(
        "POST /admin/import",
        "import_history",
        "Take calls of the past, as history",
        by="admin",
        told="They count in windows and as a reason for silence, and begin nothing. `impel import` reads files.",
        parameters=[flag("dry_run", "only look whether they can be taken")],
        body=body(_BATCH, several={"batch": [_SEVERAL["batch"][1] | {"timestamp": "2026-03-01T10:00:00Z"}]}),
        answers={200: answered("What is good was taken; what is not, is listed.", ref("Taken"))},
    ),
    route(
        "GET /v1/events",
        "events",
        "See what events there are",
        by="admin",
        told="How often each came in, with its properties' types and none of their values, which triggers mention "
        "it, and which names do not fit.",
        parameters=[query("name", "only this one")],
        answers={
            200: answered(
                "By name, the latest first.", partly(["now", "events"], now=INSTANT, events={"type": "object"})
            )
        },
        refusals={404: "No event of that name has come in."},
    ),
    *(_one(f"POST /v1/{kind[0]}", f"{kind}_short", f"The same as `/v1/{kind}`", kind, _IN_SHORT) for kind in _TOLD),
    _many("POST /v1/b", "batch_short", _SAME, _IN_SHORT),
    _many("POST /v1/import", "batch_old", _SAME, "As Segment's older libraries say it."),
    _many("POST /beacon/v1/batch", "batch_beacon", _SAME, "As RudderStack's library says it when a page is left."),
]

SECTION = Section("Events", "What people do, on its way in.", ROUTES)
