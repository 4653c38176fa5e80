"""A way out over HTTP: a JSON POST with an idempotency key.

The body has the fields `id`, `trigger`, `user`, `at`, `message` and `data`; `at` is when the trigger fired, ISO 8601
in UTC with milliseconds (`2026-01-02T03:04:05.678Z`). The header `Idempotency-Key` carries `id`, the same at every
attempt: a receiver that has seen it answers 2xx and does nothing.

How an attempt ends:

    2xx                                                sent
    3xx                                                Rejected: redirects are not followed
    408, 429, 5xx                                      Unavailable, with Retry-After where given; 429, 502 and 503
                                                       for all messages alike
    any other status                                   Rejected
    no answer                                          as `http` tells
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated

import httpx
import msgspec

from adapters.destinations.http import Answer, Caller, iso, open_client, retry_after, written
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.language.durations import parse_duration
from engine.runtime.ports import Delivery, Pace, Rejected, Retries, Unavailable

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TRY_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_FOR_ALL = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
"""Every other message would be answered so too."""


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"):
    """Where to post; `timeout` is in seconds, for a whole attempt."""

    url: str
    headers: dict[str, str | Secret] = {}
    """Sent with each request; a secret is the whole value of its header."""
    timeout: float = 10
    deduplicates: str = ""
    """For how long the receiver recognises an `Idempotency-Key`, such as `24h`: so long what may have been sent is sent
    again with the same key. Without it, such a message is not sent again."""
    concurrency: Annotated[int, msgspec.Meta(ge=1)] = 8
    """Requests at a time."""
    rate: Annotated[float, msgspec.Meta(ge=0)] = 0
    """Requests a second; 0: as many as come."""
    attempts: Annotated[int, msgspec.Meta(ge=1)] = 8

    @property
    def remembers(self) -> Millis:
        """`deduplicates` in milliseconds; 0 where the receiver does not."""
        return parse_duration(self.deduplicates) if self.deduplicates else 0

    def __post_init__(self) -> None:
        try:
            self.remembers  # noqa: B018 - read to be checked
        except ValueError as error:
            raise ValueError(f"deduplicates: {error}") from None
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ValueError(f"url: {error}") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError(f"url: {self.url!r} is not an http or https address")
        if url.userinfo:
            raise ValueError("url: a password does not belong in an address; give a header as a secret")
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name) or not (isinstance(value, Secret) or value.isprintable()):
                raise ValueError(f"headers: {name!r} is not a header that HTTP can carry")
        if self.timeout <= 0:
            raise ValueError("timeout: it must be more than 0 seconds")


@asynccontextmanager
async def open_webhook(settings: WebhookSettings) -> AsyncIterator["Webhook"]:
    """Open a webhook with a connection pool of its own.

    Raises:
        SecretError: the secret of a header is not where the settings say.

    """
    headers = {name: value.read() if isinstance(value, Secret) else value for name, value in settings.headers.items()}
    async with open_client(settings.timeout, headers) as caller:
        yield Webhook(caller, settings)


class Webhook:
    """Posts messages to one address."""

    def __init__(self, caller: Caller, settings: WebhookSettings) -> None:
        self._caller = caller
        self._url = settings.url
        self.pace = Pace(settings.concurrency, settings.rate)
        self._retries = Retries(settings.attempts, remembers=settings.remembers)

    def retries(self, _: str) -> Retries:
        """All calls are alike."""
        return self._retries

    async def send(self, delivery: Delivery) -> None:
        """Post one message; how the attempt ends is told in this module's docstring."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": delivery.id}
        _judge(await self._caller.call("POST", self._url, content=_body(delivery), headers=headers))


def _body(delivery: Delivery) -> bytes:
    said = {
        "id": delivery.id,
        "trigger": delivery.trigger,
        "user": delivery.user,
        "at": iso(delivery.at),
        "message": delivery.message,
        "data": delivery.data,
    }
    return written(said, delivery.message)


def _judge(answer: Answer) -> None:
    status = answer.status
    if answer.is_success:
        return
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise Rejected(f"answered {status}: redirects are not followed; set `url` to the final address")
    if status in _TRY_LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unavailable(f"answered {status}", retry_after(answer.headers), account=status in _FOR_ALL)
    raise Rejected(f"answered {status}")
