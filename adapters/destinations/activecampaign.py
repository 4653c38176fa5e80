"""ActiveCampaign: an event of a contact, upon which automations act, or enrolment in an automation.

Events go to `POST https://trackcmp.net/event`, form-encoded, and an answer of 200 says in its body whether it was taken
(Event Tracking API). To enrol, the contact is brought up to date and found by `POST /api/3/contact/sync`, and then
enrolled by `POST /api/3/contactAutomations` (API v3). Neither deduplicates, so what may have been done is not done
again. The contact's lists, and so whether they are subscribed, are not touched.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx
import msgspec

from adapters.destinations.http import Answer, Caller, open_client, written
from adapters.destinations.service import Request, Service, ServiceSettings
from adapters.destinations.shape import Field, Fields, Ways
from adapters.secrets import Secret
from engine.runtime.ports import Delivery, Pace, Rejected, Unavailable, Unclear

_TRACKING = "https://trackcmp.net/event"
_PACE = Pace(concurrency=2, rate=2, burst=1)
"""5 requests a second for an account, all keys together; to enrol takes two, and one is left for others."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}


class ActivecampaignSettings(ServiceSettings, frozen=True, kw_only=True, tag_field="kind", tag="activecampaign"):
    """The key of the API, and, for events, the tracking key and the account's id."""

    fields: ClassVar[Fields] = {
        "email": Field("text", required=True),
        "event": Field("text", longest=32),
        "event_data": Field("text"),
        "automation": Field("number"),
        "contact": Field("texts"),
    }
    ways: ClassVar[Ways] = (("event",), ("automation",))

    account: str
    """The part of the API's address before `.api-us1.com`."""
    key: Secret
    event_key: Secret | None = None
    actid: str = ""
    tracking_url: str = ""
    """Where events go, if not where they usually do."""

    def faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """An event needs settings of its own, too."""
        yield from super().faults(data)
        if data.get("event") and (self.event_key is None or not self.actid):
            yield "event", "events need `event_key` and `actid` in the destination's settings"


@asynccontextmanager
async def open_activecampaign(
    settings: ActivecampaignSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Activecampaign"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: a key is not where the settings say.

    """
    event_key = settings.event_key.read() if settings.event_key is not None else ""
    key = settings.key.read()
    async with open_client(settings.timeout, {}, transport) as caller:
        yield Activecampaign(caller, settings, key, event_key)


class Activecampaign(Service):
    """Calls one account."""

    def __init__(self, caller: Caller, settings: ActivecampaignSettings, key: str, event_key: str) -> None:
        super().__init__(caller, settings, published=_PACE)
        self._base = (settings.url or f"https://{settings.account}.api-us1.com").rstrip("/") + "/api/3"
        self._tracking = settings.tracking_url or (f"{settings.url}/event" if settings.url else _TRACKING)
        self._headers = _JSON | {"Api-Token": key}
        self._event_key, self._actid = event_key, settings.actid

    async def send(self, delivery: Delivery) -> None:
        """Track an event, or enrol; where the contact was not brought up to date, nothing was done."""
        request = self.checked(delivery)
        if not delivery.data.get("event"):
            contact = await self._contact(delivery)
            body = {"contactAutomation": {"contact": contact, "automation": int(delivery.data["automation"])}}
            request = request._replace(content=written(body, delivery.message))
        await self.make(request)

    def request(self, delivery: Delivery) -> Request:
        """An event where the message names one, else an enrolment."""
        data = delivery.data
        if data.get("event"):
            fields = {
                "key": self._event_key,
                "actid": self._actid,
                "event": data["event"],
                "visit": msgspec.json.encode({"email": data["email"]}).decode(),
                "eventdata": data.get("event_data") or "",
            }
            return Request(self._tracking, urlencode(fields).encode(), _FORM)
        return Request(f"{self._base}/contactAutomations", b"", self._headers)

    async def _contact(self, delivery: Delivery) -> int:
        """Bring a contact up to date, which does no harm twice; returns their number."""
        data = delivery.data
        content = written({"contact": {"email": data["email"], **(data.get("contact") or {})}}, delivery.message)
        try:
            answer = await self.caller.call(
                "POST", f"{self._base}/contact/sync", content=content, headers=self._headers
            )
        except Unclear as error:
            raise Unavailable(str(error)) from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise Unavailable(f"answered {answer.status}")
        self.judge(answer)
        try:
            return int(answer.json["contact"]["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected("the answer does not say which contact it is") from error

    def accept(self, answer: Answer) -> None:
        """Event tracking says inside an answer of success whether it was one."""
        said = answer.said
        if "success" in said and said["success"] not in {1, "1"}:
            raise Rejected("answered 200 without success")
