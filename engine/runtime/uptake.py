"""The uptake: everybody takes up new trigger files soon, those who are asleep too."""

from collections.abc import Sequence

import trio

from engine.core.user import User
from engine.runtime.journal import Journal, Receipt
from engine.runtime.keeper import Keeper
from engine.runtime.loader import Loader
from engine.runtime.ports import Store
from engine.runtime.router import Router
from engine.runtime.versions import Versions

_TOGETHER = 100
"""Users who take up new trigger files at a time."""


class Uptake:
    """Wakes whoever lags behind what is in force, a few at a time."""

    def __init__(
        self, *, store: Store, journal: Journal, loader: Loader, router: Router, versions: Versions, keeper: Keeper
    ) -> None:
        self._store = store
        self._journal = journal
        self._loader = loader
        self._router = router
        self._versions = versions
        self._keeper = keeper
        self._changed = trio.Event()

    def begin(self) -> None:
        """There is something to take up, perhaps."""
        self._keeper.lagging = True
        self._changed.set()

    async def run(self) -> None:
        """Wake them, for ever."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            self._keeper.lagging = True
            current = self._versions.current.number
            await self._router.finish()
            await self._journal.flushed()
            self._keeper.superseded(current)
            since = self._versions.unchanged_since()
            behind = [actor.name for actor in self._router.awake.values() if self._is_behind(actor.user, since)]
            behind += self._loader.tail
            for start in range(0, len(behind), _TOGETHER):
                await self._wake(behind[start : start + _TOGETHER])
            name = ""
            while names := await self._store.behind(since, name, _TOGETHER):
                await self._wake(names)
                name = names[-1]
            self._keeper.lagging = self._changed.is_set()

    def _is_behind(self, user: User | None, version: int) -> bool:
        return user is not None and self._versions.number_of(user) < version

    async def _wake(self, names: Sequence[str]) -> None:
        receipt = Receipt()
        for each in names:
            await self._router.room(each)
            name = self._router.identities.find(each)  # only now: who waited may have become another's meanwhile
            if name is not None:
                self._router.wake(name, receipt)
        await self._journal.wait(receipt)
