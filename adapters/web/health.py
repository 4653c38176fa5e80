"""Whether the process lives, takes events, and how it fares."""

from collections.abc import Callable

from quart import Blueprint, Response

from adapters.telemetry.metrics import Metrics
from adapters.web.answers import answer


def health(metrics: Metrics, ready: Callable[[], bool]) -> Blueprint:
    """The routes `/healthz`, `/readyz` and `/metrics`, which ask for no key: they tell nothing about anyone."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    async def healthz() -> Response:
        return answer({"status": "ok"})

    @routes.get("/readyz")
    async def readyz() -> Response:
        return answer({"status": "ready"}) if ready() else answer({"status": "ending"}, 503)

    @routes.get("/metrics")
    async def page() -> Response:
        return Response(metrics.page(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
