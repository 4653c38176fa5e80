"""What all ways out over HTTP share: one call, and what is known when it does not end well.

ConnectError, ConnectTimeout, PoolTimeout,
ProxyError                                         Unavailable for all alike: the request never left
UnsupportedProtocol, LocalProtocolError            Rejected: the request cannot be made
any other TransportError (WriteError, ReadError,
ReadTimeout, RemoteProtocolError ...), or no
answer in time                                     Unclear: it may have arrived
"""

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx
import msgspec
import trio

from engine.core.events import Millis
from engine.runtime.ports import Rejected, Unavailable, Unclear

_LONGEST_ANSWER = 1 << 20
"""Bytes of an answer that are read."""
_LONGEST_ASKED = 1 << 25
"""Bytes of an answer that was what the call was made for."""


class Answer(NamedTuple):
    """What a server answered; the body as far as it could be read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON; None where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def said(self) -> Mapping[str, Any]:
        """The JSON object that the body is; empty where it is none."""
        found = self.json
        return found if isinstance(found, dict) else {}

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus(200) <= self.status < HTTPStatus.MULTIPLE_CHOICES


@asynccontextmanager
async def open_client(
    seconds: float, headers: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["Caller"]:
    """Open a pool of connections of its own; `seconds` are for a whole call.

    A quarter of the time is for each stage before the request leaves, so that a server which cannot be reached shows as
    that, and not as a call of which nobody knows how it ended.
    """
    stages = httpx.Timeout(None, connect=seconds / 4, pool=seconds / 4)
    async with httpx.AsyncClient(
        headers={"Accept-Encoding": "identity", **headers}, timeout=stages, follow_redirects=False, transport=transport
    ) as client:
        yield Caller(client, seconds)


class Caller:
    """Makes calls."""

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def call(
        self, method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str], whole: bool = False
    ) -> Answer:
        """Make one call; `whole` where the body is what is asked for, and nothing is known without the end of it.

        Raises:
            Unavailable: the request never left.
            Rejected: it cannot be made.
            Unclear: nobody knows whether it arrived, or the whole of the answer did not.

        """
        found: Answer | None = None
        with trio.move_on_after(self._seconds) as waiting, failures():
            async with self._client.stream(method, url, content=content, headers=dict(headers)) as answer:
                if not whole:
                    waiting.deadline = math.inf
                body = await (_read_whole(answer) if whole else _read(answer))
                found = Answer(answer.status_code, answer.headers, body)
        if found is None:
            raise Unclear(f"no answer within {self._seconds:g} s")
        return found


def written(content: Any, message: str) -> bytes:
    """The JSON of what a message says.

    Raises:
        Rejected: it cannot be written as JSON.

    """
    try:
        return msgspec.json.encode(content)
    except (TypeError, ValueError) as error:
        raise Rejected(f"the data of {message} cannot be written as JSON: {error}") from None


def iso(at: Millis) -> str:
    """An instant as ISO 8601 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`."""
    moment = datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def failures() -> Iterator[None]:
    """Say for each failure of the transport whether the request left."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise Unavailable(f"cannot be reached: {type(error).__name__}", account=True) from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise Rejected(f"the request cannot be made: {error}") from error
    except httpx.TransportError as error:
        raise Unclear(f"the connection failed before the answer: {type(error).__name__}") from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `Retry-After` (RFC 9110, 10.2.3); a date is read against the server's own clock, if told."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    then = _http_date(value)
    if then is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())


async def _read(answer: httpx.Response) -> bytes:
    """Read the body, for what it tells and for the connection to be used again; the status counts if that fails."""
    body = b""
    with trio.move_on_after(1), suppress(httpx.TransportError):
        async for part in answer.aiter_raw():  # as it comes: it is asked for uncompressed
            body += part[: _LONGEST_ANSWER - len(body)]
    return body


async def _read_whole(answer: httpx.Response) -> bytes:
    """Read all of the body, which is Unclear where it does not come, or is too long."""
    body = b""
    async for part in answer.aiter_raw():
        body += part[: _LONGEST_ASKED - len(body)]
    if len(body) == _LONGEST_ASKED:
        raise Unclear(f"the answer is not shorter than {_LONGEST_ASKED:,} bytes")
    return body


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
