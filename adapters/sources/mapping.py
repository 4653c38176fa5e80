"""Webhooks of any shape, made into `track` calls by a mapping of fields from the settings.

    webhooks:
      shop:                        # POST /webhook/shop
        user: user_id              # the field with the user's id; `customer.id` reaches inside
        event: event               # the field with the event's name
        timestamp: created_at
        rename: {add_to_cart: Product Added}

Every field that is not used for these is a property.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Mapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in the body to find what a call needs; each is a field's name, or names joined by dots."""

    user: str = ""
    anonymous: str = ""
    event: str = ""
    name: str = ""
    """The event's name, where all that comes in is the same event."""
    timestamp: str = ""
    message_id: str = ""
    properties: list[str] | None = None
    """The fields that become properties; without it, all that are not used otherwise."""
    rename: dict[str, str] = {}
    """What the events are to be called."""

    def __post_init__(self) -> None:
        if not (self.user or self.anonymous):
            raise ValueError("a webhook needs `user:` or `anonymous:`, the field with the id")
        if bool(self.event) == bool(self.name):
            raise ValueError("a webhook needs either `event:`, the field with the event's name, or `name:`, the name")

    def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `track` call that a body stands for."""
        name = self.name or _find(body, self.event)
        return {
            "userId": _find(body, self.user),
            "anonymousId": _find(body, self.anonymous),
            "event": self.rename.get(name, name) if isinstance(name, str) else name,
            "timestamp": _find(body, self.timestamp),
            "messageId": _find(body, self.message_id),
            "properties": self._properties(body),
        }

    def _properties(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.properties is not None:
            return {path: _find(body, path) for path in self.properties}
        used = {self.user, self.anonymous, self.event, self.timestamp, self.message_id}
        return {key: value for key, value in body.items() if key not in used}


def _find(body: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None where there is none."""
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
