"""Recovery: from what the store holds to where the process was, before anything new is taken.

Nobody is woken to be read. The agenda needs only the users' deadlines, which stand beside them, or, of those who had
turns since they were saved, in the journal; these turns are taken again when their user is next awake. Then whoever's
deadline passed meanwhile is woken, and settles it as of its instant.
"""

from collections.abc import Callable

import trio

from engine.core.events import Millis
from engine.runtime.addresses import Addresses
from engine.runtime.journal import Journal
from engine.runtime.loader import Loader
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Store
from engine.runtime.records import Entry
from engine.runtime.router import Router
from engine.runtime.versions import Versions

Tell = Callable[[str, int], None]
"""Told what is being read, and how many so far."""


class Recovery:
    """Puts the parts where they were."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        loader: Loader,
        router: Router,
        versions: Versions,
        outbox: Outbox,
        addresses: Addresses,
        tell: Tell,
    ) -> None:
        self._store = store
        self._journal = journal
        self._loader = loader
        self._router = router
        self._versions = versions
        self._outbox = outbox
        self._addresses = addresses
        self._tell = tell

    async def read(self) -> Millis:
        """Read all that is needed; returns the instant behind which time does not go back.

        Raises:
            StoreError: the store cannot be read, or is damaged.

        """
        mark = await self._store.mark()
        async for versions in self._store.versions():
            self._versions.restore(versions)
        taken = await self._read_journal()
        await self._read_people()
        await self._read_links()
        self._journal.begin(mark, self._loader.tail, taken)
        async for suppressed in self._store.suppressions():
            self._addresses.restore(suppressed)
        async for dispatches in self._store.unended():
            self._outbox.admit(dispatches)
        return mark.now

    async def settle(self) -> None:
        """Wait until every deadline that has passed is settled; the router must be running."""
        now, alarm = self._router.now(), self._router.alarm
        while alarm.earliest() <= now:
            self._tell("users with a deadline that has passed", len(alarm))
            await trio.sleep(0.01)
        await self._router.finish()
        await self._journal.flushed()

    async def _read_journal(self) -> int:
        """Group the turns by user, in order; returns how many there are."""
        tail, taken = self._loader.tail, 0
        async for entries in self._store.journal():
            for entry in entries:
                tail.setdefault(entry.name, []).append(entry)
                tail.pop(entry.absorbed, None)
            taken += len(entries)
            self._tell("turns in the journal", taken)
        return taken

    async def _read_people(self) -> None:
        """Set everybody's deadline, and forget the turns of those who were saved after them."""
        tail, known = self._loader.tail, 0
        unsaved: dict[str, list[Entry]] = dict(tail)
        deadlines: list[tuple[str, Millis]] = []
        async for people in self._store.people():
            for name, number, horizon in people:
                turns = unsaved.pop(name, None)
                if turns is None or turns[-1].number <= number:
                    tail.pop(name, None)
                    deadlines.append((name, horizon))
                else:
                    deadlines.append((name, turns[-1].horizon))
            self._router.identities.restore((name, name) for name, _, _ in people)
            known += len(people)
            self._tell("users", known)
        deadlines += [(name, turns[-1].horizon) for name, turns in unsaved.items()]
        self._router.alarm.fill(deadlines)
        self._router.identities.restore((name, name) for name in unsaved)

    async def _read_links(self) -> None:
        async for links in self._store.links():
            self._router.identities.restore(links)
        async for linked in self._store.linked():
            self._router.identities.restore((), linked)
