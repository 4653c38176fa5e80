"""Addresses that nothing is sent to, whoever has them; held in memory, since each release asks."""

from collections.abc import Iterable

from engine.core.sending.suppression import Suppressed, normal
from engine.runtime.records import Place


class Addresses:
    """What is suppressed, by address; `marks` is for the rules of sending, and changes as this does."""

    def __init__(self) -> None:
        self.marks: dict[str, dict[tuple[str, str], Suppressed]] = {}

    def restore(self, kept: Iterable[tuple[str, Suppressed]]) -> None:
        """Take in what was kept."""
        for address, mark in kept:
            self.marks.setdefault(address, {})[mark.key] = mark

    def suppress(self, address: str, mark: Suppressed) -> Place | None:
        """Suppress an address; returns what it is kept under, or None where it is suppressed as strictly already.

        Services tell the same again and again, and two may disagree: the stricter stays, until somebody lifts it.
        """
        address = normal(address)
        marks = self.marks.setdefault(address, {})
        if not mark.adds_to(marks.get(mark.key)):
            return None
        marks[mark.key] = mark
        return address, *mark.key

    def lift(self, address: str, channel: str, name: str) -> Place:
        """Suppress an address no more; returns what it was kept under."""
        address = normal(address)
        marks = self.marks.get(address, {})
        marks.pop((channel, name), None)
        if not marks:
            self.marks.pop(address, None)
        return address, channel, name
