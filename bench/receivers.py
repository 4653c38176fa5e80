"""Two webhooks that say yes to everything, now and then late, and note what arrived."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TIMEOUT = 1.0
"""Seconds that the sidecar is to wait for an answer."""

_LATE, _NEVER = 0.2, 0.01
"""How many of the requests are answered after a moment, and after the sidecar has given up."""


class Arrived:
    """What arrived, by receiver, each request by its key; the one named `keyed` does nothing for a key it has seen."""

    def __init__(self) -> None:
        self.requests: dict[str, list[str]] = {"keyed": [], "plain": []}
        self.urls: dict[str, str] = {}


@contextmanager
def receivers(draw: random.Random) -> Iterator[Arrived]:
    """Serve both."""
    arrived = Arrived()
    servers = []
    for name in arrived.requests:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _receiver(arrived.requests[name], draw))
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the sidecar is killed in mid-request
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        arrived.urls[name] = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield arrived
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _receiver(keys: list[str], draw: random.Random) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            time.sleep(_delay(draw))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Receiver


def _delay(draw: random.Random) -> float:
    """Seconds between what a request brings about and its answer."""
    chance = draw.random()
    if chance < _NEVER:
        return TIMEOUT * 1.5
    return draw.uniform(0.02, TIMEOUT / 2) if chance < _LATE else 0.0
