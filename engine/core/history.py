"""All that is kept of what a user did: the timeline, and the series that are fed from it, scope by scope."""

from collections.abc import Iterator

from engine.core.archive import Archive
from engine.core.events import Millis, Scalar
from engine.core.program import Program, Route
from engine.core.scope import Scope, Whole
from engine.core.timeline import Place, Recorded, Timeline, after_all, instant
from engine.core.where import Key, Properties, kind, scalar_key

_SLACK = 16


def forgets_at(keep: Millis) -> Millis:
    """How old the oldest event grows before what is older than `keep` is forgotten; later than it might, to be rare."""
    return keep + keep // _SLACK


class Seen:
    """An event together with what the program makes of it: the scopes that it enters, the selectors that take it."""

    __slots__ = ("borne", "hits", "place", "properties", "record", "takers")

    def __init__(self, record: Recorded, properties: Properties, route: Route) -> None:
        self.record = record
        self.place = record.place
        self.properties = properties
        self.takers = [taker for taker in route.takers if taker.asks is None or taker.asks(properties)]
        self.borne: list[Scope | None] = []
        """For each `per` property, the scope of the value that the event bears."""
        self.hits = frozenset([taker.key for taker in self.takers])


class History:
    """The timeline and the series of one user, under one program."""

    __slots__ = ("archive", "births", "program", "scopes", "silences", "timeline", "whole")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.timeline = Timeline()
        self.archive = Archive()
        self.whole = Whole()
        self.silences = [Scope(self.whole, None, None, 0) for _ in program.paths]
        self.scopes: list[dict[Key, Scope]] = [{} for _ in program.paths]
        self.births: list[dict[Key, int]] = [{} for _ in program.paths]
        """`seq` of the first event with a value whose events are all forgotten: values keep their order."""

    def read(self, name: str, properties: bytes) -> Properties:
        """The properties of an event of that name, if anybody asks for them."""
        reader = self.program.route(name).reader
        return {} if reader is None else reader.read(properties)

    def see(self, record: Recorded, properties: Properties) -> Seen:
        """Find out whom an event concerns; scopes that it is the first to enter are made."""
        seen = Seen(record, properties, self.program.route(record.name))
        for index, find in enumerate(self.program.paths):
            value = find(properties)
            seen.borne.append(None if kind(value) is None else self._entered(index, value, seen))
        return seen

    def _entered(self, index: int, value: Scalar, seen: Seen) -> Scope:
        scope = self.scopes[index].get(scalar_key(value))
        if scope is None:
            scope = self.enter(index, value, seen.record.seq)
        scope.born = min(scope.born, seen.record.seq)
        scope.last = max(scope.last, seen.place)
        return scope

    def enter(self, index: int, value: Scalar, born: int) -> Scope:
        """The scope of a value, made if it is new."""
        key, scopes = scalar_key(value), self.scopes[index]
        if key not in scopes:
            first = self.births[index].pop(key, born)
            scopes[key] = Scope(self.whole, value, self.silences[index], min(first, born))
        return scopes[key]

    def drop(self, index: int, key: Key) -> None:
        """Let go of a scope; when its value was first seen is kept, as long as there are not too many."""
        births = self.births[index]
        births[key] = self.scopes[index].pop(key).born
        limit = self.program.history_limit
        if limit is not None and len(births) > limit:
            del births[next(iter(births))]

    def counterpart(self, index: int | None, scope: Scope) -> Scope:
        """The scope here of what another history's scope stands for."""
        if index is None or scope.value is None:
            return self.whole
        return self.enter(index, scope.value, scope.born)

    def take(self, seen: Seen) -> None:
        """Let an event into the timeline and all that is fed from it."""
        self.timeline.insert(seen.place, seen.record)
        self.archive.fresh.append(seen.record)
        self._feed(seen)

    def _feed(self, seen: Seen) -> None:
        place, properties, history = seen.place, seen.properties, seen.record.history
        for taker in seen.takers:
            if taker.whole:
                self.whole.feed(taker.whole, place, properties, history=history)
            for index, scope in enumerate(seen.borne):
                feeds = taker.silence[index] if scope is None else taker.by_value[index]
                if feeds:
                    (scope or self.silences[index]).feed(feeds, place, properties, history=history)

    def surplus(self, now: Millis) -> tuple[Place, list[Recorded]] | None:
        """Before which place to forget, and which of that is still young but too much; None if nothing need go."""
        places, limit, keep = self.timeline.places, self.program.history_limit, self.program.keep
        if limit is not None and len(places) > limit:
            too_many = len(places) - limit
            return places[too_many], self.timeline.records[:too_many]
        if places and now - instant(places[0]) >= forgets_at(keep):
            return after_all(now - keep), []
        return None

    def forget(self, before: Place) -> None:
        """Let go of all events before that place."""
        if self.timeline.forget(before):
            self.archive.forget(before)
        for scope in self.all_scopes():
            scope.forget(before)

    def rebuild(self) -> None:
        """Feed all series anew from the timeline, as after a change of the program or of the timeline."""
        for scope in self.all_scopes():
            scope.series.clear()
        for record in self.timeline.records:
            self._feed(self.see(record, self.read(record.name, record.properties)))

    def all_scopes(self) -> Iterator[Scope]:
        """Every scope there is."""
        yield self.whole
        yield from self.silences
        for scopes in self.scopes:
            yield from scopes.values()
