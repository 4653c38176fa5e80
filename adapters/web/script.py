"""The script for the shop's pages: `GET /impel.js`.

Its source is in `page/`: four parts that share one scope, put together and stripped of comments and indentation when
the sidecar starts. Nothing is generated beforehand, so that what is served is what can be read
(docs/decisions/page-script.md).
"""

import gzip
from hashlib import sha256
from pathlib import Path

import rjsmin
from quart import Blueprint, Response, request

PARTS = ("store", "queue", "view", "impel")
"""In the order in which they begin to work."""

_SOURCE = Path(__file__).parent / "page"
_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Vary": "Accept-Encoding",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""It is public, for pages of any origin, those that isolate themselves included."""


def page_script() -> bytes:
    """The script as pages load it.

    Raises:
        OSError: the source cannot be read.

    """
    source = "".join((_SOURCE / f"{part}.js").read_text("utf-8") for part in PARTS)
    return str(rjsmin.jsmin(f'(() => {{ "use strict";\n{source}}})();\n')).encode()


def script_route() -> Blueprint:
    """The route, which asks for no key: what it gives is the same for everybody."""
    routes, plain = Blueprint("script", __name__), page_script()
    packed, tag = gzip.compress(plain, mtime=0), sha256(plain).hexdigest()[:16]

    @routes.get("/impel.js")
    async def script() -> Response:
        takes_gzip = request.accept_encodings["gzip"] > 0
        encoding = {"Content-Encoding": "gzip"} if takes_gzip else {}
        content = packed if takes_gzip else plain
        response = Response(content, 200, _HEADERS | encoding, content_type="text/javascript; charset=utf-8")
        response.set_etag(tag, weak=True)  # of either form
        await response.make_conditional(request)
        return response

    return routes
