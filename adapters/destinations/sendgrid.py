"""SendGrid: a mail from a dynamic template, or with content of its own.

`POST /v3/mail/send` (reference of the Mail Send API, v3). The message's key travels as the custom argument `impel_id`
and comes back with each event of the Event Webhook; SendGrid does not deduplicate by it, so what may have been sent is
not sent again. 202 says that it was queued.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

import httpx

from adapters.destinations.http import Answer, Caller, open_client, retry_after, written
from adapters.destinations.service import Request, Service, ServiceSettings, first_error
from adapters.destinations.shape import Field, Fields, Ways
from adapters.secrets import Secret
from engine.runtime.ports import Delivery, Pace

_HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
_PACE = Pace(concurrency=8)
"""Mail Send has no published rate for an account; what is too much is answered 429."""


class SendgridSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="sendgrid"):
    """An API key with the scope `mail.send`."""

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
        self._url = f"{(settings.url or _HOSTS[settings.region]).rstrip('/')}/v3/mail/send"
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
        return Request(self._url, written(mail, delivery.message), {})

    def reason(self, answer: Answer) -> str:
        """The field that the first error is about."""
        return str(first_error(answer).get("field") or "")

    def pause(self, answer: Answer) -> float | None:
        """As `Retry-After` says, else until the instant at which the account's window ends."""
        reset = answer.headers.get("X-RateLimit-Reset", "")
        if (said := retry_after(answer.headers)) is not None or not reset.isdecimal():
            return said
        return max(0.0, float(reset) - time.time())
