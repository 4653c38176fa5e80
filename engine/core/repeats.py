"""Which messages a user has seen already: a client that sends again after a lost answer is not counted twice."""

from xxhash import xxh3_64_intdigest

from engine.core.events import Millis

REMEMBERED: Millis = 24 * 3_600_000
"""How long a messageId is recognised, ms."""

_SIGN = 1 << 63
_FEW = 64


def fingerprint(message_id: str) -> int:
    """A message id's 64-bit hash, signed, as databases keep integers."""
    return xxh3_64_intdigest(message_id.encode()) - _SIGN


class Repeats:
    """64-bit hashes of message ids, each with the instant at which it was seen, oldest first."""

    __slots__ = ("_many", "seen")

    def __init__(self) -> None:
        self.seen: dict[int, Millis] = {}
        self._many = _FEW

    def is_repeated(self, message_id: str, now: Millis) -> bool:
        """Whether the id was seen in the last 24 hours; from now on it was. An empty id never was."""
        if not message_id:
            return False
        digest, seen = fingerprint(message_id), self.seen
        before = seen.get(digest)
        if before is not None:
            if now - before < REMEMBERED:
                return True
            del seen[digest]
        elif len(seen) >= self._many:
            self.forget(now)
        seen[digest] = now
        return False

    def forget(self, now: Millis) -> None:
        """Let go of what is not recognised any more; it happens by itself each time their number has doubled."""
        self.seen = {digest: at for digest, at in self.seen.items() if now - at < REMEMBERED}
        self._many = max(2 * len(self.seen), _FEW)

    def absorb(self, other: "Repeats") -> None:
        """Know what the other knows."""
        self.seen = dict(sorted((self.seen | other.seen).items(), key=lambda each: each[1]))
