"""Which messages a user has seen already: a client that sends again after a lost answer is not counted twice."""

from itertools import takewhile

from xxhash import xxh3_64_intdigest

from engine.core.events import Millis

REMEMBERED: Millis = 24 * 3_600_000
"""How long a messageId is recognised, ms."""

_SIGN = 1 << 63

SELDOM = 63
"""One hash in 64 has none of these bits: so often old ones are let go of."""


def fingerprint(message_id: str) -> int:
    """A message id's 64-bit hash, signed, as databases keep integers."""
    return xxh3_64_intdigest(message_id.encode()) - _SIGN


class Repeats:
    """64-bit hashes of message ids, each with the instant at which it was seen, oldest first."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: dict[int, Millis] = {}

    def is_repeated(self, message_id: str, now: Millis) -> bool:
        """Whether the id was seen in the last 24 hours; from now on it was. An empty id never was."""
        if not message_id:
            return False
        digest = fingerprint(message_id)
        before = self.seen.get(digest)
        if before is not None and now - before < REMEMBERED:
            return True
        if before is not None or not digest & SELDOM:
            self.forget(now)
        self.seen[digest] = now
        return False

    def forget(self, now: Millis) -> None:
        """Let go of what is not recognised any more."""
        seen = self.seen
        for digest in list(takewhile(lambda each: now - seen[each] >= REMEMBERED, seen)):
            del seen[digest]

    def absorb(self, other: "Repeats") -> None:
        """Know what the other knows."""
        seen = sorted((self.seen | other.seen).items(), key=lambda each: each[1])
        self.seen.clear()
        self.seen.update(seen)
