"""What Segment's library for browsers asks for before it sends: `GET /v1/projects/KEY/settings`.

The library obeys the answer, so that its page names nothing but the key and where to ask:
`AnalyticsBrowser.load({writeKey: KEY, cdnURL: "https://shop.example/impel"})`. No destinations are named, so it
fetches no code; and it is asked not to report its own figures (`sampleRate`), which would go to Segment.
"""

from urllib.parse import urlsplit

from quart import Blueprint, Response, request

from adapters.web.answers import answer, refusal
from adapters.web.door import Door
from adapters.web.origins import cross_origin

_FRESH = "max-age=60"
"""Browsers ask again after a minute: a page that is opened often costs little, and changes arrive."""


def analytics_js_source(door: Door, public_url: str) -> Blueprint:
    """The route; `public_url` is where browsers reach us, if that is not where this request was sent."""
    routes = Blueprint("analytics_js", __name__)
    cross_origin(routes, door.keys)

    @routes.get("/v1/projects/<shown>/settings")
    async def tell(shown: str) -> Response:
        key = door.keys.writer(shown)
        if key is None or key.kind != "browser":
            return refusal(404, "no such browser key: name it under `write_keys` in the settings, with `kind: browser`")
        reached = urlsplit(public_url or request.host_url)
        segment = {
            "apiKey": shown,
            "apiHost": f"{reached.netloc}{reached.path.rstrip('/')}/v1",
            "protocol": reached.scheme,
        }
        said = {"integrations": {"Segment.io": segment}, "metrics": {"sampleRate": 0}}
        return answer(said, 200, **{"Cache-Control": _FRESH})

    return routes
