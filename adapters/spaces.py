"""The shop's own engine, and the sandbox beside it: the same parts, each with people and messages of its own."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from quart import Blueprint

from adapters.configuration import Files, compile_content, succeed
from adapters.destinations.inbox import Inbox
from adapters.keys import Keys
from adapters.plan.schemas import Plan
from adapters.settings import Settings
from adapters.sources.archive import archive_source
from adapters.sources.consents import consents_source
from adapters.sources.intake import Intake
from adapters.sources.lists import lists_source
from adapters.sources.suppressions import suppressions_source
from adapters.store.memory import MemoryStore
from adapters.telemetry.metrics import Metrics
from adapters.web.admin import admin
from adapters.web.decisions import decisions
from adapters.web.events import events_routes
from adapters.web.outbox import outbox_routes
from adapters.web.preview import preview_route
from adapters.web.replay import replay_routes
from adapters.web.stats import stats_routes
from adapters.web.unsubscribing import Links, unsubscribing_routes
from adapters.web.why import why_routes
from engine.core.decisions import Firing
from engine.core.sending.consent import may_track
from engine.core.user import User
from engine.runtime.clock import Clock, MovableClock
from engine.runtime.context import context
from engine.runtime.keeper import Limits
from engine.runtime.ports import Destination, Store
from engine.runtime.router import Refused
from engine.runtime.service import Service
from engine.runtime.travel import Travel
from engine.runtime.versions import Configuration


class Space(NamedTuple):
    """An engine with its way in, and those of its ways out that end at the inbox, by name."""

    service: Service
    intake: Intake
    links: Links
    metrics: Metrics
    inboxes: Mapping[str, Inbox]


class Sandbox(NamedTuple):
    """A space that forgets when the process ends, whose messages all end at the inbox, and whose time can be moved."""

    space: Space
    store: MemoryStore
    travel: Travel


def open_space(
    settings: Settings,
    configuration: Configuration,
    links: Links,
    *,
    store: Store,
    destinations: Mapping[str, Destination],
    clock: Clock,
    plan: Callable[[], Plan],
) -> Space:
    """Plug an engine together; it is yet to be run."""
    metrics = Metrics()

    def tell(user: User, firing: Firing) -> Mapping[str, Any]:
        tracking = may_track(user, service.outbox.policy)
        return {**context(user, firing), **links.of(user.name), "tracking": tracking}

    service = Service(
        configuration,
        compile_content=compile_content,
        succeed=succeed,
        tell=tell,
        store=store,
        destinations=destinations,
        clock=clock,
        telemetry=metrics,
        limits=Limits(settings.idle_after_ms, settings.awake_users, settings.uncommitted_events),
    )
    inboxes = {name: each for name, each in destinations.items() if isinstance(each, Inbox)}
    return Space(service, Intake(service, metrics, plan), links, metrics, inboxes)


def open_sandbox(
    settings: Settings, keys: Keys, configuration: Configuration, clock: Clock, plan: Callable[[], Plan]
) -> Sandbox:
    """Plug a sandbox together, which goes by `clock` until its time is moved.

    Its links are signed by a key of their own: what somebody chooses there is not chosen in the shop.
    """
    store, movable = MemoryStore(), MovableClock(clock)
    public = f"{settings.public_url.rstrip('/')}/sandbox" if settings.public_url else ""
    space = open_space(
        settings,
        configuration,
        Links(f"{keys.links_key}/sandbox", public),
        store=store,
        destinations=dict.fromkeys(settings.destinations, Inbox()),
        clock=movable,
        plan=plan,
    )
    return Sandbox(space, store, Travel(space.service, movable))


def asked(keys: Keys, space: Space, files: Callable[[], Files], *, tracks: bool) -> list[Blueprint]:
    """The routes by which a space is asked, and told what is not an event; `files` are those in force.

    People may choose whether it is seen what they do with mails where it `tracks`.
    """
    service, intake = space.service, space.intake

    async def once_recovered() -> None:
        """Refuse to tell or to change what is not read yet."""
        if service.status == "recovering":
            raise Refused(service.status, service.reason)

    users, messages = admin(keys, service), outbox_routes(keys, service.outbox, service.store)
    counts = stats_routes(keys, service.store, lambda: [each.name for each in files().loaded.triggers])
    reasons, shown = why_routes(keys, service, files), preview_route(keys, service)
    past, seen = replay_routes(keys, service.outbox, service.store), events_routes(keys, service, files)
    for routes in (users, messages, counts, reasons, shown, past, seen):
        routes.before_request(once_recovered)
    return [
        users,
        messages,
        counts,
        reasons,
        shown,
        past,
        seen,
        archive_source(keys, intake),
        lists_source(keys, intake, lambda: files().lists),
        consents_source(keys, intake),
        suppressions_source(keys, intake, service),
        unsubscribing_routes(intake, service, space.links, tracks=tracks),
        decisions(keys, service, space.metrics),
    ]
