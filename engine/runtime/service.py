"""The service: router, alarm and outbox in one nursery, from the first input to an orderly end."""

from collections.abc import Mapping
from typing import Any

import trio

from engine.core.decisions import Firing
from engine.core.events import Millis, decode
from engine.core.program import Program
from engine.core.timeline import Recorded
from engine.core.user import User
from engine.runtime.clock import Clock
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Destination, Rejected, Renderer, Store, Telemetry
from engine.runtime.router import Router

RECENT = 20
"""How many of a user's latest events of each name a template may speak of."""

HISTORY = 5_000
"""How far back, in events, they and the one that fired are looked for."""

IDLE_AFTER: Millis = 300_000
"""How long a user takes no turn before falling asleep."""


class Service:
    """The engine, running. Inputs go to `router`; what became of messages is asked of `outbox`."""

    def __init__(
        self,
        program: Program,
        *,
        store: Store,
        destinations: Mapping[str, Destination],
        renderer: Renderer,
        clock: Clock,
        telemetry: Telemetry,
        idle_after: Millis = IDLE_AFTER,
    ) -> None:
        self.router = Router(program, store, clock, telemetry, self._decided)
        self.outbox = Outbox(destinations, renderer, self._context, self.router.now, telemetry)
        self._idle_after = idle_after

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.router.run, self._idle_after)
            nursery.start_soon(self.outbox.run)
            task_status.started()

    async def drain(self, seconds: float) -> int:
        """Take nothing any more, finish what has arrived, and give the outbox so long to empty.

        Returns:
            How many messages are left unsent.

        """
        self.router.close()
        with trio.move_on_after(seconds):
            await self.router.finish()
            await self.outbox.emptied()
        return self.outbox.waiting

    def _decided(self, name: str, firing: Firing) -> None:
        self.outbox.put(name, firing)

    async def _context(self, name: str, firing: Firing) -> Mapping[str, Any]:
        user = await self.router.look(name)
        if user is None:
            raise Rejected("the user is no longer known")
        return context(user, firing)


def context(user: User, firing: Firing) -> dict[str, Any]:
    """What a template may speak of.

    `event` is the event that fired, None where time alone did; `recent` leads from the name of an event to its latest
    occurrences, newest first, however much else happened since. An event is a mapping of `name`, `ts` and `properties`.
    """
    history = user.recent(HISTORY)
    recent: dict[str, list[dict[str, Any]]] = {}
    for record in history:
        latest = recent.setdefault(record.name, [])
        if len(latest) < RECENT:
            latest.append(_told(record))
    return {
        "user": firing.user,
        "trigger": firing.trigger,
        "per": firing.per,
        "event": next((_told(record) for record in history if record.seq == firing.event), None),
        "profile": user.profile,
        "recent": recent,
    }


def _told(record: Recorded) -> dict[str, Any]:
    return {"name": record.name, "ts": record.ts, "properties": decode(record.properties)}
