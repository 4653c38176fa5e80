"""Real servers on free ports, for destinations to talk to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import h11
import trio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class WebServer:
    """Answers each request with `answer`, raw bytes; with none it hangs up, and with None it stays silent."""

    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def talk(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        peer = h11.Connection(h11.SERVER)
        while (request := await _request(peer, stream)) is not None:
            self.requests.append(request)
            if self.answer is None:
                await trio.sleep_forever()
            elif not self.answer:
                return
            else:
                await stream.send_all(self.answer)
            peer = h11.Connection(h11.SERVER)


async def _request(peer: h11.Connection, stream: trio.SocketStream) -> tuple[dict[str, str], bytes] | None:
    headers: dict[str, str] = {}
    body = b""
    while True:
        match peer.next_event():
            case h11.Request() as request:
                headers = {name.decode(): value.decode() for name, value in request.headers}
            case h11.Data() as data:
                body += bytes(data.data)
            case h11.EndOfMessage():
                return headers, body
            case h11.ConnectionClosed():
                return None
            case _:
                peer.receive_data(await stream.receive_some())


@asynccontextmanager
async def web_server() -> AsyncIterator[WebServer]:
    server = WebServer()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/hook"
        nursery.start_soon(trio.serve_listeners, server.talk, listeners)
        yield server
        nursery.cancel_scope.cancel()


@dataclass
class MailServer:
    """What aiosmtpd calls; each answer can be set, and `hang_up` names the command at which it hangs up."""

    rcpt: str = "250 OK"
    data: str = "250 OK"
    hang_up: str = ""
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.hang_up == "RCPT":
            _abort(server)
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        if self.hang_up == "DATA":
            _abort(server)
        elif self.data.startswith("250"):
            self.mails.append(bytes(envelope.original_content or b""))
            self.recipients += envelope.rcpt_tos
            self.senders.append(str(envelope.mail_from))
            self.encrypted.append(session.ssl is not None)
        return self.data


def _abort(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


class _Controller(Controller):
    """Listens on a socket that is bound already, so that its port is free for certain."""

    def __init__(self, handler: MailServer, sock: socket.socket, **settings: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=sock.getsockname()[1], **settings)
        self._sock = sock

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._sock, ssl=self.ssl_context)


@contextmanager
def mail_server(**settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        controller = _Controller(server, sock, loop=_quiet_loop(), **settings)
        server.port = sock.getsockname()[1]
        controller.start()
        try:
            yield server
        finally:
            controller.stop()


def _quiet_loop() -> asyncio.AbstractEventLoop:
    """A loop that does not report the connections which a test breaks on purpose."""
    loop = asyncio.new_event_loop()
    quiet: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None] = lambda _loop, _context: None  # noqa: E731
    loop.set_exception_handler(quiet)
    return loop
