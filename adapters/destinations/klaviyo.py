"""Klaviyo: an event of the person's, upon which the shop's flows send.

`POST /api/events` (reference of the Events API, revision 2026-07-15). An event bears the message's key as `unique_id`:
of those with one person, metric and key only the first is recorded; without it Klaviyo would keep one event a second
and drop the others silently. Profile attributes travel with the event, which subscribes and resubscribes nobody. 202
says that it was taken, not what became of it. How it is told of the past stands in `klaviyo_history`.

Who is not to be written to is read from `GET /api/profiles` (reference of the Profiles API), by the time at which
somebody was suppressed, from everything or from a list.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from adapters.destinations.http import Answer, iso, open_client
from adapters.destinations.klaviyo_events import IDENTIFIES, single
from adapters.destinations.klaviyo_history import History
from adapters.destinations.service import Request, Service, ServiceSettings, entries, first_error
from adapters.destinations.shape import Field, Fields
from adapters.feedback.lists import Page, Place, read_on
from adapters.feedback.polling import Polled
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED, Report, instant
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.runtime.ports import DAY, Delivery, Pace, Turns

_URL = "https://a.klaviyo.com"
_BURST = 50
_PACE = Pace(concurrency=8, rate=(3_500 - _BURST) / 60, burst=_BURST)
"""350 requests a second, and 3,500 a minute, for an account: what may go at once counts in the minute that follows."""

_REASONS = {"HARD_BOUNCE": BOUNCED, "INVALID_EMAIL": BOUNCED, "SPAM_COMPLAINT": SPAM}
"""Any other, such as `UNSUBSCRIBE` and `USER_SUPPRESSED`, is that somebody does not want it."""
_PAGE = 100
"""Profiles, the most there are."""


class KlaviyoSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="klaviyo"):
    """A private key with the scopes `events:write`, `profiles:write` and `profiles:read`."""

    fields: ClassVar[Fields] = {
        "metric": Field("text", required=True, longest=127, hint="the name of the event, such as `Cart Abandoned`"),
        "profile": Field("object", required=True),
        "properties": Field("object", longest=400),
        "value": Field("number"),
        "value_currency": Field("text", pattern="[A-Z]{3}", hint="write a currency's code, such as `EUR`"),
    }

    key: Secret
    revision: str = "2026-07-15"

    def faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """A profile says whose it is, too."""
        yield from super().faults(data)
        profile = data.get("profile")
        if isinstance(profile, dict) and not profile.keys() & set(IDENTIFIES):
            yield "profile", f"`profile` does not say whose it is; it needs one of {', '.join(IDENTIFIES)}"


@asynccontextmanager
async def open_klaviyo(
    settings: KlaviyoSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Klaviyo"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: the key is not where the settings say.

    """
    headers = {
        "Authorization": f"Klaviyo-API-Key {settings.key.read()}",
        "revision": settings.revision,
        "Content-Type": "application/vnd.api+json",
        "Accept": "application/vnd.api+json",
    }
    async with open_client(settings.timeout, headers, transport) as caller:
        yield Klaviyo(caller, settings, published=_PACE, remembers=365 * DAY)


class Klaviyo(Service):
    """Records events in one account."""

    def __init__(self, caller: Any, settings: KlaviyoSettings, **more: Any) -> None:
        super().__init__(caller, settings, **more)
        base = (settings.url or _URL).rstrip("/")
        self._base = f"{base}/api"
        self._history = History(self, base)

    def request(self, delivery: Delivery) -> Request:
        """An event of the metric, with the person's profile."""
        return Request(f"{self._base}/events", single(delivery), {})

    async def record(self, deliveries: Sequence[Delivery], account: Turns) -> Mapping[str, str]:
        """Tell it of messages of the past; raises Unavailable or Unclear where some are to be told again."""
        return await self._history.record(deliveries, account)

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:  # noqa: ARG002 - lists are whole
        """Who was suppressed, of everything or of a list; raises as `read_on` does."""
        kinds = ("suppression", "list_suppressions")
        return await read_on({kind: partial(self._suppressed, kind) for kind in kinds}, cursor, now)

    async def _suppressed(self, kind: str, place: Place) -> Page:
        at = f"subscriptions.email.marketing.{kind}.timestamp"
        asked = {
            "additional-fields[profile]": "subscriptions",
            "fields[profile]": "email,subscriptions",
            "filter": f"greater-or-equal({at},{iso(place.since)})",
            "sort": at,
            "page[size]": _PAGE,
        }
        if place.page:
            asked["page[cursor]"] = place.page
        said = (await self.ask(Request(f"{self._base}/profiles?{urlencode(asked)}", b"", {}, "GET"))).said
        reports = [report for each in entries(said.get("data")) for report in _standing(each)]
        following = parse_qs(urlsplit(str(_inside(said, "links").get("next") or "")).query)
        return Page(reports, following.get("page[cursor]", [""])[0])

    def reason(self, answer: Answer) -> str:
        """The code of the first error."""
        return str(first_error(answer).get("code", ""))


def _standing(profile: Mapping[str, Any]) -> Iterator[Report]:
    """Why somebody is not to be written to, as far as they are not."""
    known = _inside(profile, "attributes")
    address = str(known.get("email") or "")
    marketing = _inside(known, "subscriptions", "email", "marketing")
    kinds = (entries(marketing.get(kind) or []) for kind in ("suppression", "list_suppressions"))
    for each in chain.from_iterable(kinds):
        reason, at, of = str(each.get("reason")), str(each.get("timestamp")), str(each.get("list_id") or "")
        event, told = _REASONS.get(reason, UNSUBSCRIBED), f"{reason}:{of}:{address}:{at}"
        yield Report(event, instant(at), told, address, of=of, standing=True)
    if marketing.get("consent") == "UNSUBSCRIBED":
        at = str(marketing.get("consent_timestamp"))
        yield Report(UNSUBSCRIBED, instant(at), f"UNSUBSCRIBED::{address}:{at}", address, standing=True)


def _inside(found: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The object at the end of a path of names; empty where there is none."""
    for name in names:
        inner = found.get(name)
        found = inner if isinstance(inner, dict) else {}
    return found
