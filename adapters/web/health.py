"""Whether the process lives, takes events, and how it fares."""

from quart import Blueprint, Response

from adapters.telemetry.metrics import Metrics
from adapters.web.answers import answer
from engine.runtime.service import Service


def health(metrics: Metrics, service: Service) -> Blueprint:
    """The routes `/healthz`, `/readyz` and `/metrics`, which ask for no key: they tell nothing about anyone."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    async def healthz() -> Response:
        return answer({"status": "ok"})

    @routes.get("/readyz")
    async def readyz() -> Response:
        if service.status == "ready":
            return answer({"status": "ready"})
        return answer({"status": service.status, "reason": service.reason}, 503)

    @routes.get("/metrics")
    async def page() -> Response:
        return Response(metrics.page(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
