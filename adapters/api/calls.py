"""Calls in the Segment form, as schemas; `adapters/sources/segment.py` decodes them."""

from adapters.api.words import Json

_OBJECT: Json = {"type": ["object", "null"]}
_ID: Json = {"type": ["string", "integer", "null"]}
_GIVEN: Json = {"type": ["string", "integer"], "minLength": 1}
_LAST = 253_402_300_799_999
_STAMP: Json = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "number", "minimum": 0, "maximum": _LAST},
        {"type": "null"},
    ]
}
_STAMPED: Json = {"type": ["string", "number", "null"]}
"""One that is read as `_STAMP` is, if it is needed."""

_CONSENT: Json = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"categoryPreferences": {"type": "object", "additionalProperties": {"type": "boolean"}}},
            "required": ["categoryPreferences"],
        },
        {"type": "object", "maxProperties": 0},
        {"type": "null"},
    ]
}

_FIELDS: Json = {
    "userId": _ID | {"description": "the shop's own id of the person; numbers are kept to the digit"},
    "anonymousId": _ID | {"description": "the visitor's id, before the shop knows who it is"},
    "messageId": _ID | {"description": "makes sending again safe: one seen in the last 24 hours counts once"},
    "timestamp": _STAMP | {"description": "when it happened, ISO 8601 or milliseconds; without it: now"},
    "originalTimestamp": _STAMPED | {"description": "the same, as RudderStack's libraries say it"},
    "sentAt": _STAMPED | {"description": "when it is sent, by the same clock: a wrong one is corrected by it"},
    "event": {"type": ["string", "null"], "description": "what happened: `cart_updated`, `Product Added`"},
    "name": {"type": ["string", "null"], "description": "of a page or screen"},
    "category": {"type": ["string", "null"], "description": "of a page or screen"},
    "groupId": _ID,
    "previousId": _ID | {"description": "the id that a person had before"},
}
_PROPERTIES: Json = _OBJECT | {"description": "what triggers and templates can ask of it"}
_TRAITS: Json = _OBJECT | {"description": "what is known of the person, or of the group"}
_CONTEXT: Json = {
    "type": ["object", "null"],
    "properties": {"consent": _CONSENT},
    "description": "of which the consent is looked at",
}
_WHOLE_CONTEXT: Json = {
    "type": ["object", "null"],
    "properties": {"traits": _TRAITS, "consent": _CONSENT},
    "description": "of which traits and consent are looked at",
}

SOMEBODY: Json = {
    "anyOf": [
        {"properties": {"userId": _GIVEN}, "required": ["userId"]},
        {"properties": {"anonymousId": _GIVEN}, "required": ["anonymousId"]},
    ]
}
_FROM: Json = {
    "anyOf": [
        {"properties": {"previousId": _GIVEN}, "required": ["previousId"]},
        {"properties": {"anonymousId": _GIVEN}, "required": ["anonymousId"]},
    ]
}


def _call(told: str, *asked: Json, need: tuple[str, ...] = (), **more: Json) -> Json:
    """A call: what all have that the decoder reads, and what is read of this one alone."""
    return {
        "type": "object",
        "description": told,
        "properties": {**_FIELDS, "context": _CONTEXT, **more, "type": {"type": ["string", "null"]}},
        "required": list(need),
        "allOf": list(asked),
    }


_NAMED: Json = _FIELDS["event"] | {"type": "string", "minLength": 1}

CALLS: dict[str, Json] = {
    "Track": _call("Something that a person did.", SOMEBODY, need=("event",), event=_NAMED, properties=_PROPERTIES),
    "Identify": _call(
        "Who somebody is; both ids at once make one person of two.", SOMEBODY, traits=_TRAITS, context=_WHOLE_CONTEXT
    ),
    "Page": _call("A page that was seen.", SOMEBODY, properties=_PROPERTIES),
    "Screen": _call("A screen of an app that was seen.", SOMEBODY, properties=_PROPERTIES),
    "Group": _call("To which group somebody belongs.", SOMEBODY, need=("groupId",), groupId=_GIVEN, traits=_TRAITS),
    "Alias": _call("Two ids are one person's.", _FROM, need=("userId",), userId=_GIVEN),
}

EVERY_CALL: Json = {
    "type": "object",
    "description": "A call that says its `type`. Each is judged by itself: a bad one is listed, and the rest is taken.",
    "properties": {
        "type": {"enum": [name.lower() for name in CALLS]},
        **_FIELDS,
        "properties": _PROPERTIES,
        "traits": _TRAITS,
        "context": _WHOLE_CONTEXT,
    },
    "required": ["type"],
}
