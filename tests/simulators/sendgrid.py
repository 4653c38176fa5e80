"""SendGrid's Mail Send API, v3: what its OpenAPI description and reference pages say it does."""

import json
import re
from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told, Windows

_SEND = "SendGrid OpenAPI, POST /v3/mail/send"
_KEYS = "docs.sendgrid.com, authentication"
_LARGEST = 10_000


class Sendgrid(Simulator):
    """One account. `effects` are the mails that were queued."""

    name = "sendgrid"

    def __init__(self, key: str = "SG.1") -> None:
        super().__init__()
        self._key = key
        self._limit = Windows((600, 60.0))

    def handle(self, asked: Asked) -> Told:
        if (asked.method, asked.path) != ("POST", "/v3/mail/send"):
            raise Broken(self._told(404), "there is no such call", _SEND)
        if asked.headers.get("authorization") != f"Bearer {self._key}":
            raise Broken(self._told(401), "an API key is shown as bearer", _KEYS)
        if asked.headers.get("content-type") != "application/json":
            raise Broken(self._told(415), "the body is JSON", _SEND)
        if not self._limit.takes(self.now()):
            raise Broken(Told(429, self.error(429), {"Retry-After": "5"}), "so many a minute", _SEND)
        self._check(asked)
        return Told(202)

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

    def _demand(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(self._told(400), rule, _SEND)

    def _told(self, status: int) -> Told:
        return Told(status, self.error(status))

    def error(self, status: int) -> Any:
        return {"errors": [{"message": f"{status} about ann@shop.example", "field": "from.email", "help": None}]}
