"""Which messages a user has seen already: a client that sends again after a lost answer is not counted twice."""

from hashlib import blake2b

from engine.core.events import Millis

REMEMBERED: Millis = 24 * 3_600_000
"""How long a messageId is recognised, ms."""


def fingerprint(message_id: str) -> int:
    """A message id's 64-bit hash, signed, as databases keep integers."""
    return int.from_bytes(blake2b(message_id.encode(), digest_size=8).digest(), "big", signed=True)


class Repeats:
    """64-bit hashes of message ids, each with the instant at which it was seen, oldest first."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: dict[int, Millis] = {}

    def is_repeated(self, message_id: str, now: Millis) -> bool:
        """Whether the id was seen in the last 24 hours; from now on it was. An empty id never was."""
        if not message_id:
            return False
        seen = self.seen
        while seen and now - seen[oldest := next(iter(seen))] >= REMEMBERED:
            del seen[oldest]
        digest = fingerprint(message_id)
        if digest in seen:
            return True
        seen[digest] = now
        return False

    def absorb(self, other: "Repeats") -> None:
        """Know what the other knows."""
        self.seen = dict(sorted((self.seen | other.seen).items(), key=lambda each: each[1]))
