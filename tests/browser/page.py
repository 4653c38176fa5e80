"""A page of a shop, for a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HTML = b'<!doctype html><html lang="en"><title>Larch</title><h1>Wool socks</h1><script src="/shop.js"></script></html>'


class Page(ThreadingHTTPServer):
    """Serves one page, at every path but that of its `script`; `foreign` is another origin of the same page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = ""
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.foreign = f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        is_script = self.path == "/shop.js"
        content = self.server.script.encode() if is_script else _HTML
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def served() -> Iterator[Page]:
    """Serve one on a free port."""
    with Page() as page:
        thread = threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield page
        finally:
            page.shutdown()
            thread.join()
