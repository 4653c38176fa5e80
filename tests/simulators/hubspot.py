"""HubSpot's custom events (v3) and single sends (v4): what their OpenAPI descriptions and guidelines say they do."""

import re
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_EVENTS = "HubSpot OpenAPI events v3, POST /events/v3/send"
_SENDS = "HubSpot OpenAPI single send v4, POST /marketing/v4/email/single-send"
_USAGE = "developers.hubspot.com, usage guidelines"
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

    def handle(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            raise Broken(Told(401, self.error(401)), "a token is shown as bearer", _USAGE)
        if not self._limit.takes(self.now()):
            headers = {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
            raise Broken(Told(429, self.error(429), headers), "100 requests in 10 seconds", _USAGE)
        self._demand(asked.headers.get("content-type") == "application/json", "the body is JSON", _USAGE)
        try:
            body = asked.json
        except ValueError as error:
            raise Broken(Told(400, self.error(400)), "the body is JSON", _USAGE) from error
        if asked.path == "/events/v3/send":
            return self._event(body)
        self._demand(asked.path == "/marketing/v4/email/single-send", "there is such a call", _SENDS)
        return self._send(body)

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
