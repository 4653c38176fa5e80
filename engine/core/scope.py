"""What a trigger looks at: the user's whole timeline, or only the events that bear one value of a property."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.core.events import Scalar
from engine.core.series import Feed, first_after, last_before, series_of
from engine.core.timeline import Place
from engine.core.where import Properties

if TYPE_CHECKING:
    from engine.core.program import CompiledTrigger
    from engine.core.watch import Watch


class Scope:
    """The series fed by one part of the timeline, made when first fed, and the watches over it."""

    __slots__ = ("_whole", "born", "last", "series", "silence", "value", "watches")

    def __init__(self, whole: "Whole | None", value: Scalar | None, silence: "Scope | None", born: int) -> None:
        self.series: dict[int, Any] = {}
        """By key; which kind of series a key stands for is settled when the triggers are compiled."""
        self.watches: dict[CompiledTrigger, Watch] = {}
        """The watches over it, by trigger."""
        self._whole = whole
        """None for the whole timeline itself: a reference to itself would keep it in memory until it is looked for."""
        self.value = value
        self.silence = silence
        """Events that bear no value at all: they count against silence here too."""
        self.born = born
        """`seq` of the first event in it."""
        self.last = born
        """The latest place in it, by which it is forgotten."""

    def feed(self, feeds: Iterable[Feed], place: Place, properties: Properties, *, history: bool) -> None:
        """Let an event in."""
        for feed in feeds:
            series = series_of(self.series, feed.key, feed.make)
            series.insert(place, feed.extract(properties) if feed.extract else None, history)

    def forget(self, before: Place) -> None:
        """Let go of what stands before that place."""
        for series in self.series.values():
            series.forget(before)

    def first_after(self, key: int, place: Place) -> Place | None:
        """The first event strictly after a place, of those that break a silence here."""
        found = first_after(self.series.get(key), place)
        other = None if self.silence is None else first_after(self.silence.series.get(key), place)
        return found if other is None or (found is not None and found < other) else other

    def last_before(self, key: int, place: Place) -> Place | None:
        """The last event strictly before a place, of those that break a silence here."""
        found = last_before(self.series.get(key), place)
        other = None if self.silence is None else last_before(self.silence.series.get(key), place)
        return found if other is None or (found is not None and found > other) else other

    @property
    def whole(self) -> "Whole":
        """The user's whole timeline, where traits and segments are looked up."""
        if self._whole is not None:
            return self._whole
        assert isinstance(self, Whole)  # noqa: S101  only a Whole stands on its own
        return self


class Whole(Scope):
    """The whole timeline of a user, with the profile and the lists the user is on."""

    __slots__ = ("lists", "profile")

    def __init__(self, profile: dict[str, Any] | None = None, lists: set[str] | None = None) -> None:
        super().__init__(None, None, None, 0)
        self.profile: dict[str, Any] = {} if profile is None else profile
        self.lists: set[str] = set() if lists is None else lists
