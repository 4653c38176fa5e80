"""Events over HTTP, in the Segment form: `POST /v1/track` and the like, and `/v1/batch`.

Segment's library for browsers says `/v1/t` for `/v1/track`, and so on; older ones `/v1/import` for `/v1/batch`, and
RudderStack's, when a page is left, `/beacon/v1/batch`. Whatever a request says that its body is, it is read as JSON:
those two libraries say `text/plain`, and RudderStack's for Node.js says that it is a form.

What a status tells the libraries: 200 forgets the events, 4xx drops them, 5xx and 429 send them again. So 200 comes
after the commit. A batch of which some events are bad gets 200 and a list of them (sending it again would not make them
better, and the rest is taken); a single bad event 400; a process that is starting, ending, overrun, or cannot write,
503 with `Retry-After`; a write key past its rate 429. A body past the limit gets 413 though the library will drop it,
for it would not get smaller either; the limit is more than any of the libraries sends, so that only something broken
meets it, and it is logged.
"""

from quart import Blueprint, Response, request

from adapters.sources.body import read_body
from adapters.sources.envelope import Batch, read_batch, write_key_in
from adapters.sources.intake import Intakes
from adapters.sources.segment import Kind, decode_calls
from adapters.sources.stamps import signalled
from adapters.web.access import write_key
from adapters.web.answers import answer, report
from adapters.web.door import Door
from adapters.web.origins import cross_origin
from adapters.write_keys import WriteKey

_KINDS: dict[str, Kind] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "alias": "alias",
    "group": "group",
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "a": "alias",
    "g": "group",
}
"""What the last part of a path says of the call."""


def http_source(door: Door, intakes: Intakes) -> Blueprint:
    """The routes."""
    routes = Blueprint("http", __name__)
    cross_origin(routes, door.keys)

    async def permitted() -> tuple[WriteKey, bytes]:
        """The body of a request that shows a write key, outside or inside of it."""
        body = await read_body()
        shown = write_key(request) or write_key_in(body)
        return door.admit(request, shown, {"server", "browser", "sandbox"}), body

    @routes.post(f"/v1/<any({', '.join(_KINDS)}):path>")
    async def take_one(path: str) -> Response:
        key, body = await permitted()
        intake = intakes.of(key)
        decoded = decode_calls([body], intake.received(), kind=_KINDS[path], check=intake.check)
        key.sent(decoded.calls)
        await intake.take(signalled(request, decoded.arrivals), "http", len(decoded.rejected))
        return answer(report(decoded.accepted, decoded.rejected), 400 if decoded.rejected else 200)

    @routes.post("/v1/b")
    @routes.post("/v1/batch")
    @routes.post("/v1/import")
    @routes.post("/beacon/v1/batch")
    async def take_batch() -> Response:
        key, body = await permitted()
        intake = intakes.of(key)
        batch: Batch = read_batch(body)
        decoded = decode_calls(batch.batch, intake.received(), batch=batch, check=intake.check)
        key.sent(decoded.calls)
        await intake.take(signalled(request, decoded.arrivals), "http", len(decoded.rejected))
        return answer(report(decoded.accepted, decoded.rejected))

    return routes
