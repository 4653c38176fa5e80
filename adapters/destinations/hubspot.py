"""HubSpot: custom events, upon which workflows act, or single sends of an email made there.

Events go to `POST /events/v3/send` (reference of the custom behavioural events API, v3) with a `uuid` made of the
message's key: of those of one event type, only the first within a year counts. Single sends go to
`POST /marketing/v4/email/single-send` with the key as `sendId`, of which at most one email is ever sent; what became of
it stands inside the answer. What became of mails it tells only when it is asked (`hubspot_polling`). The paths can be
set, for HubSpot has dated twins of them.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID, uuid5

import httpx

from adapters.destinations.http import Answer, Caller, iso, open_client, retry_after, written
from adapters.destinations.hubspot_polling import Account
from adapters.destinations.service import Request, Service, ServiceSettings
from adapters.destinations.shape import Field, Fields, Ways
from adapters.feedback.polling import Polled
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.runtime.ports import DAY, Delivery, Pace, Rejected, Unavailable

_URL = "https://api.hubapi.com"
_BURST = 10
_PACE = Pace(concurrency=8, rate=(100 - _BURST) / 10, burst=_BURST)
"""100 requests in 10 seconds, for a private app of the smallest plan; set `rate` where the account has more."""

_NAMES = UUID("5a7c2f0e-6f7b-4f0a-9d9e-1c1f6d2b8e11")
"""The name space of the events' ids."""

_MIGRATING = 477
_TAKEN = frozenset({"SENT", "QUEUED", "IDEMPOTENT_IGNORE", "PENDING", "PROCESSING", ""})
_SLOWER = frozenset({"THROTTLED", "PORTAL_OVER_LIMIT"})


class HubspotSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="hubspot"):
    """The token of a private app."""

    fields: ClassVar[Fields] = {
        "event": Field(
            "text",
            pattern=r"pe\d+_[a-z][a-z0-9_]*",
            hint="write its full name, `pe`, the account's id, `_` and the name",
        ),
        "email": Field("text"),
        "object_id": Field("text"),
        "properties": Field("texts", longest=50),
        "email_id": Field("number"),
        "to": Field("text"),
        "contact_properties": Field("texts"),
        "custom_properties": Field("object"),
    }
    ways: ClassVar[Ways] = (("event", "email"), ("event", "object_id"), ("email_id", "to"))

    token: Secret
    events_path: str = "/events/v3/send"
    send_path: str = "/marketing/v4/email/single-send"
    activity_path: str = "/email/public/v1/events"
    """Where it tells what became of mails."""
    preferences_path: str = "/communication-preferences/v4/statuses"
    """Where it tells, by address, who has unsubscribed."""


@asynccontextmanager
async def open_hubspot(
    settings: HubspotSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Hubspot"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: the token is not where the settings say.

    """
    headers = {"Authorization": f"Bearer {settings.token.read()}", "Content-Type": "application/json"}
    async with open_client(settings.timeout, headers, transport) as caller:
        yield Hubspot(caller, settings)


class Hubspot(Service):
    """Calls one account."""

    def __init__(self, caller: Caller, settings: HubspotSettings) -> None:
        super().__init__(caller, settings, published=_PACE, remembers=365 * DAY)
        base = (settings.url or _URL).rstrip("/")
        self._events, self._sends = base + settings.events_path, base + settings.send_path
        self._account = Account(self.look_up, base + settings.activity_path, base + settings.preferences_path)

    def request(self, delivery: Delivery) -> Request:
        """An event where the message names one, else a single send."""
        data = delivery.data
        if data.get("event"):
            return Request(self._events, written(_event(delivery), delivery.message), {})
        body = {
            "emailId": int(data["email_id"]),
            "message": {"to": data["to"], "sendId": delivery.id, "cc": [], "bcc": [], "replyTo": []},
            "contactProperties": data.get("contact_properties") or {},
            "customProperties": data.get("custom_properties") or {},
        }
        return Request(self._sends, written(body, delivery.message), {})

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """What became of mails, and who of those who were mailed lately has unsubscribed."""
        return await self._account.poll(cursor, mailed, now)

    def accept(self, answer: Answer) -> None:
        """What became of a single send; an event is answered with nothing."""
        said = answer.said
        result = str(said.get("sendResult") or "")
        if said.get("status") == "CANCELED" and not result:
            raise Rejected("CANCELED")
        if result in _SLOWER:
            raise Unavailable(result, account=True)
        if result not in _TAKEN:
            raise Rejected(result)

    def judge(self, answer: Answer) -> None:
        """An account that is being moved answers nothing for a while."""
        if answer.status == _MIGRATING:
            raise Unavailable(f"answered {answer.status}", self.pause(answer), account=True)
        super().judge(answer)

    def pause(self, answer: Answer) -> float | None:
        """As `Retry-After` says; of too many requests, the length of the window that they were counted in."""
        window = answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
        said = retry_after(answer.headers)
        if said is None and answer.status == HTTPStatus.TOO_MANY_REQUESTS and window.isdecimal():
            return int(window) / 1_000
        return said

    def reason(self, answer: Answer) -> str:
        """The category of the error, or which limit was met."""
        return str(answer.said.get("policyName") or answer.said.get("category") or "")


def _event(delivery: Delivery) -> dict[str, Any]:
    data = delivery.data
    who = {theirs: data[ours] for ours, theirs in (("email", "email"), ("object_id", "objectId")) if data.get(ours)}
    return {
        "eventName": data["event"],
        "properties": data.get("properties") or {},
        "occurredAt": iso(delivery.at),
        "uuid": str(uuid5(_NAMES, delivery.id)),
        **who,
    }
