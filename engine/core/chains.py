"""Chains: `M then E [without X] within D` and `M then no E within D`.

Theory of operation. A completion of `M then E` pairs an event E with an occurrence of M before it, no X strictly
between, less than D after the chain's beginning; of several possible beginnings the latest counts. A pair can become
known through the event or through the occurrence, whichever is known last, so each step looks from both ends: from the
step's event back to the latest beginning, and from each new occurrence forward to the events after it, of which there
are none unless something came late. An X that comes late takes nothing back: a completion that is known stays known.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from engine.core.events import INF, Millis
from engine.core.moments import NONE, Happens, Moment
from engine.core.series import Places
from engine.core.timeline import Place, after_all, instant, place_of, seq_of
from engine.core.watch import Occurrence, Step, Watch


class Known(msgspec.Struct):
    """What a `Then` remembers: place -> latest beginning, of its first part and of its own completions."""

    begun: dict[Place, Millis] = msgspec.field(default_factory=dict)
    places: list[Place] = msgspec.field(default_factory=list)
    """The keys of `begun`, sorted."""
    top: Millis = -INF
    """No beginning in `begun` is later."""
    completed: dict[Place, Millis] = msgspec.field(default_factory=dict)

    def begin(self, occurrence: Occurrence) -> bool:
        """Take an occurrence of the first part; False for the later beginning of one that was never let through."""
        place, beginning, fresh = occurrence
        if place not in self.begun:
            if not fresh:
                return False
            insort(self.places, place)
        self.begun[place] = max(beginning, self.begun.get(place, beginning))
        self.top = max(self.top, beginning)
        return True

    def complete(self, found: Iterable[tuple[Place, Millis]]) -> list[Occurrence]:
        """Take completions; returns what is news about them."""
        news = []
        for place, beginning in found:
            former = self.completed.get(place)
            if former is None or former < beginning:
                self.completed[place] = beginning
                news.append(Occurrence(place, beginning, former is None))
        return news


class Then(Moment):
    """`M then E [without X] within D`."""

    def __init__(self, slot: int, first: Moment, then: int, without: int | None, span: Millis) -> None:
        self.slot = slot
        self.first = first
        self.then = then
        self.without = without
        self.span = span
        self._plain = first.key if isinstance(first, Happens) else None

    def parts(self) -> tuple[Moment, ...]:
        """The first part."""
        return (self.first,)

    def fresh_slot(self) -> Known:
        """Nothing known yet."""
        return Known()

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The completions that become known, and later beginnings of known ones."""
        known: Known = watch.slots[self.slot]
        begun: Iterable[Occurrence] = self.first.advance(watch, step)
        if self._plain is None:
            begun = [each for each in begun if known.begin(each)]
        if step.merged:
            begun = self._all_begun(watch, known)
        found = [pair for each in begun for pair in self._forward(watch, each)] if begun else []
        if step.live and self.then in step.hits:
            beginning = self.latest_beginning(watch, known, step.place)
            if beginning is not None:
                found.append((step.place, beginning))
        return known.complete(found) if found else NONE

    def latest_beginning(self, watch: Watch, known: Known, event: Place) -> Millis | None:
        """The latest possible beginning of a completion by that event."""
        best = oldest = instant(event) - self.span
        last_x = None if self.without is None else watch.scope.last_before(self.without, event)
        for place, beginning in self._begun_before(watch, known, event):
            if instant(place) <= best or (last_x is not None and place < last_x):
                break
            best = max(best, beginning)
            if best == known.top:
                break
        return best if best > oldest else None

    def _begun_before(self, watch: Watch, known: Known, event: Place) -> Iterator[tuple[Place, Millis]]:
        """Occurrences of the first part strictly before that event, latest place first."""
        if self._plain is None:
            for at in range(bisect_left(known.places, event) - 1, -1, -1):
                yield known.places[at], known.begun[known.places[at]]
        elif (series := watch.scope.series.get(self._plain)) is not None:
            for at in range(bisect_left(series.places, event) - 1, -1, -1):
                if series.places[at] not in series.history:
                    yield series.places[at], instant(series.places[at])

    def _all_begun(self, watch: Watch, known: Known) -> list[Occurrence]:
        everything = self._begun_before(watch, known, after_all(INF))
        return [Occurrence(place, beginning) for place, beginning in everything]

    def _forward(self, watch: Watch, begun: Occurrence) -> Iterator[tuple[Place, Millis]]:
        """The completions by known events after that occurrence."""
        series: Places | None = watch.scope.series.get(self.then)
        if series is None or not series.places or series.places[-1] <= begun.place:
            return
        first_x = None if self.without is None else watch.scope.first_after(self.without, begun.place)
        for at in range(bisect_right(series.places, begun.place), len(series.places)):
            place = series.places[at]
            too_late = instant(place) - begun.beginning >= self.span
            if too_late or (first_x is not None and place > first_x):
                return
            if place not in series.history:
                yield place, begun.beginning

    def absorb(self, watch: Watch, other: Known) -> None:
        """What is known of either timeline is known."""
        known: Known = watch.slots[self.slot]
        for place, beginning in other.begun.items():
            known.begin(Occurrence(place, beginning))
        known.complete(other.completed.items())

    def forget(self, watch: Watch, before: Place) -> None:
        """Let go of what stands before that place."""
        known: Known = watch.slots[self.slot]
        cut = bisect_left(known.places, before)
        for place in known.places[:cut]:
            del known.begun[place]
        del known.places[:cut]
        known.completed = {place: at for place, at in known.completed.items() if place >= before}

    def pack(self, watch: Watch) -> Any:
        """Both tables as lists of (ts, seq, beginning)."""
        known: Known = watch.slots[self.slot]
        return [
            [(instant(place), seq_of(place), beginning) for place, beginning in table.items()]
            for table in (known.begun, known.completed)
        ]

    def unpack(self, data: Any) -> Known:
        """The tables again."""
        known = Known()
        begun, completed = data
        for ts, seq, beginning in begun:
            known.begin(Occurrence(place_of(ts, seq), beginning))
        known.complete((place_of(ts, seq), beginning) for ts, seq, beginning in completed)
        return known


class ThenNo(Moment):
    """`M then no E within D`. Its slot holds the places of M whose silence has lasted so far, sorted."""

    def __init__(self, slot: int, first: Moment, absent: int, span: Millis) -> None:
        self.slot = slot
        self.first = first
        self.absent = absent
        self.span = span

    def parts(self) -> tuple[Moment, ...]:
        """The first part."""
        return (self.first,)

    def fresh_slot(self) -> list[Place]:
        """Nothing to wait for."""
        return []

    def advance(self, watch: Watch, step: Step) -> list[Occurrence]:
        """The silences that have lasted, each at its end."""
        waiting: list[Place] = watch.slots[self.slot]
        if self.absent in step.breaks:
            self.end(waiting, step.place)
        if step.merged:
            waiting[:] = [place for place in waiting if not self._broken(watch, place)]
        for place, _beginning, fresh in self.first.advance(watch, step):
            if fresh and not self._broken(watch, place):
                self.wait(waiting, place)
        over = bisect_right(waiting, after_all(step.t - self.span))
        lasted = [instant(place) + self.span for place in waiting[:over]]
        del waiting[:over]
        if waiting:
            watch.arm(instant(waiting[0]) + self.span)
        return [Occurrence(after_all(end), end) for end in lasted] if lasted else NONE

    def end(self, waiting: list[Place], event: Place) -> None:
        """End the waits that began before the event and were not over at its time."""
        begun_late_enough = bisect_right(waiting, after_all(instant(event) - self.span))
        del waiting[begun_late_enough : bisect_left(waiting, event)]

    def _broken(self, watch: Watch, place: Place) -> bool:
        """Whether a known event ended the wait from that place."""
        breaker = watch.scope.first_after(self.absent, place)
        return breaker is not None and instant(breaker) < instant(place) + self.span

    @staticmethod
    def wait(waiting: list[Place], place: Place) -> None:
        """Begin to wait from a place."""
        at = bisect_left(waiting, place)
        if waiting[at : at + 1] != [place]:
            waiting.insert(at, place)

    def absorb(self, watch: Watch, other: list[Place]) -> None:
        """What is pending on either timeline goes on pending."""
        for place in other:
            self.wait(watch.slots[self.slot], place)

    def pack(self, watch: Watch) -> Any:
        """The places as (ts, seq)."""
        return [(instant(place), seq_of(place)) for place in watch.slots[self.slot]]

    def unpack(self, data: Any) -> list[Place]:
        """The places again."""
        return [place_of(ts, seq) for ts, seq in data]

    def awaited(self, watch: Watch) -> Millis:
        """When the latest silence will have lasted."""
        waiting = watch.slots[self.slot]
        return instant(waiting[-1]) + self.span if waiting else 0
