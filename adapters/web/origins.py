"""Pages of other origins (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol): who may send, and read the answer.

Segment's library shows its key in the header `Authorization`, for which a browser asks beforehand, with a request that
bears no key. So that question is answered with yes for every origin that some browser key allows, and whether the very
key allows it is looked at when it is shown. Refusals may be read too: a library that cannot read a status takes it for
a failure of the network, and never reads `Retry-After`.
"""

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.answers import refusal

_ASKED = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-impel-key, x-retry-count, "
    "anonymousid, sentat",
    "Access-Control-Max-Age": "7200",
}
"""The headers are those of Segment's and RudderStack's libraries and our own; seconds, as many as Chromium takes."""


def cross_origin(routes: Blueprint, keys: Keys) -> None:
    """Let the pages of browser keys use these routes."""

    @routes.before_request
    async def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        origin = request.headers.get("Origin", "")
        if not keys.allows(origin):
            return refusal(403, f"no browser key allows pages of {origin!r}: name it in `origins` in the settings")
        return Response(status=204, headers=_ASKED)

    @routes.after_request
    async def share(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if keys.allows(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response
