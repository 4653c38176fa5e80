"""Klaviyo's Events and Profiles APIs, revision 2026-07-15: what their OpenAPI description and reference pages say."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_EVENTS = "Klaviyo OpenAPI 2026-07-15, POST /api/events"
_BULK = "Klaviyo OpenAPI 2026-07-15, POST /api/event-bulk-create-jobs"
_PROFILES = "Klaviyo OpenAPI 2026-07-15, GET /api/profiles"
_CONVENTIONS = "developers.klaviyo.com, API versioning and authentication"
_IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id", "id", "_kx")
_SPAN = r"greater-or-equal\(subscriptions\.email\.marketing\.((?:list_)?suppression(?:s?))\.timestamp,([-0-9T:.Z+]+)\)"
_LARGEST = 5_000_000
_ATTRIBUTES = {"properties", "time", "value", "value_currency", "unique_id", "metric", "profile", "backfill"}


class Klaviyo(Simulator):
    """One account. `effects` are the events that were recorded, `flows` those of them that start flows.

    `profiles` is what is known of people's consent.
    """

    name = "klaviyo"

    def __init__(self, key: str = "pk_1") -> None:
        super().__init__()
        self._key = key
        self._limits = {
            "/api/events": Windows((350, 1.0), (3_500, 60.0)),
            "/api/event-bulk-create-jobs": Windows((10, 1.0), (150, 60.0)),
        }
        self._reads = Windows((75, 1.0), (750, 60.0))
        self.profiles: dict[str, dict[str, Any]] = {}
        """`subscriptions.email.marketing`, by address."""
        self._seen: set[tuple[str, str, str]] = set()

    @property
    def flows(self) -> list[Any]:
        return [each for each in self.effects if not each.get("backfill")]

    def handle(self, asked: Asked) -> Told:
        self._admit(asked)
        if (asked.method, asked.path) == ("GET", "/api/profiles"):
            return self._listed(asked)
        self._pace(asked)
        if asked.path == "/api/events":
            events = [self._single(asked)]
        else:
            events = self._bulk(asked)
            keys = [_key(each, self.now()) for each in events]
            self._demand(
                len(set(keys)) == len(keys) and not self._seen.intersection(keys), "no `unique_id` repeats", _BULK
            )
        for event in events:
            self._record(event)
        return Told(202)

    def _admit(self, asked: Asked) -> None:
        if asked.headers.get("authorization") != f"Klaviyo-API-Key {self._key}":
            raise Broken(self._told(401, "not_authenticated"), "a private key is shown", _CONVENTIONS)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", asked.headers.get("revision", "")):
            raise Broken(self._told(400, "invalid"), "the header `revision` says a date", _CONVENTIONS)

    def _pace(self, asked: Asked) -> None:
        if asked.headers.get("content-type") not in {"application/vnd.api+json", "application/json"}:
            raise Broken(self._told(415, "unsupported_media_type"), "the body is JSON:API", _CONVENTIONS)
        if asked.method != "POST" or asked.path not in self._limits:
            raise Broken(self._told(404, "not_found"), "there is no such call", _EVENTS)
        if not self._limits[asked.path].takes(self.now()):
            slower = Told(429, self.error(429), {"Retry-After": "1"})
            raise Broken(slower, f"the rate of {asked.path}", f"{_EVENTS}, x-klaviyo-ratelimit")
        self._demand(len(asked.body) <= _LARGEST, "a request has at most 5 MB")

    def _listed(self, asked: Asked) -> Told:
        """A page of profiles, by when they were suppressed."""
        if not self._reads.takes(self.now()):
            slower = Told(429, self.error(429), {"Retry-After": "1"})
            raise Broken(slower, "75 a second, 750 a minute", f"{_PROFILES}, x-klaviyo-ratelimit")
        query = asked.query
        span = re.fullmatch(_SPAN, query.get("filter", ""))
        if span is None:
            raise Broken(self._told(400, "invalid"), "it is filtered by when somebody was suppressed", _PROFILES)
        kind, since = span.groups()
        self._demand(query.get("sort") == f"subscriptions.email.marketing.{kind}.timestamp", "it is sorted", _PROFILES)
        size = query.get("page[size]", "20")
        self._demand(size.isdecimal() and 1 <= int(size) <= 100, "a page has 1 to 100 profiles", _PROFILES)
        start = query.get("page[cursor]", "after:0").removeprefix("after:")
        self._demand(start.isdecimal(), "a page's cursor is one that was given", _PROFILES)
        found = sorted(
            (min(each["timestamp"] for each in known[kind]), address)
            for address, known in self.profiles.items()
            if any(datetime.fromisoformat(each["timestamp"]) >= datetime.fromisoformat(since) for each in known[kind])
        )
        end = int(start) + int(size)
        data = [self._profile(address, query) for _, address in found[int(start) : end]]
        following = f"https://a.klaviyo.com/api/profiles?{urlencode({'page[cursor]': f'after:{end}'})}"
        links = {"self": "https://a.klaviyo.com/api/profiles", "next": following if end < len(found) else None}
        return Told(200, {"data": data, "links": links})

    def _profile(self, address: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Subscriptions are there only where they are asked for."""
        known: dict[str, Any] = {"email": address}
        if "subscriptions" in query.get("additional-fields[profile]", "").split(","):
            known["subscriptions"] = {"email": {"marketing": self.profiles[address]}}
        links = {"self": f"https://a.klaviyo.com/api/profiles/{address}"}
        return {"type": "profile", "id": address, "attributes": known, "links": links}

    def _single(self, asked: Asked) -> dict[str, Any]:
        try:
            data = asked.json["data"]
            self._demand(data["type"] == "event", "each resource says its type")
            attributes: dict[str, Any] = data["attributes"]
        except (ValueError, KeyError, TypeError) as error:
            raise Broken(self._told(400, "invalid"), f"{error!r} is missing", _EVENTS) from error
        return self._checked(attributes)

    def _bulk(self, asked: Asked) -> list[dict[str, Any]]:
        """Each entry is a profile with its events; an event may say for itself whether it is only for the record."""
        try:
            data = asked.json["data"]
            self._demand(data["type"] == "event-bulk-create-job", "each resource says its type", _BULK)
            events = []
            for entry in data["attributes"]["events-bulk-create"]["data"]:
                self._demand(entry["type"] == "event-bulk-create", "each resource says its type", _BULK)
                shared = {name: entry["attributes"][name] for name in ("profile", "events")}
                past = {"backfill": entry["attributes"].get("backfill", False)}
                for event in shared["events"]["data"]:
                    self._demand(event["type"] == "event", "each resource says its type", _BULK)
                    self._demand("profile" not in event["attributes"], "the profile stands beside its events", _BULK)
                    events.append(past | event["attributes"] | {"profile": shared["profile"]})
        except (ValueError, KeyError, TypeError) as error:
            raise Broken(self._told(400, "invalid"), f"{error!r} is missing", _BULK) from error
        self._demand(0 < len(events) <= 1_000, "a request has at most 1,000 events", _BULK)
        return [self._checked(each) for each in events]

    def _checked(self, attributes: dict[str, Any]) -> dict[str, Any]:
        try:
            metric, profile = attributes["metric"]["data"], attributes["profile"]["data"]
            types, name, known = (metric["type"], profile["type"]), metric["attributes"]["name"], profile["attributes"]
        except (KeyError, TypeError) as error:
            raise Broken(self._told(400, "invalid"), f"{error!r} is missing", _EVENTS) from error
        self._demand(types == ("metric", "profile"), "each resource says its type")
        self._demand(isinstance(name, str) and 0 < len(name) < 128, "a metric has a name of less than 128 characters")
        self._demand(any(known.get(each) for each in _IDENTIFIERS), "a profile has an identifier")
        self._demand(set(attributes) <= _ATTRIBUTES, "an event has no other attributes")
        self._demand(isinstance(attributes.get("properties"), dict), "properties is an object")
        self._demand(len(attributes["properties"]) <= 400, "an event has at most 400 properties")
        longest = max((len(each) for each in attributes["properties"].values() if isinstance(each, str)), default=0)
        self._demand(longest <= 100_000, "a text has at most 100 KB")
        value = attributes.get("value", 0)
        self._demand(isinstance(value, int | float) and not isinstance(value, bool), "value is a number")
        return attributes

    def _record(self, attributes: dict[str, Any]) -> None:
        """Of one profile, metric and `unique_id` only the first; without it, of one second."""
        key = _key(attributes, self.now())
        if key not in self._seen:
            self._seen.add(key)
            self.effects.append(attributes)

    def _demand(self, holds: bool, rule: str, source: str = _EVENTS) -> None:
        if not holds:
            raise Broken(self._told(400, "invalid"), rule, source)

    def _told(self, status: int, code: str) -> Told:
        return Told(status, {"errors": [{"id": "1", "status": status, "code": code, "title": code, "detail": ""}]})

    def error(self, status: int) -> Any:
        code = {401: "not_authenticated", 429: "throttled", 400: "invalid"}.get(status, "error")
        return {"errors": [{"id": "1", "status": status, "code": code, "title": code, "detail": "ann@shop.example"}]}


def _key(attributes: dict[str, Any], now: float) -> tuple[str, str, str]:
    """By what an event is recognised."""
    profile = attributes["profile"]["data"]["attributes"]
    who = next(str(profile[each]) for each in _IDENTIFIERS if profile.get(each))
    unique = attributes.get("unique_id") or str(attributes.get("time", now))[:19]
    return who, attributes["metric"]["data"]["attributes"]["name"], unique
