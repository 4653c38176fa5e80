"""ActiveCampaign: an event of a contact, upon which automations act, or enrolment in an automation.

Events go to `POST https://trackcmp.net/event`, form-encoded, and an answer of 200 says in its body whether it was taken
(Event Tracking API). To enrol, the contact is brought up to date and found by `POST /api/3/contact/sync`, and then
enrolled by `POST /api/3/contactAutomations` (API v3). Neither deduplicates, so what may have been done is not done
again. The contact's lists, and so whether they are subscribed, are not touched.

Who is not to be written to is asked of each address by itself, `GET /api/3/contacts` with its lists, at most once a day
and two seconds apart: the account's five requests a second are shared by all who use it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx
import msgspec
import trio

from adapters.destinations.http import Answer, Caller, open_client, written
from adapters.destinations.service import Request, Service, ServiceSettings, entries
from adapters.destinations.shape import Field, Fields, Ways
from adapters.feedback.polling import Polled
from adapters.feedback.report import BOUNCED, UNSUBSCRIBED, Report, instant
from adapters.feedback.turns import ask_in_turn, turns
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.core.sending.suppression import normal
from engine.runtime.ports import Delivery, Pace, Rejected

_TRACKING = "https://trackcmp.net/event"
_PACE = Pace(concurrency=2, rate=2, burst=1)
"""5 requests a second for an account, all keys together; to enrol takes two, and one is left for others."""

_ASKED, _APART = 25, 2
"""Addresses that are asked about in one poll, and the seconds from one to the next."""
_LEFT, _BOUNCED = "2", "3"
"""How a contact stands to a list; else it is `0`, unconfirmed, or `1`, subscribed."""

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

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """Whether those whose turn it is have bounced, or left lists; raises as `ask_in_turn` does."""
        due, until = turns(cursor, mailed, now, _ASKED)
        return await ask_in_turn(due, until, self._standing)

    async def _standing(self, address: str) -> Sequence[Report]:
        await trio.sleep(_APART)
        asked = urlencode({"email": address, "include": "contactLists"})
        said = (await self.ask(Request(f"{self._base}/contacts?{asked}", b"", self._headers, "GET"))).said
        lists = entries(said.get("contactLists") or [])
        for contact in entries(said.get("contacts")):
            if normal(str(contact.get("email"))) == address:
                theirs = [each for each in lists if str(each.get("contact")) == str(contact.get("id"))]
                return list(_reports(address, contact, theirs))
        return ()

    async def _contact(self, delivery: Delivery) -> int:
        """Bring a contact up to date, which does no harm twice; returns their number."""
        data = delivery.data
        content = written({"contact": {"email": data["email"], **(data.get("contact") or {})}}, delivery.message)
        answer = await self.prepare(Request(f"{self._base}/contact/sync", content, self._headers))
        try:
            return int(answer.json["contact"]["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected("the answer does not say which contact it is") from error

    def accept(self, answer: Answer) -> None:
        """Event tracking says inside an answer of success whether it was one."""
        said = answer.said
        if "success" in said and said["success"] not in {1, "1"}:
            raise Rejected("answered 200 without success")


def _reports(address: str, contact: Mapping[str, Any], lists: Sequence[Mapping[str, Any]]) -> Iterator[Report]:
    """What a contact and their lists say; who is on no list any more of those they were on, has left everything."""
    said: list[tuple[str, str, str]] = []
    if str(contact.get("bounced_hard") or "0") != "0":
        said.append((BOUNCED, "", str(contact.get("bounced_date"))))
    everything = all(str(each.get("status")) in {_LEFT, _BOUNCED} for each in lists)
    for each in lists:
        status, at = str(each.get("status")), str(each.get("udate"))
        if status == _BOUNCED:
            said.append((BOUNCED, "", at))
        elif status == _LEFT:
            said.append((UNSUBSCRIBED, "" if everything else str(each.get("list")), at))
    for event, of, at in dict.fromkeys(said):
        yield Report(event, instant(at), f"{event}:{of}:{address}:{at}", address, of=of, standing=True)
