"""Mailchimp's Marketing API, 3.0: what its OpenAPI description and reference pages say it does."""

import re
from base64 import b64encode
from hashlib import md5
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told

_EVENTS = "Mailchimp Marketing OpenAPI, POST /lists/{list_id}/members/{subscriber_hash}/events"
_MEMBERS = "Mailchimp Marketing OpenAPI, PUT /lists/{list_id}/members/{subscriber_hash}"
_JOURNEYS = "Mailchimp Marketing OpenAPI, POST /customer-journeys/journeys/{id}/steps/{id}/actions/trigger"
_KEYS = "mailchimp.com/developer/marketing, fundamentals"


def hashed(address: str) -> str:
    return md5(address.lower().encode(), usedforsecurity=False).hexdigest()


class Mailchimp(Simulator):
    """One account with the audience `l1`, in which Ann is; Bob has unsubscribed."""

    name = "mailchimp"

    def __init__(self, key: str = "mc-us6") -> None:
        super().__init__()
        self._shown = f"Basic {b64encode(f'impel:{key}'.encode()).decode()}"
        self.members = {hashed("Ann@Shop.example"): "subscribed", hashed("bob@shop.example"): "unsubscribed"}
        self.merged: dict[str, Any] = {}

    def handle(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != self._shown:
            raise Broken(Told(401, self.error(401)), "a key is shown by Basic authentication", _KEYS)
        try:
            body = asked.json
        except ValueError as error:
            raise Broken(Told(400, self.error(400)), "the body is JSON", _KEYS) from error
        if found := re.fullmatch(r"/3\.0/lists/l1/members/([0-9a-f]{32})/events", asked.path):
            return self._event(found[1], body)
        if found := re.fullmatch(r"/3\.0/lists/l1/members/([0-9a-f]{32})", asked.path):
            return self._member(found[1], body)
        self._demand(
            re.fullmatch(r"/3\.0/customer-journeys/journeys/\d+/steps/\d+/actions/trigger", asked.path) is not None,
            "there is such a call",
            _EVENTS,
        )
        return self._journey(body)

    def _event(self, member: str, body: dict[str, Any]) -> Told:
        if member not in self.members:
            raise Broken(Told(404, self.error(404)), "the member is in the audience", _EVENTS)
        name, properties = body.get("name", ""), body.get("properties", {})
        self._demand(isinstance(name, str) and 2 <= len(name) <= 30, "a name has 2 to 30 characters", _EVENTS)
        self._demand(
            isinstance(properties, dict) and all(isinstance(each, str) for each in properties.values()),
            "properties are texts",
            _EVENTS,
        )
        self._demand(set(body) <= {"name", "properties", "occurred_at", "is_syncing"}, "an event has no more", _EVENTS)
        self.effects.append(body)
        return Told(204)

    def _member(self, member: str, body: dict[str, Any]) -> Told:
        self._demand("status" not in body, "an update does not say `status`, which would subscribe again", _MEMBERS)
        self._demand(hashed(body.get("email_address", "")) == member, "the hash is of the address", _MEMBERS)
        self._demand("status_if_new" in body, "a member who may be new has a status", _MEMBERS)
        self.members.setdefault(member, body["status_if_new"])
        self.merged[member] = body.get("merge_fields")
        return Told(200, {"status": self.members[member]})

    def _journey(self, body: dict[str, Any]) -> Told:
        if hashed(body.get("email_address", "")) not in self.members:
            raise Broken(Told(404, self.error(404)), "the member is in the audience", _JOURNEYS)
        self.effects.append(body)
        return Told(204)

    def _demand(self, holds: bool, rule: str, source: str) -> None:
        if not holds:
            raise Broken(Told(400, self.error(400)), rule, source)

    def error(self, status: int) -> Any:
        return {"type": "problem", "title": f"Problem {status}", "status": status, "detail": "about ann@shop.example"}
