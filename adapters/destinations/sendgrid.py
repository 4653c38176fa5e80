"""SendGrid: a mail from a dynamic template, or with content of its own.

`POST /v3/mail/send` (reference of the Mail Send API, v3). The message's key travels as the custom argument `impel_id`
and comes back with each event of the Event Webhook; SendGrid does not deduplicate by it, so what may have been sent is
not sent again. 202 says that it was queued.

Who is not to be written to is read from the account's lists, `GET /v3/suppression/...`, and from its unsubscribe
groups, `GET /v3/asm/suppressions` (reference of the Suppressions API, v3). Lists are read by time and page; that of the
groups knows neither, and comes whole.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

import httpx

from adapters.destinations.http import Answer, Caller, open_client, retry_after, written
from adapters.destinations.service import Request, Service, ServiceSettings, entries, first_error
from adapters.destinations.shape import Field, Fields, Ways
from adapters.feedback.lists import Page, Place, Turn, read_on
from adapters.feedback.polling import Polled
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED, Report
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.runtime.ports import Delivery, Pace

_HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
_PACE = Pace(concurrency=8)
"""Mail Send has no published rate for an account; what is too much is answered 429."""

_LISTS = {"bounces": BOUNCED, "invalid_emails": BOUNCED, "spam_reports": SPAM, "unsubscribes": UNSUBSCRIBED}
_PAGE = 500
"""Entries, the most there are."""
_ASKING = {"Accept": "application/json"}


class SendgridSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="sendgrid"):
    """An API key that may send mail, and read suppressions and unsubscribe groups."""

    fields: ClassVar[Fields] = {
        "to": Field("text", required=True),
        "template": Field("text", pattern=r"d-[0-9a-f]{32}", hint="write a dynamic template's id: `d-` and 32 digits"),
        "variables": Field("object"),
        "subject": Field("text"),
        "html": Field("text"),
        "text": Field("text"),
        "group": Field("number"),
    }
    ways: ClassVar[Ways] = (("template",), ("subject", "html"), ("subject", "text"))

    key: Secret
    sender: str
    """The verified address that mails come from."""
    sender_name: str = ""
    region: Literal["global", "eu"] = "global"
    sandbox: bool = False
    """Whether SendGrid only checks the mails, and delivers none."""


@asynccontextmanager
async def open_sendgrid(
    settings: SendgridSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Sendgrid"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: the key is not where the settings say.

    """
    headers = {"Authorization": f"Bearer {settings.key.read()}", "Content-Type": "application/json"}
    async with open_client(settings.timeout, headers, transport) as caller:
        yield Sendgrid(caller, settings)


class Sendgrid(Service):
    """Sends mails through one account."""

    def __init__(self, caller: Caller, settings: SendgridSettings) -> None:
        super().__init__(caller, settings, published=_PACE)
        self._base = f"{(settings.url or _HOSTS[settings.region]).rstrip('/')}/v3"
        self._from = {"email": settings.sender} | ({"name": settings.sender_name} if settings.sender_name else {})
        self._sandbox = settings.sandbox

    def request(self, delivery: Delivery) -> Request:
        """One mail to one person."""
        data = delivery.data
        person: dict[str, Any] = {"to": [{"email": data["to"]}], "custom_args": {"impel_id": delivery.id}}
        mail: dict[str, Any] = {"personalizations": [person], "from": self._from}
        if data.get("template"):
            person["dynamic_template_data"] = data.get("variables") or {}
            mail["template_id"] = data["template"]
        else:
            kinds = (("text/plain", data.get("text")), ("text/html", data.get("html")))
            mail |= {"subject": data["subject"], "content": [{"type": k, "value": v} for k, v in kinds if v]}
        if data.get("group") is not None:
            mail["asm"] = {"group_id": data["group"]}
        if self._sandbox:
            mail["mail_settings"] = {"sandbox_mode": {"enable": True}}
        return Request(f"{self._base}/mail/send", written(mail, delivery.message), {})

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:  # noqa: ARG002 - lists are whole
        """Who has come on the account's lists, or left one of its groups; raises as `read_on` does."""
        lists: dict[str, Turn] = {name: partial(self._listed, name) for name in _LISTS}
        return await read_on(lists | {"groups": self._left}, cursor, now)

    async def _listed(self, name: str, place: Place) -> Page:
        offset = int(place.page or 0)
        span = {"start_time": place.since // 1_000, "end_time": place.until // 1_000}
        asked = urlencode(span | {"limit": _PAGE, "offset": offset})
        found = entries((await self._got(f"/suppression/{name}?{asked}")).json)
        following = str(offset + _PAGE) if len(found) >= _PAGE else ""
        return Page([_standing(_LISTS[name], each, each.get("created")) for each in found], following)

    async def _left(self, place: Place) -> Page:
        found = entries((await self._got("/asm/suppressions")).json)
        reports = [_standing(UNSUBSCRIBED, each, each.get("created_at")) for each in found]
        return Page([each for each in reports if each.at >= place.since], "")

    async def _got(self, path: str) -> Answer:
        return await self.ask(Request(self._base + path, b"", _ASKING, "GET"))

    def reason(self, answer: Answer) -> str:
        """The field that the first error is about."""
        return str(first_error(answer).get("field") or "")

    def pause(self, answer: Answer) -> float | None:
        """As `Retry-After` says, else until the instant at which the account's window ends."""
        reset = answer.headers.get("X-RateLimit-Reset", "")
        if (said := retry_after(answer.headers)) is not None or not reset.isdecimal():
            return said
        return max(0.0, float(reset) - time.time())


def _standing(event: str, entry: Mapping[str, Any], created: Any) -> Report:
    """An entry of a list; a bounce by an enhanced status of class 4 may be none the next time (RFC 3463, 2)."""
    address, of = str(entry.get("email") or ""), str(entry.get("group_id") or "")
    at = round(created * 1_000) if isinstance(created, int | float) else 0
    soft = event == BOUNCED and str(entry.get("status") or "").startswith("4")
    return Report(event, at, f"{event}:{of}:{address}:{created}", address, soft=soft, of=of, standing=True)
