"""What all email service providers share: how a message is checked, called for, and judged by what was answered.

2xx                      sent, unless the service says otherwise inside it
401, 403                 Unavailable for all alike: the credentials, or what they may do
408, 425                 Unavailable
429, 503                 Unavailable for all alike, with Retry-After where given
other 4xx, 3xx           Rejected
other 5xx                Unclear: it may have been taken; tried again only where the service recognises its key
no answer                as `http` tells
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urlencode

import msgspec

from adapters.destinations.http import Answer, Caller, retry_after
from adapters.destinations.shape import Fields, Ways, faults, lacking
from adapters.secrets import Secret
from engine.core.events import Millis
from engine.language.durations import parse_duration
from engine.runtime.ports import Delivery, Pace, Rejected, Retries, Unavailable, Unclear

_CREDENTIALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_SLOWER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class ServiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be set of any service."""

    fields: ClassVar[Fields] = {}
    """What a message to it may say."""
    ways: ClassVar[Ways] = ()
    """What it must say."""

    url: str = ""
    """Where its interface is, if not where it usually is."""
    timeout: float = 10
    """Seconds, for a whole attempt."""
    concurrency: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Requests at a time; 0: as the service allows."""
    rate: Annotated[float, msgspec.Meta(ge=0)] = 0
    """Requests a second; 0: as the service allows."""
    attempts: Annotated[int, msgspec.Meta(ge=1)] = 8
    feedback: Secret | None = None
    """With what it signs what it reports to `/feedback/NAME`."""
    feedback_url: str = ""
    """The address that it was given for that, as it is seen from outside; services sign it, too."""
    poll: str = "5m"
    """How often it is asked for what it does not report by itself, where it can be; `off`: never."""

    @property
    def kind(self) -> str:
        """What stands as `kind` in the settings."""
        return str(self.__struct_config__.tag)

    @property
    def poll_seconds(self) -> float | None:
        """`poll` in seconds; None: never."""
        return None if self.poll == "off" else parse_duration(self.poll) / 1_000

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"url: {self.url!r} is not an http or https address")
        if self.timeout <= 0:
            raise ValueError("timeout: it must be more than 0 seconds")
        try:
            seconds = self.poll_seconds
        except ValueError as error:
            raise ValueError(f"poll: {error}; write one such as `5m`, or `off` for never") from error
        if seconds == 0:
            raise ValueError("poll: it must be more than 0 seconds; write `off` for never")

    def faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """All that is wrong with a message's data, by field; what a template will fill in is `...`."""
        yield from faults(data, self.fields)
        if lack := lacking(data, self.ways):
            yield "", lack

    def pace(self, published: Pace) -> Pace:
        """What the account allows: as published, but for what is set; accounts are told apart by their secrets."""
        rate, concurrency = self.rate or published.rate, self.concurrency or published.concurrency
        burst = published.burst if not self.rate else max(1, round(self.rate))
        shown = [getattr(self, name) for name in self.__struct_fields__ if name != "feedback"]
        whose = ":".join(f"{each.env}{each.file}" for each in shown if isinstance(each, Secret))
        return Pace(concurrency, rate, burst, account=f"{self.kind.partition('_')[0]}:{whose}")


class Request(NamedTuple):
    """A request to be made."""

    url: str
    content: bytes
    headers: Mapping[str, str]
    method: str = "POST"


class Service:
    """A way out through a service; each says of itself how a message becomes a request."""

    def __init__(self, caller: Caller, settings: ServiceSettings, *, published: Pace, remembers: Millis = 0) -> None:
        self.caller = caller
        self.pace = settings.pace(published)
        self._settings = settings
        self._retries = Retries(settings.attempts, remembers=remembers)
        self.turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """A question's turn of the account; set by whoever knows of the others that use it."""

    def retries(self, _: str) -> Retries:
        """All calls are alike."""
        return self._retries

    async def send(self, delivery: Delivery) -> None:
        """Make the call for one message; how it may end is told in this module's docstring."""
        await self.make(self.checked(delivery))

    def checked(self, delivery: Delivery) -> Request:
        """What is asked of the service for a message whose data may say anything.

        Raises:
            Rejected: the data is wrong, or it cannot be asked for.

        """
        for _, fault in self._settings.faults(delivery.data):
            raise Rejected(fault)
        return self.request(delivery)

    async def make(self, request: Request) -> None:
        """Make the call by which a message goes; raises as `judge`, `accept` and `Caller.call` do."""
        call = self.caller.call(request.method, request.url, content=request.content, headers=request.headers)
        answer = await call
        self.judge(answer)
        self.accept(answer)

    async def prepare(self, request: Request) -> Answer:
        """Make a call that sends nothing, and does no harm if it is made twice; the answer is one of success.

        Raises:
            Rejected: the service refused it for good.
            Unavailable: it is not known to have succeeded; ask again.

        """
        try:
            answer = await self.caller.call(
                request.method, request.url, content=request.content, headers=request.headers, whole=True
            )
            self.judge(answer)
        except Unclear as error:
            raise Unavailable(str(error)) from error
        return answer

    async def ask(self, request: Request) -> Answer:
        """Likewise for a call that belongs to no message: in its turn, as the account allows it."""
        async with self.turn():
            return await self.prepare(request)

    async def look_up(self, url: str, query: Mapping[str, str | int]) -> Mapping[str, Any]:
        """What the service answers to a question, a JSON object; raises as `ask` does."""
        answer = await self.ask(Request(f"{url}?{urlencode(query)}", b"", {}, "GET"))
        if not isinstance(answer.json, dict):
            raise Unavailable("answered what cannot be read")
        return answer.said

    def request(self, delivery: Delivery) -> Request:
        """What is asked of the service for a message; its data has been checked.

        Raises:
            Rejected: it cannot be asked for.

        """
        raise NotImplementedError

    def judge(self, answer: Answer) -> None:
        """Tell how a call ended, by its status.

        Raises:
            Rejected: the service refused it for good.
            Unavailable: nothing was sent; try again.
            Unclear: it may have been sent.

        """
        status = answer.status
        if answer.is_success:
            return
        said = f"answered {status}" + (f": {reason}" if (reason := self.reason(answer)) else "")
        if status in _SLOWER:
            raise Unavailable(said, self.pause(answer), account=True)
        if status in _CREDENTIALS:
            raise Unavailable(said, account=True)
        if status in _LATER:
            raise Unavailable(said)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unclear(said)
        raise Rejected(said)

    def accept(self, answer: Answer) -> None:
        """Look whether an answer of success is one for the message; raises as `judge` does if not."""

    def reason(self, answer: Answer) -> str:  # noqa: ARG002 - services that tell say how
        """What the service calls the fault: a code, never a text, which may hold what was sent."""
        return ""

    def pause(self, answer: Answer) -> float | None:
        """Seconds after which to come back, where the service says so."""
        return retry_after(answer.headers)


def entries(found: Any) -> list[Mapping[str, Any]]:
    """The objects of the list that an answer holds; what in it is none is an empty one.

    Raises:
        Unavailable: it is no list.

    """
    if not isinstance(found, list):
        raise Unavailable("answered without the list that was asked for")
    return [each if isinstance(each, dict) else {} for each in found]


def first_error(answer: Answer) -> Mapping[str, Any]:
    """The first of the `errors` that an answer lists; empty where it lists none."""
    errors = answer.said.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}
