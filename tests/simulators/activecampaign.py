"""ActiveCampaign's event tracking and API v3: what their descriptions and reference pages say they do."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_TRACKING = "ActiveCampaign, event tracking API, POST https://trackcmp.net/event"
_API = "ActiveCampaign API v3"
_STANDING = "community.activecampaign.com, opt-ins, opt-outs and bounces by GET /api/3/contacts?include=contactLists"
_LIMITS = "developers.activecampaign.com, rate limits"


class Activecampaign(Simulator):
    """One account; `effects` are events and enrolments. Nobody is enrolled in automation 99, which is off."""

    name = "activecampaign"

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, int] = {}
        self.bounced: set[str] = set()
        """Addresses that bounced for good."""
        self.since: dict[str, datetime] = {}
        """When what is known of an address came about."""
        self.lists: dict[str, dict[str, str]] = {}
        """By address, the standing in each list: 0 unconfirmed, 1 subscribed, 2 unsubscribed, 3 bounced."""
        self._limit = Windows((5, 1.0))

    def handle(self, asked: Asked) -> Told:
        if asked.path == "/event":
            return self._track(asked)
        if asked.headers.get("api-token") != "ac-1":
            raise Broken(Told(403, self.error(403)), "the key is shown as Api-Token", _API)
        if not self._limit.takes(self.now()):
            raise Broken(Told(429, self.error(429), {"Retry-After": "1"}), "5 requests a second", _LIMITS)
        if (asked.method, asked.path) == ("GET", "/api/3/contacts"):
            return self._found(asked.query)
        if asked.path == "/api/3/contact/sync":
            return self._sync(asked.json)
        self._demand(asked.path == "/api/3/contactAutomations", "there is such a call")
        return self._enrol(asked.json)

    def _track(self, asked: Asked) -> Told:
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return self._untracked("an event is a form")
        fields = asked.form
        if (fields.get("key"), fields.get("actid")) != ("ev-1", "77"):
            return self._untracked("the tracking key and the account's id stand in the form")
        if not 0 < len(fields.get("event", "")) <= 32:
            return self._untracked("an event's name has at most 32 characters")
        try:
            email = json.loads(fields.get("visit", ""))["email"]
        except (ValueError, KeyError, TypeError):
            return self._untracked("visit is JSON with the address")
        self.effects.append((email, fields["event"], fields.get("eventdata")))
        return Told(200, {"success": 1, "message": "Event spawned"})

    def _untracked(self, rule: str) -> Told:
        """A refusal is an answer of success."""
        self.broken.append(Broken(Told(200), rule, _TRACKING))
        return Told(200, {"success": 0, "message": "about ann@shop.example"})

    def _sync(self, body: dict[str, Any]) -> Told:
        contact = body.get("contact", {})
        self._demand("@" in contact.get("email", ""), "a contact has an address")
        self._demand("status" not in contact and "lists" not in contact, "a sync subscribes nobody")
        number = self.contacts.setdefault(contact["email"], len(self.contacts) + 1)
        return Told(201, {"contact": {"id": str(number), "email": contact["email"]}})

    def _found(self, query: Mapping[str, str]) -> Told:
        """Contacts by address; their lists stand beside them, where they are asked for."""
        self._demand("@" in query.get("email", ""), "a contact is asked for by address", _STANDING)
        contacts: list[dict[str, Any]] = []
        lists: list[dict[str, Any]] = []
        for address, number in self.contacts.items():
            if address.lower() == query["email"].lower():
                hard, at = address in self.bounced, self.since[address]
                bounced = {"bounced_hard": str(int(hard)), "bounced_date": f"{at:%Y-%m-%d}" if hard else "0000-00-00"}
                contacts.append({"id": str(number), "email": address, **bounced})
                for name, status in self.lists.get(address, {}).items():
                    left = at.isoformat() if status in {"2", "3"} else None
                    lists.append({"contact": str(number), "list": name, "status": status, "udate": left})
        beside = {"contactLists": lists} if query.get("include") == "contactLists" else {}
        return Told(200, beside | {"contacts": contacts, "meta": {"total": str(len(contacts))}})

    def _enrol(self, body: dict[str, Any]) -> Told:
        asked = body.get("contactAutomation", {})
        self._demand(asked.get("contact") in self.contacts.values(), "the contact is known by number")
        self._demand(isinstance(asked.get("automation"), int) and asked["automation"] != 99, "the automation is on")
        self.effects.append(asked)
        return Told(201, {"contactAutomation": {"id": "1"}})

    def _demand(self, holds: bool, rule: str, source: str = _API) -> None:
        if not holds:
            raise Broken(Told(422, self.error(422)), rule, source)

    def error(self, status: int) -> Any:
        return {"message": f"{status} about ann@shop.example"}
