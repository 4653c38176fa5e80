"""Mailchimp Marketing: an event of a member of an audience, upon which its automations act, or a step of a journey.

`POST /3.0/lists/{audience}/members/{hash}/events`, and `POST` to a step of `/3.0/customer-journeys/journeys/{id}/steps`
(reference of the Marketing API, 3.0). A journey's step carries no data. Neither deduplicates, so what may have been
sent is not sent again. Before an event, the member's merge fields are brought up to date where the message says any:
with `status_if_new`, which leaves alone whoever is in the audience already, and never with `status`, which would
subscribe again whoever has left. Opens and clicks it tells only when it is asked (`mailchimp_polling`).
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Literal

import httpx

from adapters.destinations.http import Answer, Caller, iso, open_client, written
from adapters.destinations.mailchimp_polling import Audience, NotThere, hashed
from adapters.destinations.service import Request, Service, ServiceSettings
from adapters.destinations.shape import Field, Fields, Ways
from adapters.feedback.polling import Polled
from adapters.secrets import Secret, SecretError
from engine.core.events import Millis
from engine.runtime.ports import Delivery, Pace, Unavailable

_PACE = Pace(concurrency=8)
"""10 connections at a time, for all that use the account; two are left for others."""

_NO_MEMBER = "they are not in the audience"


class MailchimpSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="mailchimp"):
    """An API key, whose suffix after the dash names the data centre, and the id of the audience."""

    fields: ClassVar[Fields] = {
        "email": Field("text", required=True),
        "event": Field("text", pattern=r".{2,30}", hint="an event's name has 2 to 30 characters"),
        "properties": Field("texts"),
        "merge_fields": Field("object"),
        "journey": Field("number"),
        "step": Field("number"),
    }
    ways: ClassVar[Ways] = (("event",), ("journey", "step"))

    key: Secret
    audience: str
    status_if_new: Literal["transactional", "pending", "subscribed", "unsubscribed"] = "transactional"
    """As what somebody enters the audience of whom it knows nothing; `pending` asks them."""


@asynccontextmanager
async def open_mailchimp(
    settings: MailchimpSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Mailchimp"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: the key is not where the settings say, or names no data centre.

    """
    key = settings.key.read()
    centre = key.rpartition("-")[2]
    if not settings.url and (centre == key or not centre.isalnum()):
        raise SecretError("a key of Mailchimp ends in a dash and its data centre, such as `-us6`")
    base = settings.url or f"https://{centre}.api.mailchimp.com"
    shown = b64encode(f"impel:{key}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {shown}"}
    async with open_client(settings.timeout, headers, transport) as caller:
        yield Mailchimp(caller, settings, base.rstrip("/"))


class Mailchimp(Service):
    """Calls one account, about one audience."""

    def __init__(self, caller: Caller, settings: MailchimpSettings, base: str) -> None:
        super().__init__(caller, settings, published=_PACE)
        self._base = f"{base}/3.0"
        self._members = f"{self._base}/lists/{settings.audience}/members"
        self._status = settings.status_if_new
        self._audience = Audience(self.look_up, self._members, enter_as=settings.status_if_new)

    async def send(self, delivery: Delivery) -> None:
        """Bring the member up to date where the message says so, then make the call; the first alone sends nothing."""
        request = self.checked(delivery)
        if delivery.data.get("merge_fields"):
            await self._update(delivery)
        await self.make(request)

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """Who has left the audience, and what those who were mailed lately have done."""
        return await self._audience.poll(cursor, mailed, now)

    async def _update(self, delivery: Delivery) -> None:
        data = delivery.data
        body = {"email_address": data["email"], "status_if_new": self._status, "merge_fields": data["merge_fields"]}
        await self.prepare(Request(self._member(data["email"]), written(body, delivery.message), {}, "PUT"))

    def request(self, delivery: Delivery) -> Request:
        """An event where the message names one, else a journey's step."""
        data = delivery.data
        if data.get("event"):
            event: dict[str, Any] = {"name": data["event"], "properties": data.get("properties") or {}}
            event["occurred_at"] = iso(delivery.at)
            return Request(f"{self._member(data['email'])}/events", written(event, delivery.message), {})
        path = f"/customer-journeys/journeys/{int(data['journey'])}/steps/{int(data['step'])}/actions/trigger"
        return Request(self._base + path, written({"email_address": data["email"]}, delivery.message), {})

    def judge(self, answer: Answer) -> None:
        """A bare 403 is too many connections; one with a problem is the key's."""
        if answer.status == HTTPStatus.FORBIDDEN and answer.json is None:
            raise Unavailable("answered 403: too many connections", account=True)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotThere(f"answered 404: {_NO_MEMBER}, or there is no such audience or journey")
        super().judge(answer)

    def reason(self, answer: Answer) -> str:
        """The title of the problem."""
        return str(answer.said.get("title") or "")

    def _member(self, address: str) -> str:
        """The address of a member: by the MD5 of their address in small letters."""
        return f"{self._members}/{hashed(address)}"
