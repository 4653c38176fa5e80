"""The loader: a sleeping user, as they were when they fell asleep, or when the process did not live to save them."""

from engine.core.events import INF
from engine.core.snapshot import SnapshotError
from engine.core.user import User
from engine.runtime.ports import Store, StoreError
from engine.runtime.records import Entry, Kept
from engine.runtime.turn import take_turn
from engine.runtime.versions import Versions


class Loader:
    """Loads users. `tail` holds, by user, the turns in the journal that came after they were last saved."""

    def __init__(self, store: Store, versions: Versions) -> None:
        self.tail: dict[str, list[Entry]] = {}
        self._store = store
        self._versions = versions

    async def load(self, name: str, first: int = INF) -> tuple[User, int]:
        """The user, with the number of their last turn; one who is new goes by what is in force at turn `first`.

        Turns that were recorded but not saved are taken again; what they decide has been recorded with them.

        Raises:
            StoreError: what is kept cannot be read.

        """
        kept = await self._store.load(name)
        tail = self.tail.pop(name, [])
        if kept is not None:
            user, number = self._restored(kept), kept.number
        else:
            begun = tail[0].number if tail else first
            user, number = User(name, self._versions.program_before(begun)), 0
        for entry in tail:
            if entry.number > number:
                take_turn(user, self._versions, entry.number, entry.now, entry.item)
                number = entry.number
        user.exposures.credits.clear()  # they were counted when these turns were taken for the first time
        return user, number

    def _restored(self, kept: Kept) -> User:
        program = self._versions.program_of(self._versions.unchanged_until(kept.version))
        try:
            return User.restore(kept.state, kept.chunks, program)
        except SnapshotError as error:
            # Not to start anew: what is kept would be overwritten with less.
            raise StoreError(
                f"the state of a user cannot be read ({error}); `impel db check` finds whose it is"
            ) from error
