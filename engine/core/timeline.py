"""Where an event stands, and all events of one user in that order.

A *place* on a timeline is one int, `ts << 40 | seq`: places compare as the pairs (ts, seq) do. An occurrence that lies
after all events of its millisecond has the highest seq there is.
"""

from bisect import bisect_left

import msgspec

from engine.core.events import Millis

SHIFT = 40
LAST = (1 << SHIFT) - 1

Place = int


def place_of(ts: Millis, seq: int) -> Place:
    """The place of the event with that number of arrival."""
    return ts << SHIFT | seq


def after_all(ts: Millis) -> Place:
    """The place after all events of that millisecond."""
    return ts << SHIFT | LAST


def instant(place: Place) -> Millis:
    """The millisecond of a place."""
    return place >> SHIFT


def seq_of(place: Place) -> int:
    """The number of arrival of a place."""
    return place & LAST


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as the timeline keeps it; `properties` are raw."""

    ts: Millis
    seq: int
    name: str
    received_at: Millis
    history: bool
    properties: bytes

    @property
    def place(self) -> Place:
        """Where it stands."""
        return place_of(self.ts, self.seq)


class Timeline:
    """A user's events in the order of `(ts, seq)`."""

    __slots__ = ("places", "records")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.records: list[Recorded] = []

    def __len__(self) -> int:
        return len(self.places)

    def insert(self, place: Place, record: Recorded) -> None:
        """Put an event in its place: at the end, unless it came late."""
        if not self.places or self.places[-1] < place:
            self.places.append(place)
            self.records.append(record)
            return
        at = bisect_left(self.places, place)
        self.places.insert(at, place)
        self.records.insert(at, record)

    def forget(self, before: Place) -> list[Recorded]:
        """Drop and return what stands before that place."""
        cut = bisect_left(self.places, before)
        gone = self.records[:cut]
        del self.places[:cut], self.records[:cut]
        return gone

    def newest_first(self, limit: int, name: str | None = None) -> list[Recorded]:
        """Up to `limit` events, of one name if given."""
        found: list[Recorded] = []
        for record in reversed(self.records):
            if len(found) == limit:
                break
            if name is None or record.name == name:
                found.append(record)
        return found

    def _check(self) -> None:
        """Assert the invariants, for tests."""
        assert self.places == sorted(set(self.places))  # noqa: S101  an invariant is an assertion
        assert self.places == [record.place for record in self.records]  # noqa: S101
