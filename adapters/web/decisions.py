"""Firings and what becomes of messages, as they are committed: the websocket `GET /v1/decisions`.

docs/streaming.md is the protocol. It asks for the admin token, for what it tells is personal data.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any

import msgspec
import structlog
import trio
from quart import Blueprint, websocket

from adapters.keys import Keys, WrongToken
from adapters.telemetry.metrics import Metrics
from adapters.web.access import only_admin
from adapters.web.closing import LATER, OUR_FAULT, POLICY, close, code_of, first
from adapters.web.outbox import told
from engine.core.identity import anonymous, known
from engine.runtime.feed import Ended, Follower, TooSlow
from engine.runtime.records import Decision, Dispatch, Published
from engine.runtime.router import Refused
from engine.runtime.service import Service

QUIET = 15.0
"""Seconds without anything to tell after which the cursor is told."""

_TOGETHER = 200
"""Items of a frame."""

_DIGITS = 18
"""Of a cursor at most, which is less than SQLite counts to."""

_log = structlog.get_logger()


class _NotPossible(Exception):
    """It cannot be followed like that."""


def decisions(keys: Keys, service: Service, metrics: Metrics) -> Blueprint:
    """The route."""
    routes = Blueprint("decisions", __name__)

    @routes.websocket("/v1/decisions")
    async def follow() -> None:
        await websocket.accept()
        try:
            only_admin(keys, websocket)
        except WrongToken as wrong:
            await close(POLICY, str(wrong))
            return
        try:
            with metrics.connected("decisions"):
                await _follow(service, websocket.receive, websocket.send)
        except* _NotPossible as group:
            await close(POLICY, str(first(group)))
        except* TooSlow as group:
            metrics.dropped()
            await close(LATER, str(first(group)))
        except* Refused as group:
            refused = first(group)
            await close(code_of(refused), refused.reason)
        except* Exception:  # noqa: BLE001 - said to the client and logged; by itself it would close with 1000
            _log.exception("the stream of decisions failed")
            await close(OUR_FAULT, "a fault of the server")

    return routes


async def _follow(
    service: Service, receive: Callable[[], Awaitable[object]], send: Callable[[str], Awaitable[None]]
) -> None:
    if service.status == "recovering":
        raise Refused(service.status, service.reason)
    wanted = _filter(service, set(websocket.args.getlist("trigger")), set(websocket.args.getlist("user")))
    try:
        follower = await service.feed.follow(_after(), wanted)
    except ValueError as problem:
        raise _NotPossible(str(problem)) from problem
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_listen, receive)
        try:
            await _tell(follower, send)
        except Ended:
            raise Refused(service.status, service.reason) from None
        finally:
            follower.leave()


async def _tell(follower: Follower, send: Callable[[str], Awaitable[None]]) -> None:
    await send(_frame(follower.cursor, [], hello="impel", version=1))
    told_up_to = follower.cursor
    while True:
        try:
            items = await follower.next(QUIET)
        except TooSlow:
            raise TooSlow(f"too slow: come back with ?after={told_up_to}") from None
        for cursor, together in _pages(items, told_up_to, follower.cursor):
            await send(_frame(cursor, together))
        told_up_to = follower.cursor


async def _listen(receive: Callable[[], Awaitable[object]]) -> None:
    """Read what the client says, and do nothing: else its farewell would never be read."""
    while True:
        await receive()


def _after() -> int | None:
    after = websocket.args.get("after")
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= _DIGITS):
        raise _NotPossible("`after` is a cursor as it was told, or 0 for all that is kept")
    return int(after)


def _filter(
    service: Service, triggers: Collection[str], users: Collection[str]
) -> Callable[[Decision | Dispatch], bool]:
    """Whether something is of one of these triggers and of one of these users, by any of their ids; none means all."""
    find = service.router.identities.find
    names = [name for user in users for name in (known(user), anonymous(user))]

    def wanted(what: Decision | Dispatch) -> bool:
        if triggers and what.firing.trigger not in triggers:
            return False
        return not names or what.name in names or (find(what.name) or "") in map(find, names)

    return wanted


def _pages(items: list[Published], before: int, after: int) -> Iterator[tuple[int, list[Published]]]:
    """A few items at a time, each time with the cursor: how far all was told when these are."""
    for start in range(0, max(len(items), 1), _TOGETHER):
        end = start + _TOGETHER
        if end >= len(items):
            yield after, items[start:]
        else:
            complete = items[end].commit - 1 if items[end].commit == items[end - 1].commit else items[end - 1].commit
            before = max(before, complete)
            yield before, items[start:end]


def _frame(cursor: int, items: list[Published], **more: Any) -> str:
    content = more | {"cursor": cursor, "items": [_item(item.what) for item in items]}
    return msgspec.json.encode(content).decode()


def _item(what: Decision | Dispatch) -> dict[str, Any]:
    if isinstance(what, Dispatch):
        return {"type": "message", **told(what)}
    firing = what.firing
    return {
        "type": "firing",
        "id": firing.id,
        "trigger": firing.trigger,
        "user": firing.user,
        "per": firing.per,
        "at": firing.at,
        "messages": firing.messages,
        "version": firing.version,
        "variant": firing.variant,
    }
