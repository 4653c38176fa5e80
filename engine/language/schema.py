"""The JSON Schema of trigger files, by which editors complete and check them."""

from typing import Any

from engine.language import sequences, trials, triggers
from engine.language.files import LIST

_DURATION = r"^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+$"
_TEXT = {"type": "string", "minLength": 1}
_NAME = {"minLength": 1}
_SHARE = {"type": "string", "pattern": r"^\d+(?:\.\d+)?\s*%$", "examples": ["10%"]}


def schema() -> dict[str, Any]:
    """The schema, JSON Schema 2020-12; conditions are text to it, `impel check` reads them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Impel trigger file",
        "description": "Triggers, and the segments they ask for.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "triggers": _named("Triggers by name.", {"$ref": "#/$defs/trigger"}),
            "segments": _named("Segments by name.", {"$ref": "#/$defs/segment"}),
        },
        "$defs": {
            "trigger": _object("When to act, and what to send.", _TRIGGER, triggers.KEYS, "when"),
            "segment": _SEGMENT,
            "step": _object("What is due some time after the firing.", _STEP, sequences.STEP_KEYS, "send"),
            "variant": _VARIANT_OR_NOTHING,
            "duration": _duration("Numbers with units, which may follow each other: 250ms 30s 10m 24h 2d 1w 1h30m."),
            "test": _object("What a shopper does, and when the trigger should fire.", _TEST, trials.KEYS, *_ASKED),
            "input": {"oneOf": [_SHORT_INPUT, _object("One input.", _INPUT, trials.INPUT_KEYS, "at")]},
            "firing": {"oneOf": [_ref("duration"), _object("One firing.", _FIRING, trials.FIRING_KEYS, "at")]},
        },
    }


def _ref(name: str, description: str = "") -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"} | ({"description": description} if description else {})


def _text(description: str, *examples: str) -> dict[str, Any]:
    return _TEXT | {"description": description} | ({"examples": list(examples)} if examples else {})


def _duration(description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": _DURATION, "description": description}


def _list(description: str, item: str) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": _ref(item), "description": description}


def _named(description: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "propertyNames": _NAME,
        "additionalProperties": value,
        "description": description,
    }


def _object(description: str, known: dict[str, Any], keys: tuple[str, ...], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": {key: known[key] for key in keys},
        "required": list(required),
        "additionalProperties": False,
    }


_ASKED = ("given", "expect")
_SCALAR = {"type": ["string", "number", "boolean"]}
_ANYTHING = {"type": ["object", "null"]}

_SEGMENT = _text(
    f"A state; or `{LIST}` for a list of users that is kept outside.",
    "seen(purchased) within 30d",
    'count(purchased) >= 3 within 90d and profile.country == "CH"',
    LIST,
)

_SEND = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}], "description": "The message to send, or several."}

_AFTER = _ref("duration", "How long after the firing it is due.")

_STEP = {
    "after": _AFTER,
    "send": _SEND,
    "if": _text("A state that must hold when it is to go.", "not seen(purchased)"),
}

_VARIANT = {
    "weight": {"type": "number", "minimum": 0, "default": 1, "description": "In proportion to the other variants'."},
    "when": _text("The moment at which it fires, in place of the trigger's."),
    "send": _SEND,
    "after": _AFTER,
    "steps": _list("What it sends, in place of what the trigger does.", "step"),
}

_VARIANT_OR_NOTHING = {"type": ["object", "null"]} | {
    key: value
    for key, value in _object("What a share of the people gets.", _VARIANT, sequences.VARIANT_KEYS).items()
    if key != "type"
}

_GOAL_TEXT = _text("An event within a time of the exposure.", "order_completed within 7d")

_GOAL = {"event": _GOAL_TEXT, "revenue": _text("The property that says what it is worth.", "total")}

_TRIGGER = {
    "when": _text(
        "The moment at which it fires.",
        "cart_updated then no (cart_updated or order_completed) within 1h",
        "count(product_viewed) > 2 within 10m",
        "inactive for 30d",
    ),
    "per": _text("A property: one independent watch of `when` for each of its values.", "cart_id"),
    "if": _text("A state that must hold at the firing.", 'in segment "vip"', "not seen(purchased) within 7d"),
    "cooldown": _ref("duration", "After a firing, none for this long (per value, with `per`)."),
    "expires": _ref("duration", "A message that could not go within this time after the firing goes no more."),
    "priority": {
        "type": "number",
        "default": 0,
        "description": "Of several triggers in one step, higher goes first.",
    },
    "backfill": {
        "type": "boolean",
        "default": False,
        "description": "When the trigger is new: fire once for users in whom its state already holds, "
        "or its latest deadline has passed.",
    },
    "send": _SEND,
    "after": _AFTER,
    "steps": _list("Messages one after the other, each so long after the firing.", "step"),
    "reentry": {
        "type": "string",
        "pattern": r"^(?:once|always|after .+)$",
        "default": "always",
        "examples": ["once", "after 30d"],
        "description": "Whether it may fire again: `once` fires once, unless nothing of it was sent.",
    },
    "otherwise": {
        "type": "boolean",
        "default": False,
        "description": "It sends only where no other trigger of its group, `exclusive`, fires before it is due.",
    },
    "variants": _named("What shares of the people get in place of what the trigger says.", _ref("variant")),
    "goal": {
        "oneOf": [_GOAL_TEXT, _object("What it is to bring about.", _GOAL, sequences.GOAL_KEYS, "event")],
        "description": "What it is to bring about, counted by variant.",
    },
    "until": _text("A moment after which its messages are not wanted any more.", "order_completed"),
    "exclusive": _text("Of the triggers of a group that fire in one step, only the first sends.", "carts"),
    "holdout": _SHARE | {"description": "The share of people who get nothing of what it sends."},
    "rollout": {
        "oneOf": [_SHARE, _object("To whom.", {"share": _SHARE, "segment": _TEXT}, triggers.ROLLOUT_KEYS)],
        "description": "For which share of the people it fires, and in which segment.",
    },
    "mode": {
        "enum": list(triggers.MODES),
        "default": "live",
        "description": "`shadow` decides and sends nothing; `off` does not fire.",
    },
    "objective": _text("What it is for."),
    "owner": _text("Who answers for it."),
    "reason": _text("Why it was last changed."),
    "tests": _list("What shoppers do, and when the trigger should fire; `impel test` runs them.", "test"),
}

_TEST = {
    "name": _text("The fact that it shows."),
    "given": _list("What happens, in the order in which it comes in.", "input"),
    "expect": _list("When it fires, from the test's start; empty for never.", "firing"),
    "until": _ref("duration", "Settle everything up to here; by default until nothing more can happen."),
}

_SHORT_INPUT = {
    "type": "string",
    "pattern": r"^\s*(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+\s+\S",
    "description": "A time from the test's start, and an event: `10m product_viewed`.",
}

_INPUT = {
    "at": _ref("duration", "When it happens, from the test's start."),
    "received": _ref("duration", "When it comes in, if later than it happens."),
    "event": _text("The event's name."),
    "properties": _ANYTHING | {"description": "The event's properties."},
    "traits": _ANYTHING | {"description": "A profile update; a trait set to null is gone."},
    "enters": _text("The list-kept segment that the user enters."),
    "leaves": _text("The list-kept segment that the user leaves."),
}

_FIRING = {
    "at": _ref("duration", "When it fires, from the test's start."),
    "per": _SCALAR | {"description": "The value of the `per` property for which it fires."},
}
