"""A store that forgets when the process ends."""

import trio


class MemoryStore:
    """Keeps snapshots in memory."""

    def __init__(self) -> None:
        self._snapshots: dict[str, bytes] = {}

    def __len__(self) -> int:
        """How many users are kept."""
        return len(self._snapshots)

    async def load(self, name: str) -> bytes | None:
        """The snapshot of the user, None where there is none."""
        await trio.lowlevel.checkpoint()
        return self._snapshots.get(name)

    async def save(self, name: str, snapshot: bytes) -> None:
        """Keep the snapshot in place of the one before."""
        await trio.lowlevel.checkpoint()
        self._snapshots[name] = snapshot

    async def delete(self, name: str) -> None:
        """Forget the user, if known."""
        await trio.lowlevel.checkpoint()
        self._snapshots.pop(name, None)
