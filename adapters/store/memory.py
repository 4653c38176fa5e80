"""A store that forgets when the process ends: for tests, and for a look at Impel that leaves nothing behind."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from itertools import islice, takewhile
from typing import Any, NamedTuple, Never, TypeVar

import trio

from engine.core.events import INF, Millis
from engine.core.sending.suppression import Suppressed
from engine.runtime.census import Census, Seen
from engine.runtime.ports import StoreError
from engine.runtime.records import (
    ENDED,
    Batch,
    Count,
    Counted,
    Decision,
    Dispatch,
    DispatchState,
    Entry,
    Kept,
    Mark,
    Person,
    Place,
    Published,
    Save,
    Version,
)

_PAGE = 1_000

_Item = TypeVar("_Item")


class _Chunk(NamedTuple):
    saved_at: Millis
    content: bytes


class MemoryStore:
    """Keeps everything in memory."""

    def __init__(self) -> None:
        self._decided: list[tuple[int, Decision]] = []
        """Each with its commit, in the order in which they were written."""
        self._pruned = 0
        self._mark = Mark(0, 0, 0)
        self._journal: dict[int, list[Entry]] = {}
        self._people: dict[str, Save] = {}
        self._chunks: dict[str, list[_Chunk]] = {}
        self._links: dict[str, str] = {}
        self._linked: dict[int, Millis] = {}
        self._suppressed: dict[Place, Suppressed] = {}
        self._counts: dict[Counted, Count] = {}
        self._cursors: dict[str, str] = {}
        self._census = Census()
        self._versions: list[Version] = []
        self._dispatches: dict[str, Dispatch] = {}
        self._changed: dict[str, int] = {}
        """The commit in which each message was last written."""

    @property
    def decisions(self) -> list[Decision]:
        """In the order in which they were written."""
        return [decision for _, decision in self._decided]

    def __len__(self) -> int:
        """How many users are kept."""
        return len(self._people)

    async def mark(self) -> Mark:
        """How far the store has got."""
        await trio.lowlevel.checkpoint()
        return self._mark

    async def write(self, batch: Batch) -> None:
        """Write all of it."""
        await trio.lowlevel.checkpoint()
        self.apply(batch)

    def apply(self, batch: Batch) -> None:
        """Write all of it, at once."""
        mark = self._mark
        commits = mark.commits + 1
        self._mark = Mark(commits, max(mark.number, batch.number), max(mark.now, batch.now))
        if batch.version is not None:
            self._versions.append(batch.version)
        if batch.entries:
            self._journal[commits] = list(batch.entries)
        self._links |= batch.links
        self._linked |= batch.linked
        for place, suppressed in batch.suppressed.items():
            self._suppressed.pop(place, None)
            if suppressed is not None:
                self._suppressed[place] = suppressed
        self._decided += [(commits, decision) for decision in batch.decisions]
        self._dispatches |= batch.dispatches
        self._changed |= dict.fromkeys(batch.dispatches, commits)
        self._cursors |= batch.cursors
        self._census.take(batch, self._mark.now)
        for counted, amount in batch.counts.items():
            before = self._counts.get(counted, Count(counted, 0.0, self._mark.now))
            self._counts[counted] = before._replace(amount=before.amount + amount)
        for save in batch.saves:
            self._save(save)
        for name in batch.gone:
            self._forget(name)
        for commit in list(takewhile(lambda each: each < batch.journal_from, self._journal)):
            del self._journal[commit]

    async def load(self, name: str) -> Kept | None:
        """What is kept of a user; None where nothing is."""
        await trio.lowlevel.checkpoint()
        save = self._people.get(name)
        if save is None:
            return None
        chunks = tuple(chunk.content for chunk in self._chunks.get(name, ()))
        return Kept(save.number, save.version, save.state, chunks)

    def versions(self) -> AsyncIterator[list[Version]]:
        """All versions of the trigger files that are kept, oldest first."""
        return _paged(self._versions)

    def links(self) -> AsyncIterator[list[tuple[str, str]]]:
        """All ids that lead elsewhere, each with the id that it leads to."""
        return _paged(list(self._links.items()))

    def linked(self) -> AsyncIterator[list[tuple[int, Millis]]]:
        """Hashes of the ids of messages that linked ids, and when, oldest first."""
        return _paged(sorted(self._linked.items(), key=lambda each: each[1]))

    def suppressions(self) -> AsyncIterator[list[tuple[str, Suppressed]]]:
        """All addresses that are suppressed, one for each channel and list."""
        return _paged([(address, mark) for (address, _, _), mark in self._suppressed.items()])

    def journal(self) -> AsyncIterator[list[Entry]]:
        """The entries that are kept, in the order in which they were written."""
        return _paged([entry for entries in self._journal.values() for entry in entries])

    def people(self) -> AsyncIterator[list[Person]]:
        """All users who are kept."""
        return _paged([Person(name, save.number, save.horizon) for name, save in self._people.items()])

    def unended(self) -> AsyncIterator[list[Dispatch]]:
        """The messages that are not ended, in the order in which they were decided."""
        return _paged([dispatch for dispatch in self._dispatches.values() if dispatch.state not in ENDED])

    async def behind(self, version: int, after: str, limit: int) -> list[str]:
        """Up to `limit` users who have not taken up `version`, in the order of their names, those after `after`."""
        await trio.lowlevel.checkpoint()
        return [name for name in sorted(self._people) if name > after and self._people[name].version < version][:limit]

    async def counts(self) -> list[Count]:
        """All that was counted."""
        await trio.lowlevel.checkpoint()
        return list(self._counts.values())

    async def events(self) -> list[Seen]:
        """What events there are."""
        await trio.lowlevel.checkpoint()
        return list(self._census.seen.values())

    async def dispatch(self, dispatch_id: str) -> Dispatch | None:
        """A message, by its id."""
        await trio.lowlevel.checkpoint()
        return self._dispatches.get(dispatch_id)

    async def dispatches(
        self, *, states: Collection[DispatchState] = (), name: str = "", limit: int = 100
    ) -> list[Dispatch]:
        """Messages, the latest change first; those in some states, or of one user, if given."""
        await trio.lowlevel.checkpoint()
        found = [
            each
            for each in reversed(self._dispatches.values())
            if (not states or each.state in states) and (not name or each.name == name)
        ]
        return sorted(found, key=lambda each: -each.changed)[:limit]

    async def accepted_for(self, address: str, destination: str, since: Millis, until: Millis) -> Dispatch | None:
        """The message that a destination accepted last for an address, as addresses are compared, between two instants.

        None where there is none, or where it was handed over by a version that kept no address of it.
        """
        await trio.lowlevel.checkpoint()
        accepted = [each for each in self._accepted(destination, since) if each.address == address]
        return next((each for each in accepted if each.changed <= until), None)

    async def mailed(self, destination: str, since: Millis, limit: int) -> list[str]:
        """The addresses of the latest messages, up to `limit`, that a destination has accepted; the latest first."""
        await trio.lowlevel.checkpoint()
        return list(dict.fromkeys(each.address for each in self._accepted(destination, since)[:limit]))

    def _accepted(self, destination: str, since: Millis) -> list[Dispatch]:
        """The messages for an address that a destination has accepted, the latest first."""
        found = [
            each
            for each in reversed(self._dispatches.values())
            if each.state == "accepted" and each.address and each.destination == destination and each.changed >= since
        ]
        return sorted(found, key=lambda each: -each.changed)

    async def upkeep(self, _work: Callable[[Any], object]) -> Never:
        """There is no file to look at.

        Raises:
            StoreError: always.

        """
        raise StoreError("this sidecar keeps everything in memory (`store: memory`): there is no file")

    async def cursor(self, name: str) -> str:
        """How far the one of that name, who is asked, has told; empty where that is not known."""
        await trio.lowlevel.checkpoint()
        return self._cursors.get(name, "")

    async def changed(self, after: tuple[Millis, str], limit: int) -> list[Dispatch]:
        """Messages in the order of their last change, then of their ids, after such an instant and id."""
        await trio.lowlevel.checkpoint()
        found = sorted(self._dispatches.values(), key=lambda each: (each.changed, each.id))
        return [each for each in found if (each.changed, each.id) > after][:limit]

    async def published(self, after: int, upto: int, limit: int) -> list[Published]:
        """Firings, and messages as they were last written, by commits: at least a whole one, and at most `limit`."""
        await trio.lowlevel.checkpoint()
        found = [Published(commit, decision) for commit, decision in self._decided if after < commit <= upto]
        found += [
            Published(commit, self._dispatches[each])
            for each, commit in self._changed.items()
            if after < commit <= upto
        ]
        found.sort(key=lambda each: each.commit)
        if len(found) <= limit:
            return found
        cut = max(found[0].commit + 1, found[limit].commit)
        return [each for each in found if each.commit < cut]

    async def pruned(self) -> int:
        """The latest commit of which something is let go that `published` would have given."""
        await trio.lowlevel.checkpoint()
        return self._pruned

    async def prune(self, before: Millis, retained: Millis, linked: Millis, passed: int) -> list[str]:
        """Let go of what is too old; returns visitors who may be forgotten."""
        await trio.lowlevel.checkpoint()
        for chunks in self._chunks.values():
            chunks[:] = [chunk for chunk in chunks if chunk.saved_at >= before]
        self._prune_published(retained)
        self._linked = {hashed: at for hashed, at in self._linked.items() if at >= linked}
        self._prune_versions(retained, passed)
        leads = set(self._links.values())
        return [name for name, save in self._people.items() if _may_go(save, before) and name not in leads]

    def _prune_published(self, retained: Millis) -> None:
        gone = [commit for commit, decision in self._decided if decision.firing.at < retained]
        self._decided = [each for each in self._decided if each[1].firing.at >= retained]
        for each in list(self._dispatches.values()):
            if each.state in ENDED and each.changed < retained:
                del self._dispatches[each.id]
                gone.append(self._changed.pop(each.id))
        self._pruned = max([self._pruned, *gone])

    def _prune_versions(self, retained: Millis, passed: int) -> None:
        """Let go of the versions that were superseded long ago, and by which nobody goes any more."""
        oldest = min((save.version for save in self._people.values()), default=0)
        while len(self._versions) > 1 and self._versions[0].number < oldest:
            successor = self._versions[1]
            if successor.at >= retained or successor.number > passed:
                break
            del self._versions[0]

    def _save(self, save: Save) -> None:
        self._people[save.name] = save
        chunks = self._chunks.setdefault(save.name, [])
        if save.whole:
            chunks.clear()
        if save.chunk:
            chunks.append(_Chunk(self._mark.now, save.chunk))

    def _forget(self, name: str) -> None:
        self._people.pop(name, None)
        self._chunks.pop(name, None)


def _may_go(save: Save, before: Millis) -> bool:
    return save.bare and save.touched < before and save.horizon == INF


async def _paged(items: Sequence[_Item]) -> AsyncIterator[list[_Item]]:
    """A few at a time."""
    await trio.lowlevel.checkpoint()
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        yield page
        await trio.lowlevel.checkpoint()
