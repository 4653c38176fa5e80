"""The JSON Schema of `sending.yaml`, by which editors complete and check it."""

from typing import Any

from engine.language.sending import DAYS, OPT_IN, PERIODS

_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+"
_DAY = "|".join(DAYS)
_HOURS = rf"^(?:(?:{_DAY})(?:[-,](?:{_DAY}))*\s+)?\d\d?:\d\d\s*-\s*\d\d?:\d\d$"
_PER = rf"(?:{'|'.join(PERIODS)}|{_DURATION})"
_ABOUT = r"(?:channel|tag|trigger)\s+\S+"
_TEXT = {"type": "string", "minLength": 1}


def sending_schema() -> dict[str, Any]:
    """The schema, JSON Schema 2020-12; what it cannot know, such as the names of tags, `impel check` does."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Impel's rules of sending",
        "description": "When, and how often, people are written to.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "timezone": _TEXT | {"description": "The shop's, by its IANA name.", "examples": ["Europe/Berlin"]},
            "timezone_trait": _TEXT | {"description": "The trait that names a person's own.", "default": "timezone"},
            "quiet_hours": _hours("Nothing goes in them, by the person's own clock."),
            "send_windows": _hours("Things go only in them."),
            "consent": _consent("From whom consent is needed; without it, nobody is asked."),
            "tracking": _consent("From whom consent is needed to see what they do with a mail; without it, as above."),
            "caps": _list(_CAP) | {"description": "At most so many messages; all of them must let one pass."},
            "fatigue": _object(
                {
                    "budget": {"type": "number", "exclusiveMinimum": 0},
                    "half_life": {"type": "string", "pattern": f"^{_DURATION}$"},
                },
                "budget",
                "half_life",
            )
            | {"description": "A budget that each message uses up by its weight, and that comes back as time goes on."},
            "holdout": {
                "type": "string",
                "pattern": r"^\d+(?:\.\d+)?\s*%$",
                "description": "The share of people who get nothing but transactional messages.",
            },
        },
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _consent(description: str) -> dict[str, Any]:
    rule = _object({"region_trait": _TEXT, "opt_out": _list(_TEXT), "category": _TEXT})
    return {"description": description, "oneOf": [{"const": OPT_IN}, rule]}


def _hours(description: str) -> dict[str, Any]:
    part = {"type": "string", "pattern": _HOURS, "examples": ["21:00-08:00", "sat,sun 12:00-14:30"]}
    return {"description": description, "oneOf": [part, _list(part)]}


_CAP = {
    "oneOf": [
        {
            "type": "string",
            "pattern": rf"^\d+\s+per\s+{_PER}(?:\s+for\s+{_ABOUT}(?:\s+and\s+{_ABOUT})*)?$",
            "examples": ["3 per 7d", "1 per day for channel email"],
        },
        _object(
            {
                "limit": {"type": "integer", "minimum": 0},
                "per": {"type": "string", "pattern": f"^{_PER}$"},
                "channel": _TEXT,
                "tag": _TEXT,
                "trigger": _TEXT,
            },
            "limit",
            "per",
        ),
    ]
}
