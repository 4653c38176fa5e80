"""Marketing Cloud's journeys, transactional messaging and callbacks: what its reference pages and descriptions say."""

from typing import Any
from urllib.parse import unquote

from tests.simulators.base import Asked, Broken, Simulator, Told

_EVENTS = "developer.salesforce.com, postEvent"
_SENDS = "Marketing Cloud OpenAPI, POST /messaging/v1/email/messages/{messageKey}"
_TOKENS = "Marketing Cloud OpenAPI, POST /v2/token"
_VERIFICATION = "developer.salesforce.com, POST /platform/v1/ens-verify"
_EXPIRES, _REMEMBERS = 1_080, 72 * 3_600
_CALLS = ("/interaction/v1/events", "/messaging/v1/email/messages/")


class Salesforce(Simulator):
    """One business unit, with the event `APIEvent-1`, whose data has `cart`, and the send definition `reminder`."""

    name = "salesforce"

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, float] = {}
        """With when each expires."""
        self.callbacks: dict[str, str] = {}
        """Those that wait to be verified, each with its key."""
        self._keys: dict[str, float] = {}

    def handle(self, asked: Asked) -> Told:
        if asked.path == "/v2/token":
            return self._token(asked.json)
        shown = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(shown, -1.0) <= self.now():
            raise Broken(Told(401, self.error(401)), "a token that is good is shown as bearer", _TOKENS)
        kind = asked.headers.get("content-type", "").lower().replace(" ", "")
        self._demand(kind == "application/json;charset=utf-8", "the body is JSON, and says UTF-8", _EVENTS)
        body = asked.json
        if asked.path == "/platform/v1/ens-verify":
            return self._verify(body)
        if asked.path == _CALLS[0]:
            return self._enter(body)
        self._demand(asked.path.startswith(_CALLS[1]), "there is such a call", _SENDS)
        return self._send(unquote(asked.path.removeprefix(_CALLS[1])), body)

    def _token(self, body: dict[str, Any]) -> Told:
        right = {"grant_type": "client_credentials", "client_id": "id-1", "client_secret": "secret-1"}
        self._demand(
            all(body.get(each) == value for each, value in right.items()), "the package's credentials", _TOKENS
        )
        token = f"t{len(self.tokens) + 1}"
        self.tokens[token] = self.now() + _EXPIRES
        return Told(200, {"access_token": token, "expires_in": _EXPIRES, "token_type": "Bearer"})

    def _enter(self, body: dict[str, Any]) -> Told:
        self._demand(bool(body.get("ContactKey")), "an entry says whose it is", _EVENTS)
        key = body.get("EventDefinitionKey", "")
        self._demand("." not in key, "an event definition's key has no period", _EVENTS)
        self._demand(key == "APIEvent-1", "there is such an event definition", _EVENTS)
        self._demand(set(body.get("Data", {})) <= {"cart"}, "data has the fields of the data extension", _EVENTS)
        self.effects.append(body)
        return Told(201, {"eventInstanceId": "e1"})

    def _send(self, key: str, body: dict[str, Any]) -> Told:
        self._demand(0 < len(key) <= 100, "a message key has at most 100 characters", _SENDS)
        self._demand(body.get("definitionKey") == "reminder", "there is such a send definition", _SENDS)
        recipient = body.get("recipient", {})
        self._demand(bool(recipient.get("contactKey")) and "@" in recipient.get("to", ""), "recipient says who", _SENDS)
        if self.now() - self._keys.get(key, -1e9) >= _REMEMBERS:
            self._keys[key] = self.now()
            self.effects.append(body)
        return Told(202, {"requestId": "r1", "errorcode": 0, "responses": [{"messageKey": key}]})

    def _verify(self, body: dict[str, Any]) -> Told:
        self._demand(set(body) == {"callbackId", "verificationKey"}, "it says what was posted", _VERIFICATION)
        callback = body["callbackId"]
        if self.callbacks.get(callback) != body["verificationKey"]:
            raise Broken(Told(404, self.error(404)), "it waits for that key", _VERIFICATION)
        del self.callbacks[callback]
        return Told(200, {"callbackId": callback, "status": "verified"})

    def _demand(self, holds: bool, rule: str, source: str) -> None:
        if not holds:
            raise Broken(Told(400, self.error(400)), rule, source)

    def error(self, status: int) -> Any:
        return {"message": "about ann@shop.example", "errorcode": 50_100 if status == 429 else 10_000 + status}
