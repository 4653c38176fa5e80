"""A server in front of a sidecar that fails first, as servers do."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx

_OF_THE_CONNECTION = {"connection", "content-length", "date", "transfer-encoding"}


class Exchange(NamedTuple):
    """One request, with its body unpacked, and the status with which it was answered."""

    method: str
    path: str
    body: str
    status: int


class Flaky(ThreadingHTTPServer):
    """Passes everything on. Of what says `about`, the first is taken and answered 500, the second refused with 429."""

    daemon_threads = True

    def __init__(self, sidecar: httpx.Client, about: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sidecar = sidecar
        self.about = about
        self.faults = iter((500, 429))
        self.exchanges: list[Exchange] = []
        self.one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def told(self) -> list[Exchange]:
        """The requests that said what it is about."""
        return [each for each in self.exchanges if each.method == "POST" and self.about in each.body]


class _Handler(BaseHTTPRequestHandler):
    server: Flaky
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        packed = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = (gzip.decompress(packed) if self.headers.get("Content-Encoding") == "gzip" else packed).decode()
        with self.server.one_at_a_time:
            fault = next(self.server.faults, 0) if self.command == "POST" and self.server.about in body else 0
            answer = self._too_much() if fault == 429 else self._passed_on(packed)
            status = fault or answer.status_code
            self._reply(status, answer)
            self.server.exchanges.append(Exchange(self.command, self.path, body, status))

    do_GET = do_POST = do_OPTIONS = handle_any  # noqa: N815 - the names are the standard library's

    def _passed_on(self, packed: bytes) -> httpx.Response:
        headers = [each for each in self.headers.items() if each[0].lower() not in _OF_THE_CONNECTION]
        return self.server.sidecar.request(self.command, self.path, content=packed, headers=headers)

    def _too_much(self) -> httpx.Response:
        headers = {"Retry-After": "1", "Access-Control-Expose-Headers": "Retry-After"}
        if "Origin" in self.headers:
            headers["Access-Control-Allow-Origin"] = self.headers["Origin"]
        return httpx.Response(429, headers=headers)

    def _reply(self, status: int, answer: httpx.Response) -> None:
        self.send_response(status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Write nothing: what was asked is in `exchanges`."""


@contextmanager
def flaky(sidecar: str, about: str) -> Iterator[Flaky]:
    """Put one in front of the sidecar at that address."""
    with httpx.Client(base_url=sidecar, timeout=30) as client, Flaky(client, about) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
