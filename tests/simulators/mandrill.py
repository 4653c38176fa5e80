"""Mailchimp's Transactional API, 1.0: what its OpenAPI description and reference pages say it does."""

from typing import Any

from tests.simulators.base import Asked, Broken, Simulator, Told

_SEND = "Mailchimp Transactional OpenAPI, POST /messages/send-template"
_REJECTS = "Mailchimp Transactional OpenAPI, POST /rejects/list"
_ERRORS = "mailchimp.com/developer/transactional, errors"
_PATH = "/messages/send-template.json"
_LIST = "/rejects/list.json"
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
    """One account, with the template `cart-reminder`; what goes to `bounced@shop.example` is rejected inside a 200.

    `denied` is the denylist, of which an answer has the first thousand; there is one subaccount, `eu`.
    """

    name = "mandrill"

    def __init__(self, key: str = "md-1") -> None:
        super().__init__()
        self._key = key
        self.denied: list[dict[str, Any]] = []

    def handle(self, asked: Asked) -> Told:
        if asked.method != "POST" or asked.path not in {_PATH, _LIST}:
            raise Broken(self._told(404, "GeneralError"), "there is no such call", _SEND)
        body = self._body(asked)
        if body.get("key") != self._key:
            raise Broken(self._told(500, "Invalid_Key"), "the key stands in the body", _ERRORS)
        if asked.path == _LIST:
            return Told(200, self._listed(body))
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

    def _listed(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Entries that have not expired, of an address or of a subaccount where one is named."""
        known = set(body) <= {"key", "email", "include_expired", "subaccount"}
        self._demand(known, "the denylist is asked for by no other fields", _REJECTS)
        self._demand(isinstance(body.get("include_expired", False), bool), "include_expired is true or false", _REJECTS)
        if body.get("subaccount") not in {None, "eu"}:
            raise Broken(self._told(500, "Unknown_Subaccount"), "there is such a subaccount", _ERRORS)
        return [
            each
            for each in self.denied
            if (body.get("include_expired") or not each["expired"])
            and body.get("email") in {None, each["email"]}
            and body.get("subaccount") in {None, each["subaccount"]}
        ][:1_000]

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

    def _demand(self, holds: bool, rule: str, source: str = _SEND) -> None:
        if not holds:
            raise Broken(self._told(500, "ValidationError"), rule, source)

    def _told(self, status: int, name: str) -> Told:
        return Told(status, {"status": "error", "code": -2, "name": name, "message": "about ann@shop.example"})

    def error(self, status: int) -> Any:
        name = {401: "Invalid_Key", 400: "ValidationError"}.get(status, "GeneralError")
        return self._told(status, name).body
