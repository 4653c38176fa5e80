"""ActiveCampaign's event tracking and API v3: what their descriptions and reference pages say they do."""

import json
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_TRACKING = "ActiveCampaign, event tracking API, POST https://trackcmp.net/event"
_API = "ActiveCampaign API v3"
_LIMITS = "developers.activecampaign.com, rate limits"


class Activecampaign(Simulator):
    """One account; `effects` are events and enrolments. Nobody is enrolled in automation 99, which is off."""

    name = "activecampaign"

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, int] = {}
        self._limit = Windows((5, 1.0))

    def handle(self, asked: Asked) -> Told:
        if asked.path == "/event":
            return self._track(asked)
        if asked.headers.get("api-token") != "ac-1":
            raise Broken(Told(403, self.error(403)), "the key is shown as Api-Token", _API)
        if not self._limit.takes(self.now()):
            raise Broken(Told(429, self.error(429), {"Retry-After": "1"}), "5 requests a second", _LIMITS)
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

    def _enrol(self, body: dict[str, Any]) -> Told:
        asked = body.get("contactAutomation", {})
        self._demand(asked.get("contact") in self.contacts.values(), "the contact is known by number")
        self._demand(isinstance(asked.get("automation"), int) and asked["automation"] != 99, "the automation is on")
        self.effects.append(asked)
        return Told(201, {"contactAutomation": {"id": "1"}})

    def _demand(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(Told(422, self.error(422)), rule, _API)

    def error(self, status: int) -> Any:
        return {"message": f"{status} about ann@shop.example"}
