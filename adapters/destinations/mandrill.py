"""Mailchimp Transactional (Mandrill): a mail from a stored template.

`POST /api/1.0/messages/send-template.json` (reference of the Transactional API, 1.0). An answer of 200 is a list of
what became of each recipient, and only `sent`, `queued` and `scheduled` are success. The message's key travels in the
metadata and comes back with each event; nothing is deduplicated by it, so what may have been sent is not sent again.

Who is not to be written to is read by `POST /rejects/list.json`, which gives a thousand entries and no more. Where that
is all it gives, those who were mailed are asked about one by one besides, each once a day.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx
import msgspec

from adapters.destinations.http import Answer, Caller, open_client, written
from adapters.destinations.service import Request, Service, ServiceSettings, entries
from adapters.destinations.shape import Field, Fields
from adapters.feedback.polling import Polled
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED, Report, instant
from adapters.feedback.turns import ask_in_turn, turns
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.runtime.ports import Delivery, Pace, Rejected, Unavailable

_URL = "https://mandrillapp.com/api/1.0"
_PACE = Pace(concurrency=8)
"""No rate is published; an account has an hourly quota of mails, past which they are queued."""

_TAKEN = frozenset({"sent", "queued", "scheduled"})
_ACCOUNT = frozenset({"Invalid_Key", "PaymentRequired", "Unknown_Subaccount"})
"""Errors that every other mail would meet too."""
_MOST = 1_000
"""Entries of the denylist in one answer."""
_ASKED = 50
"""Addresses that are asked about in one poll."""
_REASONS = {"hard-bounce": BOUNCED, "soft-bounce": BOUNCED, "spam": SPAM}
"""Any other, such as `unsub` and `custom`, is that somebody does not want it."""


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
        self._base = (settings.url or _URL).rstrip("/")
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
        return Request(f"{self._base}/messages/send-template.json", written(body, delivery.message), {})

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """The denylist of the account, and of the subaccount where there is one; raises as `ask` does."""
        found = await self._denied({})
        full = len(found) >= _MOST
        if self._subaccount:
            theirs = await self._denied({"subaccount": self._subaccount})
            found, full = found + theirs, full or len(theirs) >= _MOST
        told = self._standing(found)
        if not full:
            return Polled(told, cursor)
        due, until = turns(cursor, mailed, now, _ASKED)
        return await ask_in_turn(due, until, self._asked, told)

    async def _asked(self, address: str) -> Sequence[Report]:
        return self._standing(await self._denied({"email": address}))

    async def _denied(self, which: Mapping[str, str]) -> list[Mapping[str, Any]]:
        body = {"key": self._key, "include_expired": False, **which}
        return entries((await self.ask(Request(f"{self._base}/rejects/list.json", msgspec.json.encode(body), {}))).json)

    def _standing(self, found: Sequence[Mapping[str, Any]]) -> Sequence[Report]:
        """What entries say of us: those of another subaccount do not."""
        return [_report(each) for each in found if str(each.get("subaccount") or "") in {"", self._subaccount}]

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


def _report(entry: Mapping[str, Any]) -> Report:
    address, reason, created = (str(entry.get(name) or "") for name in ("email", "reason", "created_at"))
    return Report(
        _REASONS.get(reason, UNSUBSCRIBED),
        instant(created),
        f"{reason}:{address}:{created}",
        address,
        soft=reason == "soft-bounce",
        standing=True,
    )
