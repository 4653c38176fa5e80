"""SendGrid's Mail Send and Suppressions APIs, v3: what their OpenAPI descriptions and reference pages say they do."""

import json
import re
import time
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_SEND = "SendGrid OpenAPI, POST /v3/mail/send"
_LISTS = "SendGrid OpenAPI, GET /v3/suppression/..."
_GROUPS = "SendGrid OpenAPI, GET /v3/asm/suppressions"
_RATES = "twilio.com/docs/sendgrid, rate limits"
_KEYS = "docs.sendgrid.com, authentication"
_LARGEST = 10_000
_PAGE = 500
_FOREVER = 1 << 40


class Sendgrid(Simulator):
    """One account. `effects` are the mails that were queued; `lists` and `left` are who gets none."""

    name = "sendgrid"

    def __init__(self, key: str = "SG.1") -> None:
        super().__init__()
        self._key = key
        self._limit = Windows((600, 60.0))
        self.lists: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("bounces", "invalid_emails", "spam_reports", "unsubscribes")
        }
        self.left: list[dict[str, Any]] = []
        """Who has left which group."""

    def handle(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self._key}":
            raise Broken(self._told(401), "an API key is shown as bearer", _KEYS)
        if asked.method == "GET":
            return self._listed(asked)
        if (asked.method, asked.path) != ("POST", "/v3/mail/send"):
            raise Broken(self._told(404), "there is no such call", _SEND)
        if asked.headers.get("content-type") != "application/json":
            raise Broken(self._told(415), "the body is JSON", _SEND)
        if not self._limit.takes(self.now()):
            raise Broken(Told(429, self.error(429), {"Retry-After": "5"}), "so many a minute", _SEND)
        self._check(asked)
        return Told(202)

    def _listed(self, asked: Asked) -> Told:
        if not self._limit.takes(self.now()):
            told = Told(429, self.error(429), {"X-RateLimit-Reset": str(round(time.time()) + 5)})
            raise Broken(told, "so many a minute", _RATES)
        if asked.path == "/v3/asm/suppressions":
            self._demand(not asked.query, "the groups' list takes no parameters", _GROUPS)
            return Told(200, self.left)
        name = asked.path.removeprefix("/v3/suppression/")
        if name not in self.lists:
            raise Broken(self._told(404), "there is such a list", _LISTS)
        if name == "bounces" and asked.headers.get("accept") != "application/json":
            raise Broken(self._told(406), "bounces are asked for as JSON", _LISTS)
        self._demand(
            set(asked.query) <= {"start_time", "end_time", "limit", "offset"}, "there are such parameters", _LISTS
        )
        self._demand(all(each.isdecimal() for each in asked.query.values()), "parameters are whole numbers", _LISTS)
        asked_for = {each: int(value) for each, value in asked.query.items()}
        limit, offset = asked_for.get("limit", _PAGE), asked_for.get("offset", 0)
        self._demand(1 <= limit <= _PAGE, "a page has at most 500 entries", _LISTS)
        self._demand(offset % limit == 0, "offsets are multiples of the page", _LISTS)
        since, until = asked_for.get("start_time", 0), asked_for.get("end_time", _FOREVER)
        found = [each for each in self.lists[name] if since <= each["created"] <= until]
        return Told(200, found[offset : offset + limit])

    def _check(self, asked: Asked) -> None:
        try:
            mail = asked.json
            people = mail["personalizations"]
            person = people[0]
            addresses = [each["email"] for each in person["to"]]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Broken(self._told(400), "personalizations say to whom", _SEND) from error
        self._demand(len(people) == 1 and all("@" in each for each in addresses), "each address is one")
        self._demand("@" in mail.get("from", {}).get("email", ""), "a mail has a sender")
        arguments = json.dumps(person.get("custom_args", {}))
        self._demand(len(arguments) < _LARGEST, "custom_args are less than 10,000 bytes")
        self._demand(
            all(isinstance(each, str) for each in person.get("custom_args", {}).values()), "custom_args are texts"
        )
        template = mail.get("template_id")
        if template is None:
            self._demand(bool(mail.get("subject")) and bool(mail.get("content")), "a template, or subject and content")
            self._demand("dynamic_template_data" not in person, "template data goes with a template")
        else:
            self._demand(re.fullmatch(r"d-[0-9a-f]{32}", template) is not None, "there is such a template")
        self.effects.append(mail)

    def _demand(self, holds: bool, rule: str, source: str = _SEND) -> None:
        if not holds:
            raise Broken(self._told(400), rule, source)

    def _told(self, status: int) -> Told:
        return Told(status, self.error(status))

    def error(self, status: int) -> Any:
        return {"errors": [{"message": f"{status} about ann@shop.example", "field": "from.email", "help": None}]}
