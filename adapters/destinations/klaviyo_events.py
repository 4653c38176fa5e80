"""Klaviyo's events as they are written, one by itself or many together (Events API, revision 2026-07-15)."""

from collections.abc import Mapping
from typing import Any

from adapters.destinations.http import iso, written
from engine.runtime.ports import Delivery, Rejected

_PROFILE = ("email", "phone_number", "external_id", "anonymous_id", "id", "first_name", "last_name", "locale", "title")
"""What a profile calls by a name of its own; everything else is one of its custom properties."""
IDENTIFIES = ("email", "phone_number", "external_id", "anonymous_id", "id")


def single(delivery: Delivery, *, past: bool = False) -> bytes:
    """The body of a request that tells of one event; one that is `past` starts no flow.

    Raises:
        Rejected: it does not say whose event it is, or cannot be written as JSON.

    """
    attributes = _event(delivery, past=past) | {"profile": _profile(delivery)}
    return written({"data": {"type": "event", "attributes": attributes}}, delivery.message)


def entry(delivery: Delivery) -> bytes:
    """The same of an event that is past, as it stands among others; the mark stands with each, and with their profile.

    Raises:
        Rejected: likewise.

    """
    attributes = _event(delivery, past=True)
    told = {
        "profile": _profile(delivery),
        "events": {"data": [{"type": "event", "attributes": attributes}]},
        "backfill": True,
    }
    return written({"type": "event-bulk-create", "attributes": told}, delivery.message)


def together(entries: list[bytes]) -> bytes:
    """The body of a request that tells of many."""
    head = b'{"data":{"type":"event-bulk-create-job","attributes":{"events-bulk-create":{"data":['
    return head + b",".join(entries) + b"]}}}}"


def _event(delivery: Delivery, *, past: bool) -> dict[str, Any]:
    """What an event says, but for whose it is."""
    data = delivery.data
    attributes: dict[str, Any] = {
        "metric": {"data": {"type": "metric", "attributes": {"name": data["metric"]}}},
        "properties": data.get("properties") or {},
        "time": iso(delivery.at),
        "unique_id": delivery.id,
    }
    if past:
        attributes["backfill"] = True
    return attributes | {name: data[name] for name in ("value", "value_currency") if data.get(name) is not None}


def _profile(delivery: Delivery) -> dict[str, Any]:
    """A profile: attributes by their own names, the others as custom properties; null clears nothing here."""
    said: Mapping[str, Any] = delivery.data["profile"]
    known = {name: value for name, value in said.items() if name not in _PROFILE or (value is not None and value != "")}
    if not any(known.get(name) for name in IDENTIFIES):
        raise Rejected("no address: the profile has none of email, phone_number, external_id, anonymous_id and id")
    custom = {name: value for name, value in known.items() if name not in _PROFILE}
    named = {name: value for name, value in known.items() if name in _PROFILE}
    return {"data": {"type": "profile", "attributes": named | ({"properties": custom} if custom else {})}}
