"""The description, to import and to read: `GET /openapi.json` and `GET /docs`. Neither asks for a key."""

from quart import Blueprint, Response, request

from adapters.api.document import document
from adapters.api.page import page_of
from adapters.web.answers import answer

_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


def api_routes(public_url: str) -> Blueprint:
    """The routes; `public_url` is where the sidecar is reached, if that is not where a request was sent."""
    routes = Blueprint("api", __name__)

    def server() -> str:
        return (public_url or request.host_url).rstrip("/")

    @routes.get("/openapi.json")
    async def describe() -> Response:
        return answer(document(server()), 200, **{"Access-Control-Allow-Origin": "*"})

    @routes.get("/docs")
    async def show() -> Response:
        return Response(page_of(document(server())), 200, _SAFE, content_type="text/html; charset=utf-8")

    return routes
