"""What of a timeline is kept elsewhere, in chunks, so that saving a user costs what is new and not what is old.

Each snapshot hands out one chunk: the events that came since the one before, or, now and then, all of them, and then
the chunks before it are let go. Chunks are never changed. So they go on holding events that the timeline has forgotten,
and the state that is kept beside them says which: those that stood before a place when the user had got to a number of
arrival. (A later forgetting may reach less far, for a late event can stand before all others.)
"""

import msgspec

from engine.core.timeline import Place, Recorded, Timeline

_CHUNKS = 64
"""So many chunks are made one; a user with more would be slow to load."""

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(list[Recorded]).decode


class Forgotten(msgspec.Struct, frozen=True, array_like=True):
    """Everything that stood before `before` when the last to arrive was `seq`."""

    before: Place
    seq: int


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The archive as a state keeps it."""

    chunks: int = 0
    events: int = 0
    latest: int = -1
    forgotten: tuple[Forgotten, ...] = ()


class Archive:
    """What the chunks so far hold of a timeline."""

    __slots__ = ("_chunks", "_events", "_forgotten", "_latest", "fresh")

    def __init__(self, kept: Kept = Kept()) -> None:  # noqa: B008 - immutable
        self._chunks = kept.chunks
        self._events = kept.events
        self._latest = kept.latest
        self._forgotten = kept.forgotten
        self.fresh: list[Recorded] = []
        """The events that no chunk holds."""

    def kept(self) -> Kept:
        """All that must be known to read the chunks."""
        return Kept(self._chunks, self._events, self._latest, self._forgotten)

    def forget(self, before: Place) -> None:
        """The timeline has forgotten what stands before that place."""
        self._note_latest()
        if not self._chunks:
            self.fresh.clear()  # the first chunk will hold the whole timeline
        else:
            self.fresh[:] = [record for record in self.fresh if record.place >= before]
            further = tuple(each for each in self._forgotten if each.before > before)
            self._forgotten = (*further, Forgotten(before, self._latest))

    def discard(self) -> None:
        """What the chunks hold is not the timeline's any more: the next one holds all of it."""
        self._chunks = 0

    def chunk(self, timeline: Timeline, *, whole: bool = False) -> tuple[bytes, bool]:
        """The next chunk, empty bytes for one of nothing, and whether it holds all there is."""
        self._note_latest()
        live = len(timeline) - len(self.fresh)
        if whole or not 0 < self._chunks < _CHUNKS or self._events > 2 * live:
            self._chunks, self._events, self._forgotten = 0, 0, ()
            whole, records = True, timeline.records
        else:
            records = list(self.fresh)
        self.fresh.clear()
        self._events += len(records)
        self._chunks += 1 if records or whole else 0
        return _encode(records) if records else b"", whole

    def read(self, chunk: bytes) -> list[Recorded]:
        """The events of a chunk that the timeline has not forgotten.

        Raises:
            msgspec.MsgspecError: it is not a chunk.

        """
        records = _decode(chunk)
        if not self._forgotten:
            return records
        return [record for record in records if not self._has_forgotten(record)]

    def _note_latest(self) -> None:
        """Those that have entered since somebody asked are in `fresh`."""
        self._latest = max([self._latest, *[record.seq for record in self.fresh]])

    def _has_forgotten(self, record: Recorded) -> bool:
        return any(record.place < each.before and record.seq <= each.seq for each in self._forgotten)
