"""What services report, each in its own form, as reports in one: the six email events of the Segment specification.

What a service says beside these (processed, deferred, sent) is passed over. A part that cannot be read is passed over
too, and counted: a service that is refused sends the whole again and again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from adapters.destinations.salesforce import message_of
from adapters.feedback.report import BOUNCED, CLICKED, DELIVERED, OPENED, SPAM, UNSUBSCRIBED, Report, instant
from engine.core.events import Millis

Read = Callable[[bytes], Iterator[Report | None]]
"""Reads a body; None for a part that cannot be read, or is none of the six."""


class Unreadable(ValueError):
    """The body as a whole is no report of this service."""


def sendgrid(body: bytes) -> Iterator[Report | None]:
    """A JSON list of events; what was sent along as `custom_args` stands among their fields."""
    names = {
        "delivered": DELIVERED,
        "open": OPENED,
        "click": CLICKED,
        "bounce": BOUNCED,
        "dropped": "",
        "spamreport": SPAM,
        "unsubscribe": UNSUBSCRIBED,
        "group_unsubscribe": UNSUBSCRIBED,
    }
    for each in _list(_json(body)):
        event = names.get(_text(each, "event"), "")
        yield (
            None
            if not event
            else Report(
                event=event,
                at=_seconds(each.get("timestamp")),
                id=_text(each, "sg_event_id"),
                address=_text(each, "email"),
                message=_text(each, "impel_id"),
                link=_text(each, "url"),
                machine=each.get("sg_machine_open") is True,
                soft=_text(each, "type") == "blocked",
                of=_text(each, "asm_group_id"),
            )
        )


def mandrill(body: bytes) -> Iterator[Report | None]:
    """A form with the field `mandrill_events`, a JSON list; `metadata` comes back with each message."""
    names = {
        "open": OPENED,
        "click": CLICKED,
        "hard_bounce": BOUNCED,
        "soft_bounce": BOUNCED,
        "spam": SPAM,
        "unsub": UNSUBSCRIBED,
        "delivered": DELIVERED,
    }
    fields = dict(parse_qsl(body.decode(errors="replace")))
    for each in _list(_json(fields.get("mandrill_events", "").encode())):
        kind, sent = _text(each, "event"), _object(each, "msg")
        yield (
            None
            if kind not in names
            else Report(
                event=names[kind],
                at=_seconds(each.get("ts")),
                id=f"{_text(each, '_id')}:{kind}:{each.get('ts')}",
                address=_text(sent, "email"),
                message=_text(_object(sent, "metadata"), "impel_id"),
                link=_text(each, "url"),
                soft=kind == "soft_bounce",
            )
        )


def mailchimp(body: bytes) -> Iterator[Report | None]:
    """A form of one event, `type` and `data[...]`; opens and clicks are not told."""
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    names = {"unsubscribe": UNSUBSCRIBED, "cleaned": BOUNCED}
    kind, fired = fields.get("type", ""), fields.get("fired_at", "")
    if not kind:
        raise Unreadable("it has no `type`")
    address, reason = fields.get("data[email]", ""), fields.get("data[reason]", "")
    event = SPAM if reason == "abuse" else names.get(kind, "")
    yield (
        None
        if not event
        else Report(
            event=event,
            at=instant(fired),
            id=f"{kind}:{fields.get('data[list_id]')}:{address}:{fired}",
            address=address,
        )
    )


def klaviyo(body: bytes) -> Iterator[Report | None]:
    """JSON with a list `data`, each with its `topic` and the event as `payload`."""
    names = {
        "received_email": DELIVERED,
        "opened_email": OPENED,
        "clicked_email": CLICKED,
        "bounced_email": BOUNCED,
        "marked_email_as_spam": SPAM,
        "unsubscribed_from_email_marketing": UNSUBSCRIBED,
        "manually_suppressed_from_email_marketing": UNSUBSCRIBED,
    }
    found = _json(body)
    for each in _list(found.get("data") if isinstance(found, dict) else None):
        event = names.get(_text(each, "topic").rpartition(".")[2], "")
        payload = _object(each, "payload")
        said = _object(_object(_object(payload, "data"), "attributes"), "event_properties")
        yield (
            None
            if not event
            else Report(
                event=event,
                at=instant(_text(_object(_object(payload, "data"), "attributes"), "datetime")),
                id=_text(each, "external_id"),
                address=_text(said, "Recipient Email Address"),
                link=_text(said, "URL"),
                soft=_text(said, "Bounce Type").lower() == "soft",
                machine=said.get("machine_open") is True,
            )
        )


def salesforce(body: bytes) -> Iterator[Report | None]:
    """A JSON list of notifications; an address stands only in those of transactional sends."""
    names = {
        "TransactionalSendEvents.EmailSent": DELIVERED,
        "TransactionalSendEvents.EmailBounced": BOUNCED,
        "EngagementEvents.EmailOpen": OPENED,
        "EngagementEvents.EmailClick": CLICKED,
        "EngagementEvents.EmailUnsubscribe": UNSUBSCRIBED,
    }
    for each in _list(_json(body)):
        kind, info = _text(each, "eventCategoryType"), _object(each, "info")
        yield (
            None
            if kind not in names
            else Report(
                event=names[kind],
                at=int(each["timestampUTC"]) if isinstance(each.get("timestampUTC"), int) else 0,
                id=f"{kind}:{_text(each, 'compositeId')}:{each.get('timestampUTC')}",
                address=_text(info, "to"),
                message=message_of(_text(info, "messageKey")),
                link=_text(info, "url"),
            )
        )


def activecampaign(body: bytes) -> Iterator[Report | None]:
    """A form of one event; nothing in it tells one time from another but when it is said to be."""
    names = {"open": OPENED, "click": CLICKED, "bounce": BOUNCED, "unsubscribe": UNSUBSCRIBED}
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    kind = fields.get("type", "")
    if not kind:
        raise Unreadable("it has no `type`")
    address, at = fields.get("contact[email]", ""), fields.get("date_time", "")
    yield (
        None
        if kind not in names
        else Report(
            event=names[kind],
            at=instant(at),
            id=f"{kind}:{address}:{fields.get('campaign[id]', '')}:{at}",
            address=address,
            link=fields.get("link[url]", ""),
            soft=fields.get("bounce[type]", "hard") == "soft",
        )
    )


def hubspot(body: bytes) -> Iterator[Report | None]:
    """A JSON list of changes of contacts; who they are by address it does not tell, so there is nothing to take."""
    for _ in _list(_json(body)):
        yield None


READERS: Mapping[str, Read] = {
    "klaviyo": klaviyo,
    "mailchimp": mailchimp,
    "mailchimp_transactional": mandrill,
    "hubspot": hubspot,
    "salesforce_journey": salesforce,
    "salesforce_email": salesforce,
    "sendgrid": sendgrid,
    "activecampaign": activecampaign,
}
"""By the kind of a destination."""


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"it is not JSON: {error}") from error


def _list(found: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(found, list):
        raise Unreadable("it is not a list of events")
    for each in found:
        yield each if isinstance(each, dict) else {}


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _seconds(value: Any) -> Millis:
    return round(value * 1_000) if isinstance(value, int | float) else 0
