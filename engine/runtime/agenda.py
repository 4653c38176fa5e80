"""The agenda: one heap of deadlines for all users, with lazy deletion.

Each user has one slot. Putting a deadline off, by far the commonest change, only stores the new instant in the slot;
the entry that already lies in the heap stays, and when it comes up it is pushed again at the slot's instant. Bringing a
deadline forward pushes a second entry, and the slot remembers which one counts. An entry carries a number of its own,
so that two of the same instant never compare their slots.
"""

import heapq
from collections.abc import Iterable
from itertools import count

from engine.core.events import INF, Millis

_SLACK = 1_000


class _Slot:
    """One user's deadline, and the entry of the heap that will bring it up."""

    __slots__ = ("at", "entry", "heaped", "name")

    def __init__(self, name: str, at: Millis = INF, entry: int = -1) -> None:
        self.name = name
        self.at = at
        self.heaped = at
        self.entry = entry


class Agenda:
    """Deadlines by user. It is told the time and never asks for it."""

    def __init__(self) -> None:
        self._slots: dict[str, _Slot] = {}
        self._heap: list[tuple[Millis, int, _Slot]] = []
        self._numbers = count()

    def __len__(self) -> int:
        """How many users have a deadline."""
        return len(self._slots)

    def fill(self, deadlines: Iterable[tuple[str, Millis]]) -> None:
        """Give many users, none of whom has a deadline, theirs at once, in two thirds of the time of setting each."""
        for name, at in deadlines:
            if at < INF:
                slot = self._slots[name] = _Slot(name, at, next(self._numbers))
                self._heap.append((at, slot.entry, slot))
        heapq.heapify(self._heap)

    def set(self, name: str, at: Millis) -> None:
        """Give the user `name` the deadline `at` in place of the one before; INF takes it away."""
        slot = self._slots.get(name)
        if slot is not None and slot.at == at:
            return
        if at >= INF:
            if slot is not None:
                self._forget(slot)
            return
        if slot is None:
            slot = self._slots[name] = _Slot(name)
        slot.at = at
        if at < slot.heaped:
            self._push(slot)

    def earliest(self) -> Millis:
        """An instant before which nothing falls due; INF where nothing ever will."""
        return self._heap[0][0] if self._heap else INF

    def pop(self, now: Millis) -> tuple[str, Millis] | None:
        """Take out a user whose deadline is reached, and the deadline; None when no more is due at `now`."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, number, slot = heapq.heappop(heap)
            if slot.entry != number:
                continue
            if slot.at > at:
                self._push(slot)
                continue
            self._forget(slot)
            return slot.name, at
        return None

    def _forget(self, slot: _Slot) -> None:
        del self._slots[slot.name]
        slot.entry = -1

    def _push(self, slot: _Slot) -> None:
        slot.heaped = slot.at
        slot.entry = next(self._numbers)
        heapq.heappush(self._heap, (slot.at, slot.entry, slot))
        if len(self._heap) > 2 * len(self._slots) + _SLACK:
            self._heap[:] = [entry for entry in self._heap if entry[2].entry == entry[1]]
            heapq.heapify(self._heap)

    def _check(self) -> None:
        """Each slot has exactly one live entry, no later than its deadline; the heap is a heap without twins."""
        live = [(at, slot) for at, number, slot in self._heap if slot.entry == number]
        assert {slot.name for _, slot in live} == set(self._slots)  # noqa: S101 - an invariant, for tests
        assert len(live) == len(self._slots)  # noqa: S101 - the same
        assert all(at == slot.heaped <= slot.at < INF for at, slot in live)  # noqa: S101 - the same
        assert all(self._slots[slot.name] is slot for _, slot in live)  # noqa: S101 - the same
        parents = ((self._heap[(i - 1) // 2], entry) for i, entry in enumerate(self._heap) if i)
        assert all(parent[:2] < child[:2] for parent, child in parents)  # noqa: S101 - the same
