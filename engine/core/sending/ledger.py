"""The ledger: what one person was sent, or may have been, and what is on its way. It is what limits count."""

from collections.abc import Iterable, Iterator

from engine.core.events import Millis, Sent

__all__ = ["Ledger", "Sent"]


class Ledger:
    """What counts against the limits of one person: what was accepted, is unclear, or is in flight.

    A message counts once, from its latest attempt on.
    """

    __slots__ = ("_sent",)

    def __init__(self, sent: Iterable[Sent] = ()) -> None:
        self._sent = {each.id: each for each in sent}

    def __iter__(self) -> Iterator[Sent]:
        return iter(self._sent.values())

    def __len__(self) -> int:
        return len(self._sent)

    def enter(self, sent: Sent) -> None:
        """A message is being attempted."""
        self._sent.pop(sent.id, None)
        self._sent[sent.id] = sent

    def strike(self, message: str) -> None:
        """A message, by its id, was not taken: it does not count."""
        self._sent.pop(message, None)

    def forget(self, before: Millis) -> None:
        """Let go of what was sent before an instant."""
        self._sent = {each.id: each for each in self if each.at >= before}

    def absorb(self, other: "Ledger") -> None:
        """Know what the other knows, of two who turned out to be one person."""
        both = sorted([*other, *self], key=lambda each: (each.at, each.id))
        self._sent = {each.id: each for each in both}
