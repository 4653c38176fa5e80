"""The feed: firings, and what becomes of messages, told in the order of their commits to whoever follows.

Theory of operation. The commit's number is the place in the order. A follower that comes from further back first reads
the store, page by page, until it is nearly abreast; then it joins, which sets a commit up to which it still reads the
store, and behind which the feed itself brings everything: so nothing is missed in between, and nothing comes out of
order. A message stands in the store as it was last written; if it changes while a follower reads, it is told as of the
later commit. What waits for a follower is bounded: one that does not keep up is let go, and comes back with its cursor.
"""

from collections.abc import Callable, Iterable

import trio

from engine.runtime.ports import Store
from engine.runtime.records import Decision, Dispatch, Published

_PAGE = 500
"""Items that are read from the store at a time, about."""

WAITING = 10_000
"""Items that may wait for a follower when a further commit comes."""

Wanted = Callable[[Decision | Dispatch], bool]
"""Whether a follower wants to be told of something."""


class TooSlow(Exception):
    """More has happened than may wait for a follower."""


class Ended(Exception):
    """Nothing more will be told."""


class Feed:
    """Knows all who follow."""

    def __init__(self, store: Store) -> None:
        self.last = 0
        """The last commit that had something to tell."""
        self.ended = False
        self._store = store
        self._joined: set[Follower] = set()

    def __len__(self) -> int:
        """How many follow, abreast of what happens."""
        return len(self._joined)

    def begin(self, commits: int) -> None:
        """All up to that commit is in the store."""
        self.last = commits

    def publish(self, commit: int, decisions: Iterable[Decision], dispatches: Iterable[Dispatch]) -> None:
        """Tell what has become durable in a commit."""
        items = [Published(commit, each) for many in (decisions, dispatches) for each in many]
        if items:
            self.last = commit
            for follower in list(self._joined):
                follower.put(items)

    def end(self) -> None:
        """Tell nothing more."""
        self.ended = True
        for follower in self._joined:
            follower.wake()

    async def follow(self, after: int | None, wanted: Wanted) -> "Follower":
        """Follow from behind a commit on, by default the last one; 0: from the first of which all is kept.

        Raises:
            ValueError: nobody can follow from there; the text says why.

        """
        pruned = await self._store.pruned()
        after = self.last if after is None else after or pruned
        if after > self.last:
            raise ValueError(f"the cursor {after} lies ahead of {self.last}: it is not from this database")
        if after < pruned:
            raise ValueError(f"what followed the cursor {after} is no longer kept; all after {pruned} is")
        return Follower(self, self._store, after, wanted)

    def join(self, follower: "Follower") -> int:
        """Bring a follower everything from now on; returns the last commit before that."""
        self._joined.add(follower)
        return self.last

    def leave(self, follower: "Follower") -> None:
        """Bring it nothing more."""
        self._joined.discard(follower)


class Follower:
    """One who follows. `cursor` is how far it was told everything that it wants; leave it with `leave`."""

    def __init__(self, feed: Feed, store: Store, after: int, wanted: Wanted) -> None:
        self.cursor = after
        self._feed = feed
        self._store = store
        self._wanted = wanted
        self._joined_at: int | None = None
        self._waiting: list[Published] = []
        self._reached = after
        self._too_slow = False
        self._news = trio.lowlevel.ParkingLot()

    def put(self, items: list[Published]) -> None:
        """Be brought what a commit has to tell."""
        if len(self._waiting) >= WAITING:
            self._too_slow = True
            self._waiting.clear()
            self.leave()
        else:
            self._waiting += [item for item in items if self._wanted(item.what)]
            self._reached = items[0].commit
        if self._waiting or self._too_slow:
            self.wake()

    def wake(self) -> None:
        """There is something to tell."""
        self._news.unpark_all()

    def leave(self) -> None:
        """Follow no longer."""
        self._feed.leave(self)

    async def next(self, patience: float) -> list[Published]:
        """What comes next, whole commits; nothing after so many seconds in which there was nothing.

        Raises:
            TooSlow: it has not kept up; `cursor` is from where to go on.
            Ended: there will be no more.

        """
        while self._joined_at is None or self.cursor < self._joined_at:
            items = await self._read()
            if items:
                return items
        if not self._waiting and not self._too_slow and not self._feed.ended:
            with trio.move_on_after(patience):
                await self._news.park()
        if self._too_slow:
            raise TooSlow
        if not self._waiting and self._feed.ended:
            raise Ended
        items, self._waiting = self._waiting, []
        self.cursor = self._reached
        return items

    async def _read(self) -> list[Published]:
        """Read a page of the store; join when that was all there is."""
        upto = self._feed.last if self._joined_at is None else self._joined_at
        page = await self._store.published(self.cursor, upto, _PAGE)
        if page:
            self.cursor = page[-1].commit
        elif self._joined_at is not None:
            self.cursor = self._joined_at
        if self._joined_at is None and (not page or self.cursor >= upto):
            self._joined_at = self._reached = self._feed.join(self)
        return [item for item in page if self._wanted(item.what)]
