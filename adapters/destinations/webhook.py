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
    ConnectError, ConnectTimeout, PoolTimeout,
    ProxyError                                         Unavailable for all alike: the request never left
    UnsupportedProtocol, LocalProtocolError            Rejected: the request cannot be made
    any other TransportError (WriteError, ReadError,
    ReadTimeout, RemoteProtocolError ...), or no
    answer in time                                     Unclear: it may have arrived
"""

import math
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated

import httpx
import msgspec
import trio

from adapters.secrets import Secret
from engine.core.events import Millis
from engine.language.durations import parse_duration
from engine.runtime.ports import Delivery, Pace, Rejected, Retries, Unavailable, Unclear

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
    # A quarter of the time for each stage before the request leaves, so that a server which cannot be reached shows
    # as that, and not as an attempt of which nobody knows how it ended.
    stages = httpx.Timeout(None, connect=settings.timeout / 4, pool=settings.timeout / 4)
    async with httpx.AsyncClient(headers=headers, timeout=stages, follow_redirects=False) as client:
        yield Webhook(client, settings)


class Webhook:
    """Posts messages to one address."""

    def __init__(self, client: httpx.AsyncClient, settings: WebhookSettings) -> None:
        self._client = client
        self._url = settings.url
        self._timeout = settings.timeout
        self.pace = Pace(settings.concurrency, settings.rate)
        self._retries = Retries(settings.attempts, remembers=settings.remembers)

    def retries(self, _: str) -> Retries:
        """All calls are alike."""
        return self._retries

    async def send(self, delivery: Delivery) -> None:
        """Post one message; how the attempt ends is told in this module's docstring."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": delivery.id}
        with trio.move_on_after(self._timeout) as waiting, _failures():
            async with self._client.stream("POST", self._url, content=_body(delivery), headers=headers) as answer:
                waiting.deadline = math.inf
                _judge(answer)
                await _drain(answer)
        if waiting.cancelled_caught:
            raise Unclear(f"no answer within {self._timeout:g} s")


def _body(delivery: Delivery) -> bytes:
    try:
        return msgspec.json.encode(
            {
                "id": delivery.id,
                "trigger": delivery.trigger,
                "user": delivery.user,
                "at": _iso(delivery.at),
                "message": delivery.message,
                "data": delivery.data,
            }
        )
    except (TypeError, ValueError) as error:
        raise Rejected(f"the data of {delivery.message} cannot be written as JSON: {error}") from None


def _iso(at: Millis) -> str:
    moment = datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def _failures() -> Iterator[None]:
    """Say for each failure of the transport whether the request left."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise Unavailable(f"cannot be reached: {type(error).__name__}", account=True) from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise Rejected(f"the request cannot be made: {error}") from error
    except httpx.TransportError as error:
        raise Unclear(f"the connection failed before the answer: {type(error).__name__}") from error


def _judge(answer: httpx.Response) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if answer.is_redirect:
        raise Rejected(f"answered {status}: redirects are not followed; set `url` to the final address")
    if status in _TRY_LATER or answer.is_server_error:
        raise Unavailable(f"answered {status}", _retry_after(answer.headers), account=status in _FOR_ALL)
    raise Rejected(f"answered {status}")


async def _drain(answer: httpx.Response) -> None:
    """Read the body away, for the connection to be used again; the status has told all, so no failure counts."""
    with trio.move_on_after(1), suppress(httpx.TransportError):
        async for _ in answer.aiter_raw():
            pass


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `Retry-After` (RFC 9110, 10.2.3); a date is read against the server's own clock, if told."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    then = _http_date(value)
    if then is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
