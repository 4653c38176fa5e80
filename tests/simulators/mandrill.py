"""Mailchimp's Transactional API, 1.0: what its OpenAPI description and reference pages say it does."""

from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told

_SEND = "Mailchimp Transactional OpenAPI, POST /messages/send-template"
_ERRORS = "mailchimp.com/developer/transactional, errors"
_PATH = "/messages/send-template.json"
_FIELDS = {
    "to",
    "global_merge_vars",
    "metadata",
    "preserve_recipients",
    "from_email",
    "from_name",
    "subject",
    "tags",
    "subaccount",
    "headers",
}


class Mandrill(Simulator):
    """One account, with the template `cart-reminder`; what goes to `bounced@shop.example` is rejected inside a 200."""

    name = "mandrill"

    def __init__(self, key: str = "md-1") -> None:
        super().__init__()
        self._key = key

    def handle(self, asked: Asked) -> Told:
        if (asked.method, asked.path) != ("POST", _PATH):
            raise Broken(self._told(404, "GeneralError"), "there is no such call", _SEND)
        body = self._body(asked)
        if body.get("key") != self._key:
            raise Broken(self._told(500, "Invalid_Key"), "the key stands in the body", _ERRORS)
        self._demand(isinstance(body.get("template_content"), list), "template_content is there, if empty")
        if body.get("template_name") != "cart-reminder":
            raise Broken(self._told(500, "Unknown_Template"), "there is such a template", _ERRORS)
        message: Any = body.get("message")
        self._demand(isinstance(message, dict) and set(message) <= _FIELDS, "a message has no other fields")
        tags = message.get("tags", [])
        self._demand(
            isinstance(tags, list) and all(len(each) <= 50 and not each.startswith("_") for each in tags),
            "tags are a list of at most 50 characters each, without an underscore before",
        )
        people = message.get("to")
        self._demand(isinstance(people, list) and len(people) == 1, "it goes to one person")
        self._demand(all(isinstance(each, dict) and "@" in each.get("email", "") for each in people), "to is objects")
        merged = message.get("global_merge_vars", [])
        self._demand(all(set(each) == {"name", "content"} for each in merged), "a merge variable has name and content")
        return self._send(people[0]["email"], message)

    def _send(self, address: str, message: dict[str, Any]) -> Told:
        if address == "bounced@shop.example":
            told = {"email": address, "status": "rejected", "reject_reason": "hard-bounce", "_id": "x"}
            return Told(200, [told])
        self.effects.append(message)
        return Told(200, [{"email": address, "status": "queued", "reject_reason": None, "_id": str(len(self.effects))}])

    def _body(self, asked: Asked) -> dict[str, Any]:
        try:
            body = asked.json
        except ValueError as error:
            raise Broken(self._told(500, "ValidationError"), "the body is JSON", _SEND) from error
        self._demand(isinstance(body, dict), "the body is JSON")
        found: dict[str, Any] = body
        return found

    def _demand(self, holds: bool, rule: str) -> None:
        if not holds:
            raise Broken(self._told(500, "ValidationError"), rule, _SEND)

    def _told(self, status: int, name: str) -> Told:
        return Told(status, {"status": "error", "code": -2, "name": name, "message": "about ann@shop.example"})

    def error(self, status: int) -> Any:
        name = {401: "Invalid_Key", 400: "ValidationError"}.get(status, "GeneralError")
        return self._told(status, name).body
