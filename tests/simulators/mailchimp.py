"""Mailchimp's Marketing API, 3.0: what its OpenAPI description and reference pages say it does."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told

_EVENTS = "Mailchimp Marketing OpenAPI, POST /lists/{list_id}/members/{subscriber_hash}/events"
_MEMBERS = "Mailchimp Marketing OpenAPI, PUT /lists/{list_id}/members/{subscriber_hash}"
_JOURNEYS = "Mailchimp Marketing OpenAPI, POST /customer-journeys/journeys/{id}/steps/{id}/actions/trigger"
_LISTING = "mailchimp.com/developer/marketing/api/list-members/list-members-info"
_FEED = "Mailchimp Marketing OpenAPI, GET /lists/{list_id}/members/{subscriber_hash}/activity-feed"
_KEYS = "mailchimp.com/developer/marketing, fundamentals"


def iso(at: float) -> str:
    """As it writes instants: in whole seconds."""
    return datetime.fromtimestamp(int(at), UTC).isoformat()


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
        self.left: list[dict[str, Any]] = []
        """Members who have left, as they are listed."""
        self.feeds: dict[str, list[dict[str, Any]]] = {}
        """What each member has done, in any order."""

    def leave(self, address: str, status: str, at: float) -> None:
        """Let a member have a status since an instant, in seconds."""
        self.left = [each for each in self.left if each["email_address"] != address]
        self.left.append({"email_address": address, "status": status, "last_changed": iso(at)})
        self.members[hashed(address)] = status

    def do(self, address: str, kind: str, at: float, **more: str) -> None:
        """Let a member do something at an instant, in seconds."""
        self.members.setdefault(hashed(address), "subscribed")
        done = {"activity_type": kind, "created_at_timestamp": iso(at), "campaign_id": "c1"} | more
        self.feeds.setdefault(hashed(address), []).append(done)

    def handle(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != self._shown:
            raise Broken(Told(401, self.error(401)), "a key is shown by Basic authentication", _KEYS)
        if asked.method == "GET":
            return self._told(asked)
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

    def _told(self, asked: Asked) -> Told:
        if asked.path == "/3.0/lists/l1/members":
            return self._listing(asked.query)
        found = re.fullmatch(r"/3\.0/lists/l1/members/([0-9a-f]{32})/activity-feed", asked.path)
        if found is None or found[1] not in self.members:
            raise Broken(Told(404, self.error(404)), "the member is in the audience", _FEED)
        filters, count = asked.query.get("activity_filters", "").split(","), int(asked.query.get("count", "10"))
        self._demand(set(filters) <= {"open", "click", "bounce", "unsub", "sent"}, "there are such activities", _FEED)
        self._demand(0 < count <= 1_000, "at most 1,000 are given", _FEED)
        done = [each for each in self.feeds.get(found[1], []) if each["activity_type"] in filters]
        done.sort(key=lambda each: each["created_at_timestamp"], reverse=True)
        return Told(200, {"activity": done[:count], "email_id": found[1], "list_id": "l1"})

    def _listing(self, query: Any) -> Told:
        """Members in the order of their last change: those who changed later than an instant, which is in seconds."""
        statuses = {"subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"}
        self._demand(query.get("status") in statuses, "there is such a status", _LISTING)
        self._demand(query.get("sort_field") == "last_changed", "they come in the order of a field", _LISTING)
        count, offset = int(query.get("count", "10")), int(query.get("offset", "0"))
        self._demand(0 < count <= 1_000, "at most 1,000 are given", _LISTING)
        since = query.get("since_last_changed", "1970-01-01T00:00:00+00:00")
        self._demand(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", since) is not None, "instants", _LISTING)
        found = [each for each in self.left if each["status"] == query["status"] and each["last_changed"] > since]
        found.sort(key=lambda each: each["last_changed"], reverse=query.get("sort_dir") == "DESC")
        return Told(200, {"members": found[offset : offset + count], "total_items": len(found)})

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
