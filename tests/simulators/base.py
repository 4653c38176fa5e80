"""Simulators of services: strict about what they document, with state, rate limits and faults that can be ordered.

A simulator is told a request and gives an answer; it is served over real sockets by hypercorn (`served`), or asked
directly under a virtual clock (`Direct`). Each rule it enforces names the document behind it.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import Response, request
from quart_trio import QuartTrio

Fault = Literal["none", "429", "429 in 7 s", "500", "502", "503", "401", "400", "silence before", "silence after"]
"""What happens to the next request in place of an answer: `silence after` takes it, and answers nothing; `none` lets it
pass."""


@dataclass(frozen=True)
class Asked:
    """A request; header names are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Told(NamedTuple):
    """An answer."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}

    @property
    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()


class Broken(Exception):
    """A request breaks a rule; `source` names the document that has it."""

    def __init__(self, told: Told, rule: str, source: str) -> None:
        super().__init__(f"{rule} ({source})")
        self.told = told


class Simulator:
    """One service. `effects` holds what came of requests in the service, by the key under which it deduplicates."""

    name = ""
    wanted_content_type = "application/json"

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.broken: list[Broken] = []
        """The rules that were broken so far."""
        self.effects: list[Any] = []
        """What had an effect, in order: a repetition that the service recognises has none."""
        self.faults: deque[Fault] = deque()
        self.now = trio.current_time
        """Seconds; for limits and for how long keys are kept."""

    async def answer(self, asked: Asked) -> Told:
        """Answer a request, or never."""
        self.asked.append(asked)
        fault = self.faults.popleft() if self.faults else "none"
        if fault == "silence before":
            await trio.sleep_forever()
        if fault not in {"none", "silence after"}:
            return self.fail(fault)
        try:
            told = self.handle(asked)
        except Broken as broken:
            self.broken.append(broken)
            told = broken.told
        if fault == "silence after":
            await trio.sleep_forever()
        return told

    def handle(self, asked: Asked) -> Told:
        """What the service does with a request.

        Raises:
            Broken: it breaks a rule.

        """
        raise NotImplementedError

    def fail(self, fault: Fault) -> Told:
        """The service's own form of a fault."""
        status = int(fault[:3])
        return Told(status, self.error(status), {"Retry-After": "7"} if fault == "429 in 7 s" else {})

    def error(self, status: int) -> Any:
        """The body of an error."""
        return {"status": status}


class Windows:
    """At most so many requests in each of some spans, in seconds, as services count: by the last span, rolling."""

    def __init__(self, *limits: tuple[int, float]) -> None:
        self._limits = limits
        self._taken: deque[float] = deque()

    def takes(self, now: float) -> bool:
        """Whether there is room for one more, which is counted then."""
        while self._taken and self._taken[0] <= now - max(span for _, span in self._limits):
            self._taken.popleft()
        for limit, span in self._limits:
            if sum(each > now - span for each in self._taken) >= limit:
                return False
        self._taken.append(now)
        return True


class Direct(httpx.AsyncBaseTransport):
    """A transport that asks a simulator without sockets, so that time may be virtual; `latency` is in seconds."""

    def __init__(self, simulator: Simulator, latency: float = 0.02) -> None:
        self._simulator = simulator
        self._latency = latency

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(self._latency)
        told = await self._simulator.answer(asked_of(request))
        stream = httpx.ByteStream(told.content)
        return httpx.Response(told.status, headers=dict(told.headers), stream=stream, request=request)


def asked_of(request: httpx.Request) -> Asked:
    """A request as the other side sees it."""
    url = urlsplit(str(request.url))
    return Asked(request.method, url.path, dict(request.headers.items()), request.content, dict(parse_qsl(url.query)))


@asynccontextmanager
async def served(simulator: Simulator) -> AsyncIterator[str]:
    """Serve a simulator on a free port of this machine; gives its address."""
    app = QuartTrio(simulator.name)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def take(path: str) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.body
        asked = Asked(request.method, f"/{path}", headers, body, dict(request.args))
        told = await simulator.answer(asked)
        return Response(told.content, told.status, dict(told.headers), content_type="application/json")

    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = config.accesslog = None
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(serve, app, config)
        yield address
        nursery.cancel_scope.cancel()


@dataclass
class Parts:
    """A request that may be changed."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes

    def edit(self, change: Callable[[Any], object]) -> None:
        """Change the JSON of the body."""
        body = json.loads(self.content)
        change(body)
        self.content = json.dumps(body).encode()


class Mutating(httpx.AsyncBaseTransport):
    """A transport that changes each request before it leaves: what a faulty adapter would have sent."""

    def __init__(self, inner: httpx.AsyncBaseTransport, change: Callable[[Parts], None]) -> None:
        self._inner = inner
        self._change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        parts = Parts(request.method, str(request.url), dict(request.headers.items()), request.content)
        self._change(parts)
        parts.headers.pop("content-length", None)
        changed = httpx.Request(parts.method, parts.url, headers=parts.headers, content=parts.content)
        return await self._inner.handle_async_request(changed)

    async def aclose(self) -> None:
        await self._inner.aclose()
