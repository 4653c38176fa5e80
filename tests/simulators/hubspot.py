"""HubSpot's custom events (v3), single sends (v4), email events (v1) and preferences (v4), as they are described."""

import re
from typing import Any
from urllib.parse import unquote

from adapters.destinations.http import iso
from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_EVENTS = "HubSpot OpenAPI events v3, POST /events/v3/send"
_SENDS = "HubSpot OpenAPI single send v4, POST /marketing/v4/email/single-send"
_ACTIVITY = "developers.hubspot.com, email events API v1, GET /email/public/v1/events"
_PREFERENCES = "developers.hubspot.com, subscriptions v4, GET .../statuses/{subscriberIdString}/unsubscribe-all"
_USAGE = "developers.hubspot.com, usage guidelines"
_SOON = 120
"""Seconds; how long a token for the next page is good, of which it is only said that it is short-lived."""
_YEAR = 365 * 86_400
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Hubspot(Simulator):
    """One account, with the event `pe1234_cart_left` and the email 7; `bounced@shop.example` has bounced before."""

    name = "hubspot"

    def __init__(self, token: str = "pat-1") -> None:  # noqa: S107 - the simulator's own
        super().__init__()
        self._token = token
        self._limit = Windows((100, 10.0))
        self._seen: dict[tuple[str, str], float] = {}
        self._tokens: dict[str, tuple[dict[str, str], int, float]] = {}
        """For which query each token is, where it goes on, and since when it is known."""
        self.events: list[dict[str, Any]] = []
        """What became of mails, in any order."""
        self.left: dict[str, list[dict[str, Any]]] = {}
        """By address, what is said of who has left."""

    def happen(self, kind: str, recipient: str, at: float, **more: Any) -> None:
        """Let something become of a mail at an instant, in seconds."""
        created = round(at * 1_000)
        self.events.append(
            {"id": f"e{len(self.events)}", "created": created, "type": kind, "recipient": recipient} | more
        )

    def leave(self, address: str, at: float) -> None:
        """Let somebody unsubscribe from everything."""
        said = {"channel": "EMAIL", "status": "UNSUBSCRIBED", "wideStatusType": "PORTAL_WIDE"}
        self.left[address] = [said | {"subscriberIdString": address, "timestamp": iso(round(at * 1_000))}]

    def handle(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            raise Broken(Told(401, self.error(401)), "a token is shown as bearer", _USAGE)
        if not self._limit.takes(self.now()):
            headers = {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
            raise Broken(Told(429, self.error(429), headers), "100 requests in 10 seconds", _USAGE)
        if asked.method == "GET":
            return self._told(asked)
        self._demand(asked.headers.get("content-type") == "application/json", "the body is JSON", _USAGE)
        try:
            body = asked.json
        except ValueError as error:
            raise Broken(Told(400, self.error(400)), "the body is JSON", _USAGE) from error
        if asked.path == "/events/v3/send":
            return self._event(body)
        self._demand(asked.path == "/marketing/v4/email/single-send", "there is such a call", _SENDS)
        return self._send(body)

    def _told(self, asked: Asked) -> Told:
        if asked.path == "/email/public/v1/events":
            return self._page(dict(asked.query))
        found = re.fullmatch(r"/communication-preferences/v4/statuses/([^/]+)/unsubscribe-all", asked.path)
        self._demand(found is not None, "there is such a call", _PREFERENCES)
        assert found is not None
        self._demand(asked.query.get("channel") == "EMAIL", "a channel is named", _PREFERENCES)
        address = unquote(found[1])
        self._demand("@" in address, "the subscriber is an address", _PREFERENCES)
        return Told(200, {"status": "COMPLETE", "results": self.left.get(address, [])})

    def _page(self, query: dict[str, str]) -> Told:
        """Events between two instants, both of which count, the latest first."""
        token, limit = query.pop("offset", ""), int(query.pop("limit", "10"))
        self._demand(1 <= limit <= 1_000, "at most 1,000 are given", _ACTIVITY)
        for_query, start, since = self._tokens.get(token, (query, 0, self.now()))
        self._demand(not token or token in self._tokens, "a token was given", _ACTIVITY)
        self._demand(for_query == query, "a token is for the same query", _ACTIVITY)
        self._demand(self.now() - since < _SOON, "a token is short-lived", _ACTIVITY)
        first, last = int(query.get("startTimestamp", "0")), int(query.get("endTimestamp", str(1 << 60)))
        found = sorted(
            (each for each in self.events if first <= each["created"] <= last), key=lambda each: -each["created"]
        )
        upto, token = start + limit, f"t{len(self._tokens)}"
        self._tokens[token] = (query, upto, self.now())
        return Told(200, {"events": found[start:upto], "hasMore": upto < len(found), "offset": token})

    def _event(self, body: dict[str, Any]) -> Told:
        self._demand(body.get("eventName") == "pe1234_cart_left", "the event is defined", _EVENTS)
        self._demand(any(body.get(each) for each in ("email", "objectId", "utk")), "an event says whose it is", _EVENTS)
        properties = body.get("properties", {})
        self._demand(all(isinstance(each, str) for each in properties.values()), "properties are texts", _EVENTS)
        self._demand(len(properties) <= 50, "an event has at most 50 properties", _EVENTS)
        unique = body.get("uuid", "")
        self._demand(not unique or re.fullmatch(_UUID, unique) is not None, "uuid is one", _EVENTS)
        self._once(("event", unique), body)
        return Told(204)

    def _send(self, body: dict[str, Any]) -> Told:
        message = body.get("message", {})
        self._demand(isinstance(body.get("emailId"), int), "emailId is a number", _SENDS)
        self._demand("@" in str(message.get("to", "")), "message says to whom", _SENDS)
        if message["to"] == "bounced@shop.example":
            return Told(200, {"status": "COMPLETE", "sendResult": "PREVIOUSLY_BOUNCED"})
        fresh = self._once(("send", message.get("sendId", "")), body)
        result = "SENT" if fresh else "IDEMPOTENT_IGNORE"
        return Told(200, {"status": "COMPLETE", "sendResult": result, "statusId": "s1"})

    def _once(self, key: tuple[str, str], body: dict[str, Any]) -> bool:
        """Whether it is the first of its key, or has none."""
        now = self.now()
        if key[1] and now - self._seen.get(key, -_YEAR) < _YEAR:
            return False
        self._seen[key] = now
        self.effects.append(body)
        return True

    def _demand(self, holds: bool, rule: str, source: str) -> None:
        if not holds:
            raise Broken(Told(400, self.error(400)), rule, source)

    def error(self, status: int) -> Any:
        names = {400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 429: "RATE_LIMITS"}
        category = names.get(status, "ERROR")
        return {"status": "error", "message": "about ann@shop.example", "category": category, "correlationId": "c"}
