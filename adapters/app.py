"""The one place where the parts are plugged together: settings and files in, a running sidecar out."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio
from quart import Blueprint

from adapters.api.routes import api_routes
from adapters.configuration import Files, compile_content, succeed
from adapters.destinations import build
from adapters.destinations.smtp import SmtpSettings
from adapters.feedback.asking import askers
from adapters.feedback.desk import Desk
from adapters.feedback.mailbox import Mailbox
from adapters.feedback.returns import Returns
from adapters.keys import Keys
from adapters.reloading import Reloader
from adapters.settings import Settings
from adapters.sources.analytics_js import analytics_js_source
from adapters.sources.archive import archive_source
from adapters.sources.consents import consents_source
from adapters.sources.http import http_source
from adapters.sources.intake import Intake
from adapters.sources.lists import lists_source
from adapters.sources.stream import stream_source
from adapters.sources.suppressions import suppressions_source
from adapters.sources.webhook import webhook_source
from adapters.store.memory import MemoryStore
from adapters.store.sqlite import FILE, SqliteStore, open_file
from adapters.telemetry.metrics import Metrics
from adapters.trail import Trail
from adapters.web.admin import admin
from adapters.web.bounces import bounces_route
from adapters.web.database import database
from adapters.web.decisions import decisions
from adapters.web.door import Door
from adapters.web.feedback import feedback_routes
from adapters.web.health import health
from adapters.web.outbox import outbox_routes
from adapters.web.preview import preview_route
from adapters.web.reload import reload_route
from adapters.web.replay import replay_routes
from adapters.web.server import GRACE, application, run_server
from adapters.web.stats import stats_routes
from adapters.web.tracking import Sightings, tracking_routes
from adapters.web.unsubscribing import Links, unsubscribing_routes
from adapters.web.why import why_routes
from engine.core.decisions import Firing
from engine.core.sending.consent import may_track
from engine.core.user import User
from engine.runtime.clock import SteadyClock
from engine.runtime.context import context
from engine.runtime.keeper import Limits
from engine.runtime.ports import Destination, StoreError
from engine.runtime.router import Refused
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


@dataclass(frozen=True)
class Sidecar:
    """One that runs; `ready` is set when it takes events."""

    service: Service
    reloader: Reloader
    ready: trio.Event


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
        metrics = Metrics()
        clock = SteadyClock(since=(await store.mark()).now)
        service = _service(shop, store, opened, metrics, clock)
        running = Sidecar(service, Reloader(shop.folder, shop.settings, service, shop.files, shop.keys), trio.Event())
        desk = Desk(Intake(service, metrics), service)
        routes, tasks = _hearing(shop, trail, service, desk)
        tasks += [asker.run for asker in askers(shop.settings.destinations, opened, desk, service, metrics)]
        app, served = application([*_routes(shop, store, running, metrics, desk), *routes]), trio.Event()
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task, running.ready)
            nursery.start_soon(_serve, service, running.ready, failed)
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


async def _serve(service: Service, ready: trio.Event, failed: Callable[[], object]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            ready.set()
    except* StoreError:
        failed()
        raise


async def _finish(running: Sidecar, served: trio.Event) -> None:
    service = running.service
    if running.ready.is_set():  # before that, nothing has come in
        await service.drain(DRAIN)
    with trio.move_on_after(GRACE):
        await served.wait()
    if service.journal.failed is not None:
        await trio.sleep_forever()  # until the service ends with the reason
    _log.info("ended", unsent=service.outbox.waiting)


def _service(
    shop: Shop, store: ShopStore, destinations: Mapping[str, Destination], metrics: Metrics, clock: SteadyClock
) -> Service:
    settings, links = shop.settings, Links(shop.keys.links_key, shop.settings.public_url)

    def tell(user: User, firing: Firing) -> Mapping[str, Any]:
        tracking = may_track(user, service.outbox.policy)
        return {**context(user, firing), **links.of(user.name), "tracking": tracking}

    service = Service(
        shop.files.configuration,
        compile_content=compile_content,
        succeed=succeed,
        tell=tell,
        store=store,
        destinations=destinations,
        clock=clock,
        telemetry=metrics,
        limits=Limits(settings.idle_after_ms, settings.awake_users, settings.uncommitted_events),
    )
    metrics.watch(service, lambda: clock.suspicious)
    return service


def _routes(shop: Shop, store: ShopStore, running: Sidecar, metrics: Metrics, desk: Desk) -> list[Blueprint]:
    keys, service = shop.keys, running.service
    intake, door = Intake(service, metrics), Door(keys, metrics)

    async def once_recovered() -> None:
        """Refuse to tell or to change what is not read yet."""
        if service.status == "recovering":
            raise Refused(service.status, service.reason)

    users, messages = admin(keys, service), outbox_routes(keys, service.outbox, service.store)
    reasons = why_routes(keys, service, lambda: running.reloader.files)
    counts = stats_routes(keys, store, lambda: [each.name for each in running.reloader.files.loaded.triggers])
    shown, past = preview_route(keys, service), replay_routes(keys, service.outbox, service.store)
    for routes in (users, messages, counts, reasons, shown, past):
        routes.before_request(once_recovered)
    return [
        health(metrics, service),
        http_source(door, intake),
        analytics_js_source(door, shop.settings.public_url),
        stream_source(door, intake, metrics),
        webhook_source(door, intake, shop.settings.webhooks),
        archive_source(keys, intake),
        lists_source(keys, intake, lambda: running.reloader.files.lists),
        consents_source(keys, intake),
        suppressions_source(keys, intake, service),
        users,
        messages,
        counts,
        reasons,
        shown,
        past,
        unsubscribing_routes(
            intake, service, Links(keys.links_key, shop.settings.public_url), tracks=shop.settings.tracks
        ),
        feedback_routes(desk, shop.settings.destinations),
        decisions(keys, service, metrics),
        reload_route(keys, running.reloader),
        database(keys, store),
        api_routes(shop.settings.public_url),
    ]
