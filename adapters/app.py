"""The one place where the parts are plugged together: settings and files in, a running sidecar out."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
import trio
from quart import Blueprint

from adapters.content import Messages
from adapters.destinations import build
from adapters.keys import Keys
from adapters.settings import Settings
from adapters.sources.http import http_source
from adapters.sources.intake import Intake
from adapters.sources.lists import lists_source
from adapters.sources.stream import stream_source
from adapters.sources.webhook import webhook_source
from adapters.store.memory import MemoryStore
from adapters.telemetry.metrics import Metrics
from adapters.web.admin import admin
from adapters.web.health import health
from adapters.web.server import GRACE, application, run_server
from engine.core.program import Program
from engine.language.compiler import compile_triggers
from engine.language.files import Loaded
from engine.runtime.clock import SteadyClock
from engine.runtime.ports import Destination
from engine.runtime.service import Service

DRAIN = 3.0
"""Seconds that messages on their way are given when the process ends."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Shop:
    """All that is read before the start, checked."""

    settings: Settings
    keys: Keys
    loaded: Loaded
    messages: Messages

    def program(self) -> Program:
        """The triggers, compiled."""
        return compile_triggers(
            self.loaded.triggers,
            self.loaded.segments,
            retention=self.settings.retention_ms,
            history_after=self.settings.history_after_ms,
            history_limit=self.settings.history_limit,
        )

    def lists(self) -> frozenset[str]:
        """The segments that are kept outside."""
        return frozenset(segment.name for segment in self.loaded.segments if segment.state is None)


async def sidecar(
    shop: Shop,
    listener: socket.socket,
    ending: Callable[[], Awaitable[None]],
    *,
    ended: Callable[[], object] = lambda: None,
    task_status: trio.TaskStatus[Service] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run until `ending` returns, then take nothing more, finish what has arrived, and give the outbox a moment.

    The server is left its moment too, but not waited for before the outbox: a client that never reads its answer keeps
    the server in a send that cannot be cancelled. `ended` is called when nothing is left to do but to take all apart.
    """
    async with AsyncExitStack() as stack:
        entries = shop.settings.destinations.items()
        opened = {name: await stack.enter_async_context(build(name, entry)) for name, entry in entries}
        metrics = Metrics()
        service = _service(shop, opened, metrics)
        app, served = application(_routes(shop, service, metrics)), trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(run_server, app, listener, ending, served)
            task_status.started(service)
            await ending()
            left = await service.drain(DRAIN)
            with trio.move_on_after(GRACE):
                await served.wait()
            _log.info("ended", unsent=left)
            ended()
            nursery.cancel_scope.cancel()


def _service(shop: Shop, destinations: Mapping[str, Destination], metrics: Metrics) -> Service:
    clock = SteadyClock()
    service = Service(
        shop.program(),
        store=MemoryStore(),
        destinations=destinations,
        renderer=shop.messages,
        clock=clock,
        telemetry=metrics,
    )
    metrics.watch(service.router.statistics, lambda: service.outbox.waiting, lambda: clock.suspicious)
    return service


def _routes(shop: Shop, service: Service, metrics: Metrics) -> list[Blueprint]:
    keys, intake = shop.keys, Intake(service.router, metrics)
    return [
        health(metrics, lambda: not service.router.closed),
        http_source(keys, intake),
        stream_source(keys, intake),
        webhook_source(keys, intake, shop.settings.webhooks),
        lists_source(keys, intake, shop.lists()),
        admin(keys, service),
    ]
