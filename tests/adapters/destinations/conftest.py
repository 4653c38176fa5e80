"""Every destination, with a way to make the world behind it answer in each of the ways that the port knows."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from io import StringIO

import pytest
from rich.console import Console as Terminal

from adapters.destinations import build
from adapters.destinations.console import Console
from adapters.destinations.memory import Memory
from adapters.destinations.smtp import SmtpSettings
from adapters.destinations.webhook import WebhookSettings
from engine.runtime.ports import Delivery, Destination, Rejected, Unavailable, Unclear
from tests.adapters.destinations.servers import mail_server, web_server

DELIVERY = Delivery(
    id="k1",
    trigger="cart",
    user="u1",
    at=1_767_323_045_678,
    message="reminder",
    data={"to": "ann@shop.example", "subject": "Your cart", "text": "Hello Ann", "html": "<p>Hello Ann</p>"},
)


@dataclass
class World:
    """A destination, and what is behind it: `behave(outcome)` takes ok, rejected, unavailable and unclear."""

    destination: Destination
    behave: Callable[[str], None]
    sent: Callable[[], int]


def _cannot_fail(outcome: str) -> None:
    assert outcome == "ok"


@asynccontextmanager
async def console_world() -> AsyncIterator[World]:
    out = StringIO()
    shown = Console("screen", Terminal(file=out))
    yield World(shown, _cannot_fail, lambda: out.getvalue().count("u1"))


@asynccontextmanager
async def memory_world() -> AsyncIterator[World]:
    memory = Memory()
    errors = {"ok": None, "rejected": Rejected("no"), "unavailable": Unavailable("later", 7), "unclear": Unclear("?")}
    yield World(memory, lambda outcome: memory.script(errors[outcome]), lambda: len(memory.accepted))


@asynccontextmanager
async def webhook_world() -> AsyncIterator[World]:
    answers = {
        "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "rejected": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "unavailable": b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
        "unclear": b"",
    }
    async with web_server() as server, build("hook", WebhookSettings(url=server.url)) as webhook:

        def behave(outcome: str) -> None:
            server.answer = answers[outcome]

        yield World(webhook, behave, lambda: len(server.requests))


@asynccontextmanager
async def smtp_world() -> AsyncIterator[World]:
    with mail_server() as server:
        settings = SmtpSettings(host="127.0.0.1", port=server.port, security="none", sender="Shop <hello@shop.example>")

        def behave(outcome: str) -> None:
            server.hang_up = "DATA" if outcome == "unclear" else ""
            server.data = {"rejected": "554 no", "unavailable": "451 later"}.get(outcome, "250 OK")

        async with build("mail", settings) as smtp:
            yield World(smtp, behave, lambda: len(server.mails))


WORLDS: dict[str, Callable[[], AbstractAsyncContextManager[World]]] = {
    "console": console_world,
    "memory": memory_world,
    "webhook": webhook_world,
    "smtp": smtp_world,
}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with WORLDS[request.param]() as opened:
        yield opened


@pytest.fixture(params=sorted(WORLDS.keys() - {"console"}))
async def fallible(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A destination that can fail."""
    async with WORLDS[request.param]() as opened:
        yield opened


@pytest.fixture
def delivery() -> Delivery:
    return DELIVERY
