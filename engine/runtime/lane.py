"""A lane: one destination, and the messages that wait for it.

Theory of operation. Each user has a queue, in the order of decision, and only its head may be attempted; so what must
be tried again holds back what was decided later for the same user, and nobody else. The heads lie in a heap by the
instant from which they may be attempted. A message that is held steps out of its queue until its instant, and goes back
to the front then. So the cost of an attempt does not grow with the backlog. Only when something may be attempted does
the lane stand in line for a turn of the account, and what it attempts is chosen when it has one.
"""

import heapq
from collections import deque
from itertools import count

import trio
from msgspec.structs import replace

from engine.core.events import INF, Millis
from engine.runtime.account import Account
from engine.runtime.attempt import Sender
from engine.runtime.breaker import Breaker
from engine.runtime.office import Office
from engine.runtime.ports import Destination
from engine.runtime.records import Dispatch

_LOOK = 1.0
"""Seconds after which the clock is looked at again, for it may have been set ahead."""


class Lane:
    """One destination."""

    def __init__(self, name: str, destination: Destination, office: Office, account: Account) -> None:
        self.breaker = Breaker(name)
        self.attempting = 0
        """How many messages are being attempted."""
        self.ended = trio.Event()
        """Set when an attempt has ended, or none can begin."""
        self._office = office
        self._account = account
        self._sender = Sender(name, destination, office, self.breaker, account)
        self._queues: dict[str, deque[str]] = {}
        """Ids of messages, by user."""
        self._heads: list[tuple[Millis, int, str]] = []
        """When the first of a user's queue may be attempted; only the entry that `_offered` numbers counts."""
        self._offered: dict[str, int] = {}
        """Users whose first message is not being attempted."""
        self._held: list[tuple[Millis, int, str]] = []
        """Ids of messages that are held, and until when; only the entry that `_holding` numbers counts."""
        self._holding: dict[str, int] = {}
        self._numbers = count()
        self._waiters = trio.lowlevel.ParkingLot()

    def put(self, dispatch: Dispatch) -> None:
        """Take a message, to be attempted after those of its user that are here already."""
        if dispatch.state == "held":
            self._hold(dispatch.id, dispatch.due)
            return
        queue = self._queues.setdefault(dispatch.name, deque())
        queue.append(dispatch.id)
        if len(queue) == 1:
            self._offer(dispatch.name, dispatch.due)

    def ask_again(self, dispatch_id: str) -> None:
        """Let a message that is held be asked about at once: what held it may be otherwise."""
        if dispatch_id in self._holding:
            now = self._office.desk.now()
            self._office.unended[dispatch_id] = replace(self._office.unended[dispatch_id], due=now)
            self._hold(dispatch_id, now)

    @property
    def is_busy(self) -> bool:
        """Whether a message is being attempted, or may be at once."""
        return self.attempting > 0 or self.earliest() <= self._office.desk.now()

    def earliest(self) -> Millis:
        """An instant before which nothing may be attempted; INF where nothing waits."""
        heads = self._heads[0][0] if self._heads else INF
        return max(min(heads, self._held[0][0]) if self._held else heads, self.breaker.next)

    def look(self) -> None:
        """Look at the clock at once: it may have been set ahead."""
        self._waiters.unpark_all()

    async def run(self) -> None:
        """Attempt what is due, for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._until_due()
                await self._account.turn()
                if dispatch := self._take():
                    nursery.start_soon(self._work, dispatch)
                else:
                    self._account.forgo()
                    self._account.end()

    async def _until_due(self) -> None:
        """Wait until something may be attempted, or until an instant when something might."""
        while (at := self.earliest()) > (now := self._office.desk.now()):
            pause = min((at - now) / 1_000, _LOOK)
            with trio.move_on_after(pause):
                await self._waiters.park()

    def _take(self) -> Dispatch | None:
        """The next message that may be attempted, if there is still one."""
        now = self._office.desk.now()
        self._return_held(now)
        while self.earliest() <= now:
            if dispatch := self._pop():
                self.attempting += 1
                self.breaker.begin()
                return dispatch
        self.ended.set()  # what was to be attempted was dropped by hand, and nothing else is
        return None

    async def _work(self, dispatch: Dispatch) -> None:
        after = await self._sender.attempt(dispatch)
        self.attempting -= 1
        self.breaker.abandon()
        self._account.end()
        queue = self._queues[dispatch.name]
        if after.state == "due":
            self._offer(dispatch.name, after.due)
        else:
            queue.popleft()
            self._offer_first(dispatch.name)
        if after.state == "held":
            self._hold(after.id, after.due)
        self._waiters.unpark_all()
        self.ended.set()

    def _pop(self) -> Dispatch | None:
        """Take the first of the heads, if it still counts."""
        _, number, name = heapq.heappop(self._heads)
        if self._offered.get(name) != number:
            return None
        del self._offered[name]
        dispatch = self._office.unended.get(self._queues[name][0])
        if dispatch is None:  # dropped by hand
            self._queues[name].popleft()
            self._offer_first(name)
        return dispatch

    def _offer_first(self, name: str) -> None:
        """Offer the first message of a user's queue that has not been dropped by hand."""
        queue = self._queues[name]
        while queue:
            dispatch = self._office.unended.get(queue[0])
            if dispatch is not None:
                self._offer(name, dispatch.due)
                return
            queue.popleft()
        del self._queues[name]

    def _offer(self, name: str, due: Millis) -> None:
        number = self._offered[name] = next(self._numbers)
        heapq.heappush(self._heads, (due, number, name))
        self._waiters.unpark_all()

    def _hold(self, dispatch_id: str, until: Millis) -> None:
        number = self._holding[dispatch_id] = next(self._numbers)
        heapq.heappush(self._held, (until, number, dispatch_id))
        self._waiters.unpark_all()

    def _return_held(self, now: Millis) -> None:
        """Put those who are held no longer before what was decided later, but not before what is being attempted."""
        while self._held and self._held[0][0] <= now:
            _, number, dispatch_id = heapq.heappop(self._held)
            if self._holding.get(dispatch_id) != number:
                continue
            del self._holding[dispatch_id]
            dispatch = self._office.unended.get(dispatch_id)
            if dispatch is None:  # dropped by hand
                continue
            queue = self._queues.setdefault(dispatch.name, deque())
            if queue and dispatch.name not in self._offered:
                queue.insert(1, dispatch.id)
            else:
                queue.appendleft(dispatch.id)
                self._offer(dispatch.name, dispatch.due)
