"""Pages of other origins (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol): who may send, and read the answer.

Segment's library shows its key in the header `Authorization`, for which a browser asks beforehand, with a request that
bears no key. So that question is answered with yes for every origin that some browser key allows, and whether the very
key allows it is looked at when it is shown. Refusals may be read too: a library that cannot read a status takes it for
a failure of the network, and never reads `Retry-After`.
"""

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.answers import refusal

_HEADERS = "authorization, content-type, content-encoding, x-impel-key, x-retry-count, anonymousid, sentat"
"""Those of Segment's and RudderStack's libraries, and our own.

A page may send any other as well, if it asks for it: a library has more to say when it tries again (RudderStack's
`rsa-since-last-attempt`), and one refused header loses all that it tries again. None that is not known is looked at.
"""

_MAX_AGE = "7200"
"""Seconds for which a browser need not ask again, as many as Chromium takes."""


def cross_origin(routes: Blueprint, keys: Keys) -> None:
    """Let the pages of browser keys use these routes."""

    @routes.before_request
    async def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        origin = request.headers.get("Origin", "")
        if not keys.allows(origin):
            return refusal(403, f"no browser key allows pages of {origin!r}: name it in `origins` in the settings")
        asked = request.headers.get("Access-Control-Request-Headers")
        allowed = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": f"{_HEADERS}, {asked}" if asked else _HEADERS,
            "Access-Control-Max-Age": _MAX_AGE,
        }
        return Response(b"", 204, allowed)  # without a body of bytes, Quart asks asyncio for one

    @routes.after_request
    async def share(response: Response) -> Response:
        response.vary.update(("Origin", "Access-Control-Request-Headers"))
        origin = request.headers.get("Origin", "")
        if keys.allows(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response
