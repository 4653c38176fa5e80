"""The text of one handler, from top to bottom: see `handlers`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.core.becoming import Becomes, For
from engine.core.chains import ThenNo
from engine.core.events import INF, JSON_OBJECT
from engine.core.history import forgets_at
from engine.core.moments import nodes
from engine.core.program import CompiledTrigger, Route
from engine.core.repeats import REMEMBERED, SELDOM, fingerprint
from engine.core.series import Feed, Latest, Places, last_live, last_of, series_of
from engine.core.timeline import SHIFT, Recorded
from engine.core.user import User
from engine.core.watch import Occurrence, Step
from engine.core.watches import Watches
from engine.core.where import kind
from engine.language import tree
from engine.language.domains import Constants, Domain, Value, Whole
from engine.language.expressions import HELPERS, Predicates, States
from engine.language.routes import Selected, choices_for
from engine.language.watchers import Lines, Unwritten, Watcher, any_of, both


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a handler must know beside the selectors."""

    routes: Mapping[str, Route]
    other: Route
    selected: Sequence[Selected]
    paths: Sequence[tree.Path]
    outsiders: Sequence[CompiledTrigger]
    texts: Mapping[str, str]
    """What each trigger's `when` is, as written."""
    retention: int
    history_after: int
    history_limit: int | None


Asked = tuple[Feed, tree.Path | tree.Where | None, list[str]]
"""A feed, what it wants of the properties, and when it is fed."""


def _is_armed(user: User, trigger: CompiledTrigger) -> bool:
    """Whether a watch of a trigger waits."""
    return any(watch.trigger is trigger for watch in user.deadlines.armed)


_HELPERS: Mapping[str, object] = {
    **HELPERS,
    "INF": INF,
    "Occurrence": Occurrence,
    "Recorded": Recorded,
    "Step": Step,
    "begin": Watches.over,
    "fingerprint": fingerprint,
    "is_armed": _is_armed,
    "kind": kind,
    "last_live": last_live,
    "last_of": last_of,
    "series_of": series_of,
    "wait": ThenNo.wait,
}

_GENERAL = "return fired + user.take(event, user.history.read(event.name, event.properties), now)"


class Script:
    """Writes one handler. `p` is what was read of the event's properties."""

    def __init__(self, circumstances: Circumstances, name: str | None) -> None:
        self._circumstances = circumstances
        self._name = name
        self._reader = (circumstances.other if name is None else circumstances.routes[name]).reader
        if self._reader is not None and not self._reader.is_narrow:
            raise Unwritten
        self._constants = Constants(_HELPERS)
        self._predicates = Predicates(self._reader.fields if self._reader else {}, self._constants)
        feeds = {feed.key: feed for each in circumstances.selected for feed in each.whole}
        self._whole = Whole(feeds, self._constants)
        self._values = [Value(index) for index in range(len(circumstances.paths))]
        self._states = States(self._whole, self._constants)
        self._taken = [
            (each, choices) for each in circumstances.selected if (choices := choices_for(each.selector, name))
        ]
        self._hits: dict[int, str] = {}
        """By the key of a selector: whether it takes the event."""
        self._watched: defaultdict[CompiledTrigger, list[str]] = defaultdict(list)
        """When each trigger is concerned."""
        self._segments: defaultdict[CompiledTrigger, list[str]] = defaultdict(list)
        """The same for those that only watch a segment."""

    def write(self) -> tuple[str, Constants]:
        """The text, and the names it needs.

        Raises:
            Unwritten: there is no short way.

        """
        hits = list(self._who_takes_it())
        self._concern()
        feeds = list(self._feeds())
        watchers = [self._watcher(number, trigger) for number, trigger in enumerate(self._watched)]
        watchers += [self._bystander(len(watchers) + number, each) for number, each in enumerate(self._segments)]
        before = [line for lines, _ in watchers for line in lines]
        after = [line for _, lines in watchers for line in lines]
        body = [
            *self._prologue(),
            *self._scopes(),
            *hits,
            *self._guards(),
            *before,
            *self._entry(),
            *feeds,
            *after,
            "return fired + user.fire_all(firing, event.seq) if firing else fired",
        ]
        text = ["def handle(user, event, now):", *indented(body), "", *self._whole.page(self._name)]
        return "\n".join(text) + "\n", self._constants

    # What precedes -------------------------------------------------------------------------------------------------

    def _prologue(self) -> Iterator[str]:
        """Everything that holds for any event, and what is not usual."""
        if self._reader is not None:
            self._constants |= {"from_json": self._reader.from_json, "from_msgpack": self._reader.from_msgpack}
            yield f"p = from_json(raw) if (raw := event.properties)[0] == {JSON_OBJECT} else from_msgpack(raw)"
        yield from (
            "if now < user.clock: now = user.clock",
            "deadlines = user.deadlines",
            "fired = user.wake(now) if deadlines.earliest <= now else []",
            "user.clock = now",
            "if event.message_id:",
            "    seen, hashed = user.repeats.seen, fingerprint(event.message_id)",
            f"    if (before := seen.get(hashed)) is not None and now - before < {REMEMBERED}: return fired",
            f"    if before is not None or not hashed & {SELDOM}: user.repeats.forget(now)",
            "    seen[hashed] = now",
            f"if (page := user.pages.get({self._name!r})) is None: page = begin_page(user, event, now)",
            f"{', '.join(self._whole.locals)}, = page",
            "ts = event.ts if event.ts < now else now",
            f"place = ts << {SHIFT} | event.seq",
            f"if {self._unusual()}:",
            f"    {_GENERAL}",
            "firing = ()",
        )

    def _unusual(self) -> str:
        """Whether the event is late, or something must be forgotten for it."""
        circumstances, limit = self._circumstances, self._circumstances.history_limit
        spans = [
            each.span for trigger in self._watched for each in nodes(trigger.when) if isinstance(each, ThenNo | For)
        ]
        late = min([circumstances.history_after + 1, *spans])
        old = forgets_at(circumstances.retention + circumstances.history_after)
        beyond = "" if limit is None else f" or len(places) >= {limit}"
        order = f"place <= places[-1] or now - (places[0] >> {SHIFT}) >= {old}{beyond}"
        return f"now - ts >= {late} or event.imported or (places and ({order}))"

    def _scopes(self) -> Iterator[str]:
        """The scopes that the event enters, by the values that it bears."""
        for index, path in enumerate(self._circumstances.paths):
            strange = any(trigger.path == index for trigger in self._circumstances.outsiders)
            yield from (
                f"scope_{index} = None",
                f"if type(v := {self._predicates.value(path)}) is str or kind(v) is not None:",
                "    history = user.history",
                f"    scope_{index} = history.scopes[{index}].get(v if type(v) is str else scalar_key(v))",
                f"    if scope_{index} is None:",
                f"        {_GENERAL}" if strange else f"        scope_{index} = history.enter({index}, v, event.seq)",
                f"    scope_{index}.last = place",
            )

    def _who_takes_it(self) -> Iterator[str]:
        for each, choices in self._taken:
            tests = [None if choice.where is None else self._predicates.test(choice.where) for choice in choices]
            if None in tests:
                self._hits[each.key] = "True"
            else:
                self._hits[each.key] = f"hit_{each.key}"
                yield f"hit_{each.key} = {' or '.join(test for test in tests if test)}"

    def _concern(self) -> None:
        """Collect whom the event concerns, and when."""
        for each, _ in self._taken:
            for trigger in each.triggers:
                self._watched[trigger].append(self._hits[each.key])
            for trigger in each.by_segment:
                self._segments[trigger].append(self._hits[each.key])
        if any(trigger.path is not None or trigger in self._watched for trigger in self._segments):
            raise Unwritten

    def _guards(self) -> Iterator[str]:
        """An event that bears no value breaks the silence of all: the general way, if anybody waits."""
        for number, (trigger, hits) in enumerate(self._watched.items()):
            if trigger.path is not None:
                absent = f"scope_{trigger.path} is None and is_armed(user, {self._constant(number, trigger)})"
                yield f"if {both(any_of(hits), absent)}: {_GENERAL}"

    # What is fed ---------------------------------------------------------------------------------------------------

    def _entry(self) -> Iterator[str]:
        """The event enters the timeline."""
        name = "event.name" if self._name is None else repr(self._name)
        yield from (
            f"record = Recorded(ts, event.seq, {name}, now, False, event.properties)",
            "places.append(place)",
            "records.append(record)",
            "fresh.append(record)",
        )

    def _feeds(self) -> Iterator[str]:
        """And all that is fed from it."""
        for feed, asked, hits in self._fed([each.whole for each, _ in self._taken]):
            yield from _if(hits, [self._insert(self._whole, feed, asked)])
        for index, value in enumerate(self._values):
            borne = self._fed([each.by_value[index] for each, _ in self._taken])
            silent = self._fed([each.silence[index] for each, _ in self._taken])
            yield from self._feed_value(value, borne, f"scope_{index} is not None", value.series)
            yield from self._feed_value(value, silent, f"scope_{index} is None", value.silence)

    def _feed_value(self, value: Value, fed: Iterable[Asked], condition: str, series: str) -> list[str]:
        inserts = []
        for feed, asked, hits in fed:
            make = self._constants.new("make", feed.make)
            find = f"s = series_of({series}, {feed.key}, {make})"
            inserts += _if(hits, [find, self._insert(value, feed, asked)])
        return [f"if {condition}:", *indented(inserts)] if inserts else []

    def _fed(self, by_taker: Sequence[Sequence[Feed]]) -> Iterable[Asked]:
        """The feeds of all takers, each once."""
        found: dict[int, Asked] = {}
        for (each, _), feeds in zip(self._taken, by_taker, strict=True):
            for feed in feeds:
                found.setdefault(feed.key, (feed, each.asked.get(feed.key), []))[2].append(self._hits[each.key])
        return found.values()

    def _insert(self, domain: Domain, feed: Feed, asked: tree.Path | tree.Where | None) -> str:
        if feed.make is Places:
            return f"{domain.places(feed.key)}.append(place)"
        assert asked is not None, "only places want nothing of the properties"  # noqa: S101  the compiler's promise
        value = self._predicates.value(asked) if isinstance(asked, tuple) else self._predicates.test(asked)
        series = domain.fed(feed.key)
        return (
            f"{series}.place, {series}.value = place, {value}"
            if feed.make is Latest
            else (f"{series}.insert(place, {value}, False)")
        )

    # Who watches ---------------------------------------------------------------------------------------------------

    def _watcher(self, number: int, trigger: CompiledTrigger) -> tuple[list[str], list[str]]:
        """What a trigger's watch does before the event enters the timeline, and after."""
        domain: Domain = self._whole if trigger.path is None else self._values[trigger.path]
        name, watch = self._constant(number, trigger), f"watch_{number}"
        borne = "True" if trigger.path is None else f"{domain.scope} is not None"
        condition = both(any_of(self._watched[trigger]), borne)
        lines = self._lines(trigger, domain, watch, name)
        text = self._comment(trigger)
        if condition == "True":
            self._whole.watch(watch, name)
            return _told(text, lines.before), _told(text, lines.done(watch))
        if not lines and not any(isinstance(node, Becomes | For) for node in trigger.nodes):
            return [], []
        found = f"{watch} = {domain.scope}.watches.get({name}) or begin({name}, {domain.scope}, now)"
        before = [f"{watch} = None", f"if {condition}:", *indented([found, *lines.before])]
        after = [f"if {watch} is not None:", *indented(lines.done(watch))] if lines.done(watch) else []
        return _told(text, before), _told(text, after)

    def _lines(self, trigger: CompiledTrigger, domain: Domain, watch: str, name: str) -> Lines:
        states = self._states if trigger.path is None else States(domain, self._constants, self._states)
        try:
            return Watcher(watch, self._hits, domain, states, self._constants).write(trigger.when)
        except Unwritten:
            pairs = ", ".join(f"({key}, {hit})" for key, hit in self._hits.items())
            hits = f"frozenset([key for key, hit in ({pairs},) if hit])"
            prepare = f"for node in {name}.previews: node.prepare({watch}, step)"
            return Lines([f"step = Step(now, place, hits := {hits}, hits)", prepare], fires=f"user.look({watch}, step)")

    def _bystander(self, number: int, trigger: CompiledTrigger) -> tuple[list[str], list[str]]:
        """Who watches a segment takes a step; the event itself is not theirs."""
        name, watch = self._constant(number, trigger), f"watch_{number}"
        found = f"{watch} = whole.watches.get({name}) or begin({name}, whole, now)"
        look = f"if {watch} and user.look({watch}, Step(now)): firing += (({watch}, now),)"
        text = self._comment(trigger)
        return _told(text, [f"{watch} = None", *_if(self._segments[trigger], [found])]), _told(text, [look])

    def _comment(self, trigger: CompiledTrigger) -> str:
        text = f"{trigger.name}: {self._circumstances.texts[trigger.name]}"
        return "# " + "".join(letter if letter.isprintable() else "?" for letter in text)

    def _constant(self, number: int, trigger: CompiledTrigger) -> str:
        name = f"trigger_{number}"
        self._constants[name] = trigger
        return name


def indented(lines: Iterable[str]) -> list[str]:
    """One step further in."""
    return [f"    {line}" for line in lines]


def _if(hits: Sequence[str], lines: list[str]) -> list[str]:
    """The lines, for events that are hit."""
    condition = any_of(hits)
    return lines if condition == "True" else [f"if {condition}:", *indented(lines)]


def _told(text: str, lines: list[str]) -> list[str]:
    """Lines, with what they are for."""
    return [text, *lines] if lines else []
