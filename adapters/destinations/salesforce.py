"""Salesforce Marketing Cloud: entry into a journey, or a transactional send.

A journey is entered by `POST /interaction/v1/events`, which deduplicates nothing; what may have been sent is not sent
again. A transactional send is `POST /messaging/v1/email/messages/{messageKey}`, with a key made of the message's, which
is recognised for 72 hours. So they are two kinds of destination. AMPscript is rendered there: only data is sent.

Both show a token (`POST /v2/token`, OAuth 2 client credentials), which is fetched once for all that wait for it, a
minute before it expires, and once more when it is refused.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, ClassVar

import httpx
import msgspec
import trio

from adapters.destinations.http import Answer, Caller, open_client, retry_after, written
from adapters.destinations.service import Request, Service, ServiceSettings
from adapters.destinations.shape import Field, Fields
from adapters.secrets import Secret
from engine.runtime.ports import DAY, Delivery, Pace, Rejected, Unavailable, Unclear

_PACE = Pace(concurrency=8)
"""The limits of an account are told by its contract; what is too much is answered 429."""

_REMEMBERED = 3 * DAY
_LONGEST_KEY = 100
_COLON = "~"
"""Stands in a key for the colons of an id: an address bears it as it is (RFC 3986, 2.3)."""
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
_EARLY = 60
"""Seconds before a token expires at which another is fetched."""

_JSON = {"Content-Type": "application/json; charset=UTF-8"}


class _Account(ServiceSettings, frozen=True, kw_only=True):
    """An installed package with the rights to send, and the subdomain of the account's addresses."""

    tenant: str
    client_id: Secret
    client_secret: Secret
    account_id: str = ""
    """Of the business unit, where it is not the package's own."""
    auth_url: str = ""
    """Where tokens are had, if not where they usually are."""


class SalesforceJourneySettings(_Account, frozen=True, kw_only=True, tag_field="kind", tag="salesforce_journey"):
    """Journeys that are entered by an API event."""

    fields: ClassVar[Fields] = {
        "contact": Field("text", required=True, hint="the contact's key"),
        "event": Field(
            "text", required=True, pattern=r"[^.]+", hint="write the event definition's key, without a period"
        ),
        "data": Field("object"),
    }


class SalesforceEmailSettings(_Account, frozen=True, kw_only=True, tag_field="kind", tag="salesforce_email"):
    """Transactional sends."""

    fields: ClassVar[Fields] = {
        "definition": Field("text", required=True, hint="the send definition's key"),
        "contact": Field("text", required=True, hint="the contact's key"),
        "to": Field("text", required=True),
        "attributes": Field("texts"),
    }


@asynccontextmanager
async def open_salesforce(
    settings: SalesforceJourneySettings | SalesforceEmailSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Salesforce"]:
    """Open it with a connection pool of its own.

    Raises:
        SecretError: a secret is not where the settings say.

    """
    asked = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id.read(),
        "client_secret": settings.client_secret.read(),
    }
    if settings.account_id:
        asked["account_id"] = settings.account_id
    auth = settings.auth_url or settings.url or f"https://{settings.tenant}.auth.marketingcloudapis.com"
    async with open_client(settings.timeout, _JSON, transport) as caller:
        yield Salesforce(caller, settings, Tokens(caller, f"{auth.rstrip('/')}/v2/token", asked))


class Tokens:
    """The token of one account: fetched once for all who wait for it."""

    def __init__(self, caller: Caller, url: str, asked: dict[str, str]) -> None:
        self._caller = caller
        self._url = url
        self._asked = msgspec.json.encode(asked)
        self._lock = trio.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self, refused: str = "") -> str:
        """A token that is good; not the one that was `refused`.

        Raises:
            Unavailable: none can be had now.

        """
        async with self._lock:
            if self._token in {"", refused} or trio.current_time() >= self._until:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        try:
            answer = await self._caller.call("POST", self._url, content=self._asked, headers={})
        except Unclear as error:
            raise Unavailable(f"no token: {error}", account=True) from error
        said = answer.said
        if not answer.is_success or not isinstance(said.get("access_token"), str):
            raise Unavailable(f"no token: answered {answer.status}", retry_after(answer.headers), account=True)
        self._token = said["access_token"]
        self._until = trio.current_time() + max(float(said.get("expires_in") or 0) - _EARLY, 0)


class Salesforce(Service):
    """Calls one business unit."""

    def __init__(
        self, caller: Caller, settings: SalesforceJourneySettings | SalesforceEmailSettings, tokens: Tokens
    ) -> None:
        sends = isinstance(settings, SalesforceEmailSettings)
        super().__init__(caller, settings, published=_PACE, remembers=_REMEMBERED if sends else 0)
        self._base = (settings.url or f"https://{settings.tenant}.rest.marketingcloudapis.com").rstrip("/")
        self._sends = sends
        self._tokens = tokens

    async def make(self, request: Request) -> None:
        """Make a call with a token; where that is refused, once more with another."""
        refused = ""
        while True:
            token = await self._tokens.token(refused)
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self.caller.call(request.method, request.url, content=request.content, headers=headers)
            if answer.status != HTTPStatus.UNAUTHORIZED or refused:
                self.judge(answer)
                return
            refused = token

    async def verify(self, callback: str, key: str) -> None:
        """Tell it that the address of a callback is ours, to which it has posted the key; raises as `make` does.

        `POST /platform/v1/ens-verify` (reference of the Event Notification Service).
        """
        body = msgspec.json.encode({"callbackId": callback, "verificationKey": key})
        try:
            await self.make(Request(f"{self._base}/platform/v1/ens-verify", body, {}))
        except Rejected as error:
            hint = "a key is good once, for four hours, and with the account that has the callback"
            raise Rejected(f"{error}; {hint}: make the callback again") from error

    def request(self, delivery: Delivery) -> Request:
        """A transactional send, or an entry into a journey."""
        data = delivery.data
        if self._sends:
            recipient: dict[str, Any] = {"contactKey": data["contact"], "to": data["to"]}
            recipient["attributes"] = data.get("attributes") or {}
            body = {"definitionKey": data["definition"], "recipient": recipient}
            url = f"{self._base}/messaging/v1/email/messages/{message_key(delivery.id)}"
        else:
            body = {"ContactKey": data["contact"], "EventDefinitionKey": data["event"], "Data": data.get("data") or {}}
            url = f"{self._base}/interaction/v1/events"
        return Request(url, written(body, delivery.message), {})

    def reason(self, answer: Answer) -> str:
        """The error's number."""
        return str(answer.said.get("errorcode") or "")

    def pause(self, answer: Answer) -> float | None:
        """As `Retry-After` says, or the body."""
        said = retry_after(answer.headers)
        told = answer.said.get("retryAfter")
        return float(told) if said is None and isinstance(told, int | float) else said


def message_key(delivery_id: str) -> str:
    """A key that an address can bear, at most 100 characters: the message's id, or, of a longer one, its digest."""
    plain = delivery_id.replace(":", _COLON)
    fits = len(plain) <= _LONGEST_KEY and "~" not in delivery_id and _UNRESERVED.fullmatch(plain)
    return plain if fits else blake2b(delivery_id.encode(), digest_size=24).hexdigest()


def message_of(key: str) -> str:
    """The message whose key it is, where it is one that tells."""
    return key.replace(_COLON, ":")
