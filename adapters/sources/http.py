"""Events over HTTP, in the Segment form: `POST /v1/track` and the like, and `/v1/batch`.

What a status tells the libraries: 200 forgets the events, 4xx drops them, 5xx and 429 send them again. So 200 comes
after the commit. A batch of which some events are bad gets 200 and a list of them (sending it again would not make them
better, and the rest is taken); a single bad event 400; a process that is starting, ending, overrun, or cannot write,
503 with `Retry-After`. A body past the limit gets 413 though the library will drop it, for it would not get smaller
either; the limit is several times what Segment's libraries send, so that only something broken meets it, and it is
logged.
"""

from quart import Blueprint, Response, request

from adapters.keys import Keys, WrongKey
from adapters.sources.body import read_body
from adapters.sources.envelope import Batch, read_batch, write_key_in
from adapters.sources.intake import Intake
from adapters.sources.segment import Kind, decode_calls
from adapters.sources.stamps import signalled
from adapters.web.access import basic_user
from adapters.web.answers import answer, report


def http_source(keys: Keys, intake: Intake) -> Blueprint:
    """The routes."""
    routes = Blueprint("http", __name__)

    async def permitted() -> bytes:
        """The body of a request that shows the write key, in its header or inside."""
        body = await read_body()
        shown = basic_user(request)
        if not keys.writes(shown if shown is not None else write_key_in(body)):
            raise WrongKey
        return body

    @routes.post("/v1/<any(track, identify, page, screen, alias, group):kind>")
    async def take_one(kind: Kind) -> Response:
        decoded = decode_calls([await permitted()], intake.received(), kind=kind, check=intake.check)
        await intake.take(signalled(request, decoded.arrivals), "http", len(decoded.rejected))
        return answer(report(decoded.accepted, decoded.rejected), 400 if decoded.rejected else 200)

    @routes.post("/v1/batch")
    async def take_batch() -> Response:
        batch: Batch = read_batch(await permitted())
        decoded = decode_calls(batch.batch, intake.received(), batch=batch, check=intake.check)
        await intake.take(signalled(request, decoded.arrivals), "http", len(decoded.rejected))
        return answer(report(decoded.accepted, decoded.rejected))

    return routes
