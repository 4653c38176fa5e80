"""The outbox: from a firing to messages handed over, each once, or failed with its reason.

Each destination has one worker and one heap of what waits for it, ordered by the instant of the next attempt, so a
message that must be tried again does not hold up those behind it. A message is rendered just before each attempt, from
the person as they are then. What a destination refused, or may have sent, is never sent again.
"""

import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import structlog
import trio

from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.runtime.clock import Clock
from engine.runtime.ports import Delivery, Destination, Rejected, Renderer, Telemetry, Unavailable, Unclear

ATTEMPTS = 5
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_KEPT = 10_000
"""How many ended messages are remembered."""

Context = Callable[[str, Firing], Awaitable[Mapping[str, Any]]]
"""What a template may speak of: asked for the user (canonical id) and the firing, at the time of sending."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Dispatch:
    """One message on its way, and what became of it."""

    id: str
    """Idempotency key."""
    name: str
    """Canonical id of the user."""
    message: str
    firing: Firing
    status: str = "waiting"
    """`waiting`, `sent`, `failed` or `unclear`."""
    reason: str = ""
    attempts: int = 0
    ended: Millis | None = None


def dispatch_id(firing: Firing, message: str) -> str:
    """The idempotency key of a firing's message."""
    return f"{firing.id}:{message}"


class Outbox:
    """All messages that are due."""

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        renderer: Renderer,
        context: Context,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._lanes = {name: _Lane(name, each, self) for name, each in destinations.items()}
        self._dispatches: dict[str, Dispatch] = {}
        self._ended: deque[Dispatch] = deque()
        self.waiting = 0
        """How many messages are not ended."""
        self._empty = trio.Event()
        self.renderer = renderer
        self.context = context
        self.clock = clock
        self.telemetry = telemetry

    def put(self, name: str, firing: Firing) -> None:
        """Take the messages of a firing of the user `name`."""
        for message in firing.messages:
            dispatch = Dispatch(dispatch_id(firing, message), name, message, firing)
            self._dispatches[dispatch.id] = dispatch
            self.waiting += 1
            if message in self.renderer.names:
                self._lanes[self.renderer.destination_of(message)].put(dispatch)
            else:
                self.end(dispatch, "failed", f"there is no message {message!r}")

    def find(self, firing: Firing, message: str) -> Dispatch | None:
        """What became of a firing's message; None where that is no longer known."""
        return self._dispatches.get(dispatch_id(firing, message))

    async def run(self) -> None:
        """Send, for ever."""
        async with trio.open_nursery() as nursery:
            for lane in self._lanes.values():
                nursery.start_soon(lane.run)

    async def emptied(self) -> None:
        """Wait until every message is ended."""
        while self.waiting:
            self._empty = trio.Event()
            await self._empty.wait()

    def end(self, dispatch: Dispatch, status: str, reason: str = "") -> None:
        """Record what became of a message."""
        dispatch.status, dispatch.reason, dispatch.ended = status, reason, self.clock()
        self.waiting -= 1
        self.telemetry.decided(dispatch.firing.trigger, status)
        log = _log.debug if status == "sent" else _log.warning
        log("message", trigger=dispatch.firing.trigger, message=dispatch.message, status=status, reason=reason)
        if not self.waiting:
            self._empty.set()
        self._ended.append(dispatch)
        self._forget()

    def _forget(self) -> None:
        """Forget the one that ended longest ago, where too many are remembered."""
        if len(self._ended) > _KEPT:
            oldest = self._ended.popleft()
            if self._dispatches.get(oldest.id) is oldest:
                del self._dispatches[oldest.id]


class _Lane:
    """One destination, its worker, and what waits for it."""

    def __init__(self, name: str, destination: Destination, outbox: Outbox) -> None:
        self._name = name
        self._destination = destination
        self._outbox = outbox
        self._heap: list[tuple[float, int, Dispatch]] = []
        self._numbers = count()
        self._sooner = trio.Event()

    def put(self, dispatch: Dispatch, pause: float = 0) -> None:
        """Let the message be attempted, not before `pause` seconds have passed."""
        heapq.heappush(self._heap, (trio.current_time() + pause, next(self._numbers), dispatch))
        self._sooner.set()

    async def run(self) -> None:
        """Attempt what is due, for ever."""
        while True:
            self._sooner = trio.Event()
            if self._heap and self._heap[0][0] <= trio.current_time():
                await self._attempt(heapq.heappop(self._heap)[2])
                continue
            with trio.move_on_at(self._heap[0][0] if self._heap else float("inf")):
                await self._sooner.wait()

    async def _attempt(self, dispatch: Dispatch) -> None:
        dispatch.attempts += 1
        try:
            delivery = await self._rendered(dispatch)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it fails this message and no other
            if not isinstance(problem, Rejected):
                _log.exception("rendering failed", message=dispatch.message)
            self._outbox.end(dispatch, "failed", str(problem))
        else:
            await self._send(dispatch, delivery)

    async def _rendered(self, dispatch: Dispatch) -> Delivery:
        firing = dispatch.firing
        context = await self._outbox.context(dispatch.name, firing)
        data = self._outbox.renderer.render(dispatch.message, context)
        return Delivery(dispatch.id, firing.trigger, firing.user, firing.at, dispatch.message, data)

    async def _send(self, dispatch: Dispatch, delivery: Delivery) -> None:
        try:
            await self._destination.send(delivery)
        except Unavailable as problem:
            self._again(dispatch, problem)
        except Rejected as problem:
            self._outbox.end(dispatch, "failed", str(problem))
        except Unclear as problem:
            self._outbox.end(dispatch, "unclear", str(problem))
        except Exception as problem:  # noqa: BLE001 - the same; nobody knows how far it got
            _log.exception("destination failed", destination=self._name)
            self._outbox.end(dispatch, "unclear", f"{type(problem).__name__} in the destination")
        else:
            self._outbox.end(dispatch, "sent")
            seconds = (self._outbox.clock() - dispatch.firing.at) / 1_000
            self._outbox.telemetry.sent(self._name, seconds)

    def _again(self, dispatch: Dispatch, problem: Unavailable) -> None:
        """Try later: exponential backoff with full jitter, and never before the destination asked to."""
        dispatch.reason = str(problem)
        if dispatch.attempts >= ATTEMPTS:
            self._outbox.end(dispatch, "failed", f"given up after {ATTEMPTS} attempts: {problem}")
            return
        longest = min(_FIRST_PAUSE * 2**dispatch.attempts, _LONGEST_PAUSE)
        jitter = random.uniform(0, longest)  # noqa: S311 - spreads load, keeps no secret
        self.put(dispatch, max(jitter, problem.retry_after or 0))
