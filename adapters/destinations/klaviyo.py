"""Klaviyo: an event of the person's, upon which the shop's flows send.

`POST /api/events` (reference of the Events API, revision 2026-07-15). An event bears the message's key as `unique_id`:
of those with one person, metric and key only the first is recorded; without it Klaviyo would keep one event a second
and drop the others silently. Profile attributes travel with the event, which subscribes and resubscribes nobody. 202
says that it was taken, not what became of it. How it is told of the past stands in `klaviyo_history`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx

from adapters.destinations.http import Answer, open_client
from adapters.destinations.klaviyo_events import IDENTIFIES, single
from adapters.destinations.klaviyo_history import History
from adapters.destinations.service import Request, Service, ServiceSettings, first_error
from adapters.destinations.shape import Field, Fields
from adapters.secrets import Secret
from engine.runtime.ports import DAY, Delivery, Pace, Turns

_URL = "https://a.klaviyo.com"
_BURST = 50
_PACE = Pace(concurrency=8, rate=(3_500 - _BURST) / 60, burst=_BURST)
"""350 requests a second, and 3,500 a minute, for an account: what may go at once counts in the minute that follows."""


class KlaviyoSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="klaviyo"):
    """A private key with the scopes `events:write` and `profiles:write`."""

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
        self._url = f"{base}/api/events"
        self._history = History(self, base)

    def request(self, delivery: Delivery) -> Request:
        """An event of the metric, with the person's profile."""
        return Request(self._url, single(delivery), {})

    async def record(self, deliveries: Sequence[Delivery], account: Turns) -> Mapping[str, str]:
        """Tell it of messages of the past; raises Unavailable or Unclear where some are to be told again."""
        return await self._history.record(deliveries, account)

    def reason(self, answer: Answer) -> str:
        """The code of the first error."""
        return str(first_error(answer).get("code", ""))
