"""The journal: what has been decided becomes durable, and only then known.

Theory of operation. Turns are taken in memory, at once, and recorded in the *pending* batch. One task, which no client
can cancel, writes batch after batch: while one is on its way to the disk the next one fills, so that the store's pace
sets the size of the batches (group commit). Whoever needs to know waits: a source, before it acknowledges; the outbox,
before a message leaves. A batch that cannot be written ends everything, for then what is in memory has gone astray from
what is on disk.

A batch also saves users, as they are when it is cut, so with all the turns that it and those before it hold. What is on
disk of a user is always followed in the journal by exactly the turns that came after.
"""

from collections import deque
from collections.abc import Callable, Iterable

import trio

from engine.core.identity import Changes
from engine.core.sending.suppression import Suppressed
from engine.runtime.clock import Clock
from engine.runtime.ports import Store, StoreError, Telemetry
from engine.runtime.records import (
    ENDED,
    Batch,
    Counted,
    Decision,
    Dispatch,
    Entry,
    Mark,
    Place,
    Save,
    Version,
    Violation,
    of,
)


class Receipt:
    """Counts the turns that are not durable yet, for whoever must wait until they are."""

    __slots__ = ("_settled", "open")

    def __init__(self) -> None:
        self.open = 0
        """How many are not durable."""
        self._settled: trio.Event | None = None

    def settle(self, turns: int) -> None:
        """So many more are durable."""
        self.open -= turns
        if not self.open and self._settled is not None:
            self._settled.set()

    async def settled(self) -> None:
        """Wait until all are durable."""
        if self.open:
            self._settled = trio.Event()
            await self._settled.wait()
        else:
            await trio.lowlevel.checkpoint()

    def give_up(self) -> None:
        """They will never be."""
        if self._settled is not None:
            self._settled.set()


Committed = Callable[[int, Batch, list[Dispatch]], None]
"""Told of each batch that has become durable: its number, what it held, and the messages that are new in it."""


class Journal:
    """All that is to become durable."""

    def __init__(self, store: Store, clock: Clock, telemetry: Telemetry, committed: Committed) -> None:
        self._store = store
        self._clock = clock
        self._telemetry = telemetry
        self._committed = committed
        self._pending = Batch()
        self._fresh: list[Dispatch] = []
        self._receipts: dict[Receipt, int] = {}
        """Of the turns that are pending, with how many of each they are."""
        self._waiting: set[Receipt] = set()
        self._lengths: deque[tuple[int, int]] = deque()
        self.commits = 0
        """How many batches have been given to the store, the last one perhaps not durable yet."""
        self.number = 0
        """The highest number given so far."""
        self.unsaved: dict[str, int] = {}
        """Users with turns that only the journal holds, each with a batch before which it has none; oldest first."""
        self.tail = 0
        """How many turns the journal holds."""
        self.uncommitted = 0
        """How many turns have come in and are not durable."""
        self.failed: StoreError | None = None
        """Why nothing can be made durable any more."""
        self.news = trio.Event()
        """Set when there is something to commit."""

    def begin(self, mark: Mark, unsaved: Iterable[str], tail: int) -> None:
        """Go on where the store is; `tail` turns, of the users in `unsaved`, are only in the journal."""
        self.commits, self.number = mark.commits, mark.number
        self.unsaved.update(dict.fromkeys(unsaved, 0))
        self._lengths.append((mark.commits, tail))
        self.tail = tail

    def next_number(self) -> int:
        """A number for what has just come in."""
        self.number += 1
        return self.number

    # What is recorded --------------------------------------------------------------------------------------------

    def expect(self, receipt: Receipt | None) -> None:
        """A turn has come in; it will be recorded when it is taken."""
        self.uncommitted += 1
        if receipt is not None:
            receipt.open += 1

    def record(self, entry: Entry, receipt: Receipt | None) -> None:
        """A turn was taken."""
        self._pending.entries.append(entry)
        if entry.name not in self.unsaved:
            self.unsaved[entry.name] = self.commits + 1
        if receipt is not None:
            self._receipts[receipt] = self._receipts.get(receipt, 0) + 1
        self.news.set()

    def decide(self, decision: Decision, dispatches: Iterable[Dispatch]) -> None:
        """The turn just recorded has led to this decision, which makes these messages due."""
        self._pending.decisions.append(decision)
        for dispatch in dispatches:
            self._pending.dispatches[dispatch.id] = dispatch
            self._fresh.append(dispatch)

    def relink(self, changes: Changes) -> None:
        """A turn has changed who is who."""
        self._pending.links.update(changes.links)
        self._pending.linked.update(changes.linked)

    def absorbed(self, other: str) -> None:
        """In the turn just recorded `other` entered the timeline of its user, who is to be saved in the same batch."""
        self._pending.gone.append(other)
        self.unsaved.pop(other, None)

    def note(self, dispatch: Dispatch) -> None:
        """A message has changed its state."""
        self._pending.dispatches[dispatch.id] = dispatch
        if dispatch.state in ENDED:
            self.count(of(dispatch, dispatch.state))
        self.news.set()

    def count(self, counted: Counted, amount: float = 1.0) -> None:
        """Count something, together with what has just been recorded."""
        self._pending.counts[counted] = self._pending.counts.get(counted, 0.0) + amount
        self._telemetry.counted(counted, amount)
        self.news.set()

    def violated(self, violation: Violation) -> None:
        """An event that came in does not keep to its schema."""
        self._pending.violations[violation] = self._pending.violations.get(violation, 0) + 1
        self.news.set()

    def suppress(self, place: Place, mark: Suppressed | None) -> None:
        """An address is suppressed, or, without a mark, no longer."""
        self._pending.suppressed[place] = mark
        self.news.set()

    def remember(self, name: str, cursor: str) -> None:
        """The one of that name, who is asked, has told as far as a cursor says."""
        self._pending.cursors[name] = cursor
        self.news.set()

    def put_in_force(self, version: Version) -> None:
        """Another version is in force."""
        self._pending.version = version
        self.news.set()

    # How it becomes durable --------------------------------------------------------------------------------------

    async def wait(self, receipt: Receipt) -> None:
        """Wait until a receipt's turns are durable.

        Raises:
            StoreError: they cannot be any more.

        """
        if self.failed is None:
            self._waiting.add(receipt)
            try:
                await receipt.settled()
            finally:
                self._waiting.discard(receipt)
        if receipt.open and self.failed is not None:
            raise self.failed

    async def flushed(self) -> None:
        """Wait until all that has been recorded so far is durable.

        Raises:
            StoreError: it cannot be any more.

        """
        receipt = Receipt()
        receipt.open += 1
        self._receipts[receipt] = 1
        self.news.set()
        await self.wait(receipt)

    async def commit(self, saves: list[Save]) -> None:
        """Make what is pending durable, together with some users as they are now.

        Raises:
            StoreError: it cannot be written.

        """
        self.news = trio.Event()
        batch, self._pending = self._pending, Batch()
        receipts, self._receipts = self._receipts, {}
        fresh, self._fresh = self._fresh, []
        batch.saves = saves
        batch.journal_from = self.needed_from() if saves else 0
        if batch:
            began = trio.current_time()
            await self.write(batch)
            self._telemetry.committed(trio.current_time() - began, len(batch.entries))
        for receipt, turns in receipts.items():
            receipt.settle(turns)
        self.uncommitted -= len(batch.entries)
        self._committed(self.commits, batch, fresh)

    async def write(self, batch: Batch) -> None:
        """Write a batch; to be called by one task only.

        Raises:
            StoreError: it cannot be written; from now on nothing can.

        """
        self.commits += 1
        batch.number, batch.now = self.number, self._clock()
        if batch.entries:
            self._lengths.append((self.commits, len(batch.entries)))
            self.tail += len(batch.entries)
        try:
            await self._store.write(batch)
        except StoreError as error:
            self.fail(error)
            raise

    def fail(self, error: StoreError) -> None:
        """Nothing can be made durable any more."""
        self.failed = error
        for receipt in self._waiting:
            receipt.give_up()

    def needed_from(self) -> int:
        """The batch from which on the journal is needed, when those who are not in `unsaved` are saved as they are now.

        At most the one after what is pending; what is before it is counted no more.
        """
        needed = next(iter(self.unsaved.values()), self.commits + 2)
        while self._lengths and self._lengths[0][0] < needed:
            self.tail -= self._lengths.popleft()[1]
        return needed
