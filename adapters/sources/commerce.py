"""What shops' webhooks have in common: people, orders and products, in the names of Segment's e-commerce spec.

https://segment.com/docs/connections/spec/ecommerce/v2/
"""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from adapters.sources.mapping import find

Body = Mapping[str, Any]

MOST_PRODUCTS = 100
"""Products of an order that are told one by one: more might not fit into an event."""


class Who(NamedTuple):
    """The ids by which a webhook names a person; what belongs to nobody has neither."""

    user_id: str | None = None
    anonymous_id: str | None = None


class Said(NamedTuple):
    """What a person said of being written to, and when, ISO 8601, if the shop says."""

    granted: bool
    at: str | None


class Told(NamedTuple):
    """What a webhook says, as calls in the Segment form; those without a `messageId` get the webhook's."""

    who: Who = Who()
    calls: tuple[dict[str, Any], ...] = ()
    consent: Said | None = None
    at: str | None = None
    """When it happened, ISO 8601; None: just now."""


def identify(who: Who, traits: Body) -> dict[str, Any]:
    """A call that says what is known of a person; two ids are linked by it."""
    return {"type": "identify", "userId": who.user_id, "anonymousId": who.anonymous_id, "traits": known(traits)}


def track(who: Who, event: str, properties: Body, message_id: str | None = None) -> dict[str, Any]:
    """A call that says what a person did."""
    ids = {"userId": who.user_id, "anonymousId": who.anonymous_id, "messageId": message_id}
    return {"type": "track", "event": event, **ids, "properties": known(properties)}


def known(fields: Body) -> dict[str, Any]:
    """The fields without those that say nothing."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def id_at(body: Body, path: str) -> str | None:
    """An id as text, exact however long; None where there is none, or 0, which is nobody."""
    value = find(body, path)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == 0:
        return None
    return str(value) or None


def text_at(body: Body, *paths: str) -> str | None:
    """The first text that stands at one of these paths."""
    return next((value for path in paths if isinstance(value := find(body, path), str) and value), None)


def objects(body: Body, key: str) -> list[Body]:
    """The objects of a list."""
    found = body.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def money(value: object) -> float | None:
    """A price, which shops write as text."""
    amount = _exact(value)
    return None if amount is None else float(amount)


def sum_of(values: Iterable[object]) -> float:
    """The sum of prices, to the cent."""
    return float(sum((amount for value in values if (amount := _exact(value)) is not None), Decimal()))


def _exact(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and math.isfinite(float(amount)) else None
