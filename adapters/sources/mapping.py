"""Webhooks, as the settings give them: who signs them, and how their fields make a `track` call.

    webhooks:
      shop:                        # POST /webhook/shop
        user: user_id              # the field with the user's id; `customer.id` reaches inside
        event: event               # the field with the event's name
        timestamp: created_at
        rename: {add_to_cart: Product Added}

Every field that is not used for these is a property. A `kind` says by whom it is signed, with which `secret`; what
Shopify and WooCommerce send needs no mapping.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from adapters.secrets import Secret, SecretError

Kind = Literal["json", "standard", "stripe", "shopify", "woocommerce"]

SHOPS = frozenset[Kind]({"shopify", "woocommerce"})
"""Those whose fields are known."""


class Mapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in the body to find what a call needs; each is a field's name, or names joined by dots."""

    kind: Kind = "json"
    """`json` is not signed and shows the write key."""
    secret: Secret | None = None
    """With which it is signed."""
    user: str = ""
    anonymous: str = ""
    event: str = ""
    name: str = ""
    """The event's name, where all that comes in is the same event."""
    timestamp: str = ""
    """ISO 8601 or milliseconds; of `kind: stripe`, seconds."""
    message_id: str = ""
    properties: list[str] | None = None
    """The fields that become properties; without it, all that are not used otherwise."""
    rename: dict[str, str] = {}
    """What the events are to be called."""

    def __post_init__(self) -> None:
        if self.kind == "json" and self.secret is not None:
            raise ValueError("`secret:` is for what is signed: say by which `kind:`, standard, stripe or a shop's")
        if self.kind != "json" and self.secret is None:
            raise ValueError(f"a `kind: {self.kind}` webhook needs `secret:`, with which its sender signs")
        if self.kind in SHOPS:
            if any(
                (self.user, self.anonymous, self.event, self.name, self.timestamp, self.message_id, self.properties)
            ):
                raise ValueError(
                    f"the fields of a `kind: {self.kind}` webhook are known: give `secret` and `rename` only"
                )
            return
        if not (self.user or self.anonymous):
            raise ValueError("a webhook needs `user:` or `anonymous:`, the field with the id")
        if bool(self.event) == bool(self.name):
            raise ValueError("a webhook needs either `event:`, the field with the event's name, or `name:`, the name")

    def key(self) -> str:
        """The secret, as it is now: it may be changed where it is kept.

        Raises:
            SecretError: it is not there.

        """
        if self.secret is None:
            raise SecretError(f"a `kind: {self.kind}` webhook has no secret")
        return self.secret.read()

    def named(self, event: str) -> str:
        """What an event is to be called."""
        return self.rename.get(event, event)

    def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `track` call that a body stands for."""
        name = self.name or find(body, self.event)
        at = find(body, self.timestamp)
        return {
            "userId": find(body, self.user),
            "anonymousId": find(body, self.anonymous),
            "event": self.named(name) if isinstance(name, str) else name,
            "timestamp": at * 1_000 if self.kind == "stripe" and type(at) is int else at,
            "messageId": find(body, self.message_id),
            "properties": self._properties(body),
        }

    def _properties(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.properties is not None:
            return {path: find(body, path) for path in self.properties}
        used = {self.user, self.anonymous, self.event, self.timestamp, self.message_id}
        return {key: value for key, value in body.items() if key not in used}


def find(body: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None where there is none."""
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
