"""The one place where the parts are plugged together: settings and files in, a running sidecar out."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import trio
from quart import Blueprint

from adapters.api.routes import api_routes
from adapters.configuration import Files
from adapters.destinations import build
from adapters.destinations.smtp import SmtpSettings
from adapters.feedback.asking import askers
from adapters.feedback.desk import Desk
from adapters.feedback.mailbox import Mailbox
from adapters.feedback.returns import Returns
from adapters.keys import Keys
from adapters.plan.schemas import Plan
from adapters.reloading import Reloader
from adapters.settings import Settings
from adapters.sources.analytics_js import analytics_js_source
from adapters.sources.http import http_source
from adapters.sources.intake import Intakes
from adapters.sources.stream import stream_source
from adapters.sources.webhook import webhook_source
from adapters.spaces import Sandbox, Space, asked, open_sandbox, open_space
from adapters.store.memory import MemoryStore
from adapters.store.sqlite import FILE, SqliteStore, open_file
from adapters.trail import Trail
from adapters.web.access import HERE
from adapters.web.bounces import bounces_route
from adapters.web.database import database
from adapters.web.door import Door
from adapters.web.feedback import feedback_routes
from adapters.web.health import health
from adapters.web.inbox import inbox_routes
from adapters.web.reload import reload_route
from adapters.web.sandbox import sandbox_routes
from adapters.web.script import script_route
from adapters.web.server import GRACE, application, run_server
from adapters.web.shop import SHOP, shop_routes
from adapters.web.tracking import Sightings, tracking_routes
from adapters.web.unsubscribing import Links
from engine.runtime.clock import SteadyClock
from engine.runtime.ports import Destination, StoreError
from engine.runtime.service import Service

DRAIN = 2.0
"""Seconds that messages on their way are given when the process ends, and half as many to save everybody."""

_log = structlog.get_logger()

ShopStore = MemoryStore | SqliteStore
WhenReady = Callable[[trio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Shop:
    """All that is read before the start, checked."""

    folder: Path
    settings: Settings
    keys: Keys
    files: Files
    is_demo: bool = False
    """Whether the demo shop's pages are served too, and the inbox opens without a token on this machine."""


@dataclass(frozen=True)
class Sidecar:
    """One that runs; `ready` is set when it takes events."""

    space: Space
    sandbox: Sandbox
    reloader: Reloader
    ready: trio.Event

    @property
    def service(self) -> Service:
        """The shop's own engine."""
        return self.space.service


def open_shop_store(settings: Settings) -> ShopStore:
    """The store that the settings ask for.

    Raises:
        StoreError: it cannot be opened, is in use, or lacks what was acknowledged.

    """
    return MemoryStore() if settings.store == "memory" else open_file(Path(settings.data) / FILE)


async def sidecar(
    shop: Shop,
    store: ShopStore,
    listener: socket.socket,
    ending: Callable[[], Awaitable[None]],
    *,
    ended: Callable[[], object] = lambda: None,
    failed: Callable[[], object] = lambda: None,
    task_status: trio.TaskStatus[Sidecar] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run until `ending` returns, then take nothing more, finish what has arrived, and give the outbox a moment.

    It listens, and says that it is not ready, while it recovers. The server is left its moment at the end too, but not
    waited for before the outbox: a client that never reads its answer keeps the server in a send that cannot be
    cancelled. `ended`, or, after a failure, `failed` is called when nothing is left to do but to take all apart.

    Raises:
        StoreError: the store can be read or written no more; what was acknowledged is in it.

    """
    async with AsyncExitStack() as stack:
        entries = shop.settings.destinations.items()
        trail = Trail(shop.keys.links_key, shop.settings.public_url)
        opened = {name: await stack.enter_async_context(build(name, entry, trail=trail)) for name, entry in entries}
        clock = SteadyClock(since=(await store.mark()).now)
        running = _plugged(shop, store, opened, clock)
        desk = Desk(running.space.intake, running.service)
        routes, tasks = _hearing(shop, trail, running.service, desk)
        asking = askers(shop.settings.destinations, opened, desk, running.service, running.space.metrics)
        tasks += [asker.run for asker in asking]
        app, served = application([*_routes(shop, store, running, desk), *routes]), trio.Event()
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task, running.ready)
            nursery.start_soon(_serve, running, failed)
            await nursery.start(run_server, app, listener, ending, served)
            task_status.started(running)
            await ending()
            await _finish(running, served)
            ended()
            nursery.cancel_scope.cancel()


def _hearing(shop: Shop, trail: Trail, service: Service, desk: Desk) -> tuple[list[Blueprint], list[WhenReady]]:
    """How it is heard what becomes of mails that are sent from here: routes, and tasks that begin when it is ready."""
    sightings, entries = Sightings(service, desk), shop.settings.destinations.items()
    bounces = {name: each.bounces for name, each in entries if isinstance(each, SmtpSettings) and each.bounces}
    returns = {name: Returns(name, trail, service, desk) for name in bounces}
    mailboxes = [
        partial(Mailbox(each.imap).run, returns[name].take) for name, each in bounces.items() if each.imap is not None
    ]
    return [tracking_routes(trail, sightings), bounces_route(shop.keys, returns)], [sightings.run, *mailboxes]


async def _serve(running: Sidecar, failed: Callable[[], object]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(running.sandbox.space.service.run)
            await nursery.start(running.service.run)
            running.ready.set()
    except* StoreError:
        failed()
        raise


async def _finish(running: Sidecar, served: trio.Event) -> None:
    service = running.service
    if running.ready.is_set():  # before that, nothing has come in
        await service.drain(DRAIN)
    await running.sandbox.space.service.drain(0)  # nothing of it is kept
    with trio.move_on_after(GRACE):
        await served.wait()
    if service.journal.failed is not None:
        await trio.sleep_forever()  # until the service ends with the reason
    _log.info("ended", unsent=service.outbox.waiting)


def _plugged(shop: Shop, store: ShopStore, destinations: Mapping[str, Destination], clock: SteadyClock) -> Sidecar:
    """All parts, plugged together and yet to be run."""
    settings, keys, configuration = shop.settings, shop.keys, shop.files.configuration
    links = Links(keys.links_key, settings.public_url)

    def plan() -> Plan:
        return reloader.files.plan

    space = open_space(settings, configuration, links, store=store, destinations=destinations, clock=clock, plan=plan)
    space.metrics.watch(space.service, lambda: clock.suspicious)
    sandbox = open_sandbox(settings, keys, configuration, clock, plan)
    reloader = Reloader(shop.folder, settings, space.service, sandbox.space.service, files=shop.files, keys=keys)
    return Sidecar(space, sandbox, reloader, trio.Event())


def _routes(shop: Shop, store: ShopStore, running: Sidecar, desk: Desk) -> list[Blueprint]:
    keys, settings = shop.keys, shop.settings
    space, sandbox, reloader = running.space, running.sandbox, running.reloader
    door, intakes = Door(keys, space.metrics), Intakes(space.intake, sandbox.space.intake)
    spaces = {"shop": space, "sandbox": sandbox.space}
    is_open = shop.is_demo and settings.host in HERE
    return [
        health(space.metrics, space.service),
        script_route(),
        http_source(door, intakes),
        analytics_js_source(door, settings.public_url),
        stream_source(door, intakes, space.metrics),
        webhook_source(door, intakes, settings.webhooks),
        feedback_routes(desk, settings.destinations),
        *asked(keys, space, lambda: reloader.files, tracks=settings.tracks),
        sandbox_routes(keys, sandbox, asked(keys, sandbox.space, lambda: reloader.files, tracks=settings.tracks)),
        inbox_routes(keys, spaces, lambda: reloader.files, is_open=is_open, shop=SHOP if shop.is_demo else ""),
        *([shop_routes(keys)] if shop.is_demo else []),
        reload_route(keys, reloader),
        database(keys, store),
        api_routes(settings.public_url),
    ]
