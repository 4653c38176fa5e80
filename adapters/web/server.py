"""The HTTP server: all routes in one quart-trio application, served by hypercorn."""

import socket
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, cast

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent
from quart import Blueprint, Response, request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, RequestTimeout
from werkzeug.routing import WebsocketMismatch

from adapters.keys import WrongKey, WrongToken
from adapters.sources.body import BODY_LIMIT, BadEncoding, TooLarge
from adapters.sources.envelope import BadEnvelope
from adapters.sources.stream import FRAME_LIMIT
from adapters.web.access import BadQuery
from adapters.web.answers import refusal
from adapters.web.door import Barred, TooFast
from engine.runtime.router import Refused

GRACE = 1.0
"""Seconds that open connections are given when the server ends."""

BODY_TIME = 30
"""Seconds in which the body of a request must have come."""

IDLE_TIME = 30
"""Seconds from a connection's beginning, or from an answer on it, to the end of the next request's headers."""

_PATIENCE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000}
"""Seconds, a number, and milliseconds: how long a silent client is waited for. Connections inherit it."""

_log = structlog.get_logger()


class _Connection(TrioASGIHTTPConnection):
    """A request whose answer is finished, whatever comes.

    When the last of an answer is given away, hypercorn says that the client has gone, upon which quart-trio (0.12) ends
    the request: in the middle of what hypercorn (0.18) does after an answer, which is to close the connection, or to
    begin to count how long nothing comes.
    """

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Handle the request."""

        async def finish(message: ASGISendEvent) -> None:
            with trio.CancelScope(shield=True):  # so is hypercorn's own sending
                await send(message)

        await super().__call__(receive, finish)


def application(routes: Iterable[Blueprint]) -> QuartTrio:
    """The application, with an answer for whatever goes wrong."""
    app = QuartTrio("impel", static_folder=None)
    app.asgi_http_class = _Connection
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = BODY_LIMIT
    app.config["BODY_TIMEOUT"] = BODY_TIME
    for blueprint in routes:
        app.register_blueprint(blueprint)
    for kind, handler in _HANDLERS.items():
        app.register_error_handler(kind, handler)
    app.after_request(_closing)
    return app


async def run_server(
    app: QuartTrio,
    listener: socket.socket,
    ending: Callable[[], Awaitable[None]],
    served: trio.Event,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on a bound socket until `ending` returns, give open connections a moment to finish, and set `served`."""
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = GRACE
    config.keep_alive_timeout = IDLE_TIME
    config.keep_alive_max_requests = 1_000_000  # libraries keep one connection for as long as they live
    config.websocket_max_message_size = FRAME_LIMIT
    config.include_server_header = False
    await serve(cast("Any", app), config, shutdown_trigger=ending, task_status=task_status)
    served.set()


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        OSError: the port is taken, or the host is not one of this machine's.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "this cannot be a host's name") from error
    family, _, _, _, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _outlast_no_client(listener)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _outlast_no_client(listener: socket.socket) -> None:
    """Let the kernel end connections whose other side has vanished, or takes nothing of what it is sent."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PATIENCE.items():
        if option := getattr(socket, name, None):  # not every system has them all
            listener.setsockopt(socket.IPPROTO_TCP, option, value)


async def _closing(response: Response) -> Response:
    """End the connection after a refusal: it may precede the end of the body, which nobody reads any more."""
    if response.status_code >= HTTPStatus.BAD_REQUEST and request.http_version.startswith("1"):
        response.headers["Connection"] = "close"
    return response


def _bad_request(fault: Exception) -> Response:
    return refusal(400, f"the body cannot be read: {fault}")


def _bad_query(fault: Exception) -> Response:
    return refusal(400, str(fault))


def _too_large(_: Exception) -> Response:
    _log.warning("body too large", limit=BODY_LIMIT)
    return refusal(413, f"at most {BODY_LIMIT} bytes are taken at once")


def _too_slow(_: Exception) -> Response:
    return refusal(408, f"the body did not come within {BODY_TIME} s; send it again")


def _wrong_key(_: Exception) -> Response:
    return refusal(401, "this needs a write key, as the user name of Basic authentication")


def _wrong_token(wrong: Exception) -> Response:
    return refusal(401, str(wrong))


def _barred(barred: Exception) -> Response:
    return refusal(403, str(barred))


def _too_fast(fast: TooFast) -> Response:
    return refusal(429, str(fast), **{"Retry-After": str(fast.retry_after)})


def _unready(refused: Refused) -> Response:
    return refusal(503, refused.reason, **{"Retry-After": f"{refused.retry_after:.0f}"})


def _wrong_method(fault: MethodNotAllowed) -> Response:
    methods = ", ".join(sorted(fault.valid_methods or ()))
    return refusal(405, f"here goes {methods}", Allow=methods)


def _no_websocket(_: Exception) -> Response:
    return refusal(400, "this is a websocket: ask for `Upgrade: websocket`")


def _other(fault: HTTPException) -> Response:
    return refusal(fault.code or 500, fault.description or fault.name)


def _our_fault(fault: Exception) -> Response:
    _log.error("request failed", exc_info=fault)
    return refusal(500, "a fault of the server")


_HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    BadEnvelope: _bad_request,
    BadEncoding: _bad_request,
    BadQuery: _bad_query,
    TooLarge: _too_large,
    RequestEntityTooLarge: _too_large,
    RequestTimeout: _too_slow,
    MethodNotAllowed: _wrong_method,
    WebsocketMismatch: _no_websocket,
    WrongKey: _wrong_key,
    WrongToken: _wrong_token,
    Barred: _barred,
    TooFast: _too_fast,
    Refused: _unready,
    HTTPException: _other,
    Exception: _our_fault,
}
