"""Mailchimp Transactional (Mandrill): a mail from a stored template.

`POST /api/1.0/messages/send-template.json` (reference of the Transactional API, 1.0). An answer of 200 is a list of
what became of each recipient, and only `sent`, `queued` and `scheduled` are success. The message's key travels in the
metadata and comes back with each event; nothing is deduplicated by it, so what may have been sent is not sent again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx

from adapters.destinations.http import Answer, Caller, open_client, written
from adapters.destinations.service import Request, Service, ServiceSettings
from adapters.destinations.shape import Field, Fields
from adapters.secrets import Secret
from engine.runtime.ports import Delivery, Pace, Rejected, Unavailable

_URL = "https://mandrillapp.com/api/1.0"
_PACE = Pace(concurrency=8)
"""No rate is published; an account has an hourly quota of mails, past which they are queued."""

_TAKEN = frozenset({"sent", "queued", "scheduled"})
_ACCOUNT = frozenset({"Invalid_Key", "PaymentRequired", "Unknown_Subaccount"})
"""Errors that every other mail would meet too."""


class MandrillSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="mailchimp_transactional"):
    """An API key."""

    fields: ClassVar[Fields] = {
        "template": Field("text", required=True, longest=160, hint="the template's name, its slug"),
        "to": Field("text", required=True),
        "variables": Field("object"),
        "tags": Field("list", longest=50, pattern="[^_].*", hint="a tag does not begin with an underscore"),
        "from": Field("text"),
        "from_name": Field("text"),
        "subject": Field("text"),
    }

    key: Secret
    subaccount: str = ""


@asynccontextmanager
async def open_mandrill(
    settings: MandrillSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Mandrill"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: the key is not where the settings say.

    """
    async with open_client(settings.timeout, {"Content-Type": "application/json"}, transport) as caller:
        yield Mandrill(caller, settings, settings.key.read())


class Mandrill(Service):
    """Sends mails through one account."""

    def __init__(self, caller: Caller, settings: MandrillSettings, key: str) -> None:
        super().__init__(caller, settings, published=_PACE)
        self._url = f"{(settings.url or _URL).rstrip('/')}/messages/send-template.json"
        self._key = key
        self._subaccount = settings.subaccount

    def request(self, delivery: Delivery) -> Request:
        """One mail to one person."""
        data = delivery.data
        message: dict[str, Any] = {
            "to": [{"email": data["to"], "type": "to"}],
            "global_merge_vars": _merge(data.get("variables") or {}),
            "metadata": {"impel_id": delivery.id},
            "preserve_recipients": False,
        }
        names = {"from": "from_email", "from_name": "from_name", "subject": "subject", "tags": "tags"}
        message |= {theirs: data[ours] for ours, theirs in names.items() if data.get(ours)}
        if self._subaccount:
            message["subaccount"] = self._subaccount
        body = {
            "key": self._key,
            "template_name": data["template"],
            "template_content": [],
            "message": message,
        }
        return Request(self._url, written(body, delivery.message), {})

    def accept(self, answer: Answer) -> None:
        """What became of the one recipient."""
        each = answer.json
        found = each[0] if isinstance(each, list) and each else None
        said = found if isinstance(found, dict) else {}
        status, reason = said.get("status"), said.get("reject_reason")
        if status not in _TAKEN:
            raise Rejected(f"{status or 'it does not say what became of it'}" + (f": {reason}" if reason else ""))

    def judge(self, answer: Answer) -> None:
        """Some errors, whatever their status, are the account's."""
        if not answer.is_success and self.reason(answer) in _ACCOUNT:
            raise Unavailable(f"answered {answer.status}: {self.reason(answer)}", account=True)
        super().judge(answer)

    def reason(self, answer: Answer) -> str:
        """The name of the error."""
        return str(answer.said.get("name") or "")


def _merge(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "content": content} for name, content in variables.items()]
