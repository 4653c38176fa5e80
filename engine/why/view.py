"""What one watch of a trigger sees of a past: the whole timeline, or the events that bear one value of `per`."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from engine.core.events import Millis, Scalar
from engine.core.timeline import Place, Recorded, after_all, seq_of
from engine.core.truth import Truth
from engine.core.where import follow, kind, scalar_key
from engine.language import tree
from engine.why.past import Met, Past


class View(NamedTuple):
    """Eyes on a past."""

    past: Past
    value: Scalar | None = None
    is_whole: bool = False
    """It looks at the whole timeline, though the trigger watches values."""

    @property
    def t(self) -> Millis:
        """The instant at which it looks."""
        return self.past.t

    @property
    def definitions(self) -> Mapping[str, tree.State | None]:
        """The segments."""
        return self.past.plan.definitions

    def whole(self) -> "View":
        """The same past, seen whole."""
        return self._replace(is_whole=True)

    def truth(self, state: tree.State) -> tuple[Truth, bool]:
        """Whether a state holds, as `engine.core.truth` has it, and whether that says exactly until when."""
        return self.past.truth(state, self.value, whole=self.is_whole)

    def holds(self, state: tree.State) -> bool:
        """Whether a state holds."""
        return self.truth(state)[0] > 0

    def met(self, moment: tree.Moment) -> list[Met]:
        """When a moment happened."""
        return [met for met in self.begun(moment) if met.is_fresh]

    def begun(self, moment: tree.Moment) -> list[Met]:
        """The same, and once more where a later beginning of it came to light."""
        return self.past.met(moment, self.value)

    def events(self, selector: tree.Selector, *, silence: bool = False) -> list[Recorded]:
        """The events that a selector takes, in their order; with `silence`, those too that bear no value at all."""
        takes = self.past.subject.taker(selector)
        return [record for record in self.past.records if self._sees(record, silence=silence) and takes(record)]

    def like(self, selector: tree.Selector) -> list[Recorded]:
        """The events of the names that a selector takes, whatever it asks of them."""
        return self.events(tree.Selector(tuple(tree.Choice(choice.name) for choice in selector.choices)))

    def window(self, selector: tree.Selector, within: int | None) -> list[Recorded]:
        """Those that lie in a window."""
        after = self.t - self.span(within)
        return [record for record in self.events(selector) if after < record.ts]

    def span(self, within: int | None) -> Millis:
        """A span in ms: without `within` it is the retention."""
        return self.past.plan.retention if within is None else within

    def event_at(self, place: Place) -> Recorded | None:
        """The event at a place; None where that is the place of an instant."""
        records = self.past.records
        at = bisect_right(records, place, key=lambda record: record.place) - 1
        return records[at] if at >= 0 and records[at].seq == seq_of(place) and records[at].place == place else None

    def first_after(self, selector: tree.Selector, place: Place, before: Millis) -> Recorded | None:
        """The first event after a place, and before an instant, of those that break a silence."""
        found = self.events(selector, silence=True)
        return next((record for record in found if place < record.place < after_all(before - 1) + 1), None)

    def _sees(self, record: Recorded, *, silence: bool) -> bool:
        path = self.past.plan.trigger.per
        if path is None or self.is_whole or self.value is None:
            return True
        found = follow(self.past.subject.properties(record), path)
        return silence if kind(found) is None else scalar_key(found) == scalar_key(self.value)
