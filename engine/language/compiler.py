"""From checked triggers to the program that the core runs.

Selectors that mean the same share one key, and so do series that answer the same question over the same events. What a
condition looks at decides which scopes its events feed: the whole timeline, the values of a `per` property, or the
silence that counts for all values.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from engine.core import states, where
from engine.core.becoming import Becomes, For, On
from engine.core.chains import Then, ThenNo
from engine.core.events import INF, Millis
from engine.core.moments import Either, Happens, Moment, While
from engine.core.plan import Condition
from engine.core.program import CompiledTrigger, Program
from engine.core.series import Distinct, Extreme, Feed, Latest, Places, Series, Total
from engine.core.states import State
from engine.language import tree
from engine.language.concerns import Concerns, digest, version
from engine.language.handlers import Handlers
from engine.language.plans import Companion, arms, companions, conditions, goal, looks, split, until_key
from engine.language.predicates import predicate
from engine.language.retired import Retired
from engine.language.routes import Selected, lay_routes
from engine.language.script import Circumstances

FeedLists = dict[int, list[Feed]]
"""By selector key, what its events feed."""


def compile_triggers(
    triggers: Sequence[tree.Trigger],
    segments: Sequence[tree.Segment] = (),
    *,
    retention: Millis,
    history_after: Millis,
    history_limit: int | None = None,
    retired: Retired = Retired(),  # noqa: B008 - never changed here
) -> Program:
    """Compile checked triggers and segments.

    Args:
        triggers: as the checker gives them: every segment they name is among `segments`.
        segments: named states, and lists kept from outside.
        retention: how far a condition without `within` looks back, ms.
        history_after: an event older than this when it is received is history, ms.
        history_limit: how many events a user keeps at most; None for no limit.
        retired: what messages on their way ask of triggers that are in force no more.

    """
    definitions = retired.definitions | {segment.name: segment.state for segment in segments}
    beside = {each.trigger.name: each for each in (*retired.endings, *companions(triggers, definitions))}
    pers = [*(trigger.per for trigger in triggers), *(companion.per for companion in beside.values())]
    workshop = _Workshop(retention, definitions, [per for per in pers if per is not None])
    compiled: dict[CompiledTrigger, Concerns] = {}
    texts: dict[str, str] = {}
    for trigger in triggers:
        for part, mine in split(trigger):
            compiled[workshop.trigger(part, trigger, mine)] = Concerns.of(part.when, definitions)
            texts[part.name] = part.when_text
    for companion in beside.values():
        compiled[workshop.companion(companion)] = Concerns.of(companion.trigger.when, definitions)
        texts[companion.trigger.name] = companion.trigger.when_text
    asked = {key: Condition(workshop.state(state, None), text) for key, (state, text) in retired.conditions.items()}
    asked |= conditions(triggers, definitions, lambda state: workshop.state(state, None))
    named_states = {segment.name: workshop.segment(segment.name) for segment in segments}
    outsiders = tuple(each for each, concerns in compiled.items() if concerns.looks_outside and each.path is not None)
    selected = workshop.selected(compiled)
    routes, other = lay_routes(selected, workshop.paths)
    return Program(
        triggers=tuple(compiled),
        segments=named_states,
        routes=routes,
        other=other,
        paths=tuple(where.lookup(path) for path in workshop.paths),
        path_names=tuple(".".join(path) for path in workshop.paths),
        by_traits=tuple(each for each, concerns in compiled.items() if concerns.traits),
        by_list={
            name: tuple(each for each, concerns in compiled.items() if name in concerns.lists) for name in definitions
        },
        outsiders=outsiders,
        handlers=Handlers(
            Circumstances(
                routes,
                other,
                selected,
                workshop.paths,
                outsiders,
                {each.name: " ".join(texts[each.name].split()) for each in compiled},
                retention,
                history_after,
                history_limit,
            )
        ),
        retention=retention,
        history_after=history_after,
        history_limit=history_limit,
        conditions=asked,
        endings={
            companion.key: " ".join(companion.trigger.when_text.split())
            for companion in beside.values()
            if companion.role == "ends"
        },
    )


class _Workshop:
    """Makes conditions, and notes what must be fed for them."""

    def __init__(
        self, retention: Millis, definitions: Mapping[str, tree.State | None], paths: Sequence[tree.Path]
    ) -> None:
        self._retention = retention
        self._definitions = definitions
        self.paths = tuple(dict.fromkeys(paths))
        self._keys: dict[str, int] = {}
        self._feeds: dict[int, Feed] = {}
        self._segments: dict[str, State] = {}
        self.selectors: dict[int, tree.Selector] = {}
        self.whole: FeedLists = {}
        self.by_value: defaultdict[tree.Path, FeedLists] = defaultdict(dict)
        self.silence: defaultdict[tree.Path, FeedLists] = defaultdict(dict)
        self._asked: dict[int, tree.Path | tree.Where] = {}

    def trigger(self, part: tree.Trigger, whole: tree.Trigger, mine: frozenset[str] | None) -> CompiledTrigger:
        """Compile a trigger, or the `part` of the `whole` that some variants have in place of its `when`."""
        return replace(
            self._watched(part),
            condition=None if part.condition is None else self.state(part.condition, None),
            cooldown=part.cooldown or 0,
            expires=part.expires or INF,
            priority=part.priority,
            backfill=part.backfill,
            arms=arms(whole, self._definitions),
            mine=mine,
            looks=looks(whole),
            goal=goal(whole),
            origin=whole.name,
            until=until_key(whole, self._definitions),
            exclusive=part.exclusive,
            otherwise=part.otherwise,
            once=part.once,
            rollout=part.rollout if part.mode != "off" else 0.0,
            only=self.segment(part.rollout_segment) if part.rollout_segment else None,
            shadow=part.mode == "shadow",
            version=version(whole),
        )

    def companion(self, companion: Companion) -> CompiledTrigger:
        """Compile a trigger that fires nothing."""
        return replace(
            self._watched(companion.trigger),
            role=companion.role,
            origin=companion.of.name,
            version=version(companion.of),
            arms=() if companion.role == "ends" else arms(companion.of, self._definitions),
            looks=looks(companion.of),
            goal=goal(companion.of),
            until=companion.key,
            ends_by=self.paths.index(companion.per) if companion.per is not None else None,
        )

    def _watched(self, trigger: tree.Trigger) -> CompiledTrigger:
        """What a trigger watches for."""
        nodes = _Nodes(self, trigger.per)
        when = nodes.moment(trigger.when)
        return CompiledTrigger(
            name=trigger.name,
            when=when,
            nodes=tuple(nodes.slotted),
            previews=tuple(node for node in nodes.slotted if isinstance(node, On)),
            digest=digest(trigger, self._definitions, self._retention),
            path=None if trigger.per is None else self.paths.index(trigger.per),
            holds=nodes.slotted[-1].state if isinstance(when, Becomes) else None,  # type: ignore[attr-defined]
        )

    def selected(self, compiled: Mapping[CompiledTrigger, Concerns]) -> list[Selected]:
        """All selectors that were met, with what their events feed and whom they concern."""

        def fed(feeds: FeedLists, key: int) -> tuple[Feed, ...]:
            return tuple(feeds.get(key, ()))

        return [
            Selected(
                key=key,
                selector=selector,
                whole=fed(self.whole, key),
                by_value=tuple(fed(self.by_value[path], key) for path in self.paths),
                silence=tuple(fed(self.silence[path], key) for path in self.paths),
                triggers=tuple(each for each, concerns in compiled.items() if selector in concerns.selectors),
                by_segment=tuple(each for each, concerns in compiled.items() if selector in concerns.by_segment),
                asked=self._asked_of(key),
            )
            for key, selector in self.selectors.items()
        ]

    def _asked_of(self, selector: int) -> dict[int, tree.Path | tree.Where]:
        """What the feeds of a selector want of the properties."""
        fed = [feeds.get(selector, []) for feeds in (self.whole, *self.by_value.values(), *self.silence.values())]
        return {feed.key: self._asked[feed.key] for feeds in fed for feed in feeds if feed.key in self._asked}

    def span(self, within: int | None) -> Millis:
        """A span in ms; without `within` it is the retention."""
        return self._retention if within is None else within

    # What is fed -------------------------------------------------------------------------------------------------

    def selector(self, selector: tree.Selector) -> int:
        """The key of a selector."""
        key = self._key(selector)
        self.selectors[key] = selector
        return key

    def _key(self, meaning: object) -> int:
        """The same number for the same meaning; as text, because to Python 1 equals true."""
        return self._keys.setdefault(repr(meaning), len(self._keys))

    def places(self, selector: tree.Selector, domain: tree.Path | None, *, silence: bool = False) -> int:
        """Keep the places of a selector's events, in a domain and, if asked, in its silence."""
        key = self.selector(selector)
        feed = self._feeds.setdefault(key, Feed(key, Places, None))
        self._pour(self._domain(domain), key, feed)
        if silence and domain is not None:
            self._pour(self.silence[domain], key, feed)
        return key

    def series(
        self,
        selector: tree.Selector,
        domain: tree.Path | None,
        question: object,
        make: Callable[[], Series],
        asked: tree.Path | tree.Where,
    ) -> int:
        """Keep what answers a question about what is asked of a selector's events."""
        key = self._key((selector, question))
        self._asked[key] = asked
        extract = where.lookup(asked) if isinstance(asked, tuple) else predicate(asked)
        feed = self._feeds.setdefault(key, Feed(key, make, extract))
        self._pour(self._domain(domain), self.selector(selector), feed)
        return key

    def _domain(self, domain: tree.Path | None) -> FeedLists:
        return self.whole if domain is None else self.by_value[domain]

    @staticmethod
    def _pour(feeds: FeedLists, selector: int, feed: Feed) -> None:
        into = feeds.setdefault(selector, [])
        if feed not in into:
            into.append(feed)

    # States --------------------------------------------------------------------------------------------------------

    def state(self, state: tree.State, domain: tree.Path | None) -> State:
        """Compile a state that looks at a domain."""
        match state:
            case tree.Seen(selector, within):
                return states.at_least(self.places(selector, domain), 1, self.span(within))
            case tree.Count(selector, op, value, within):
                key = self.places(selector, domain)
                return states.numerous(key, op, Decimal(repr(value)), self.span(within))
            case tree.Folded():
                return self._folded(state, domain)
            case tree.Last(selector, test, within):
                key = self.series(selector, domain, ("latest", test), Latest, test)
                return states.latest(key, self.span(within))
            case tree.Profile(test):
                return states.profile(predicate(test))
            case tree.InSegment(name):
                return states.on_whole(self.segment(name))
            case tree.Not(part):
                return states.negation(self.state(part, domain))
            case tree.And(left, right):
                return states.conjunction(self.state(left, domain), self.state(right, domain))
            case tree.Or(left, right):
                return states.disjunction(self.state(left, domain), self.state(right, domain))
            case _:
                assert_never(state)

    def _folded(self, state: tree.Folded, domain: tree.Path | None) -> State:
        span, threshold = self.span(state.within), Decimal(repr(state.value))

        def series(question: object, make: Callable[[], Series]) -> int:
            return self.series(state.selector, domain, (question, state.path), make, state.path)

        match state.fold:
            case "sum" | "avg":
                key = series(("total", span), lambda: Total(span))
                return states.total(key, state.op, threshold, span, mean=state.fold == "avg")
            case "min" | "max":
                sign = 1 if state.fold == "max" else -1
                key = series(("extreme", sign, span), lambda: Extreme(span, sign))
                return states.extreme(key, state.op, threshold, span)
            case "distinct":
                return states.numerous(series("distinct", Distinct), state.op, threshold, span)

    def segment(self, name: str) -> State:
        """Compile a segment, once: a named state, or a list kept from outside."""
        if name not in self._segments:
            definition = self._definitions[name]
            self._segments[name] = states.on_list(name) if definition is None else self.state(definition, None)
        return self._segments[name]


class _Nodes:
    """Makes the moments of one trigger, giving slots to those that remember."""

    def __init__(self, workshop: _Workshop, domain: tree.Path | None) -> None:
        self._workshop = workshop
        self._domain = domain
        self.slotted: list[Moment] = []

    def moment(self, moment: tree.Moment) -> Moment:
        """Compile a moment, parts first."""
        workshop, domain = self._workshop, self._domain
        match moment:
            case tree.Happens(selector):
                return Happens(workshop.selector(selector))
            case tree.Either(left, right):
                return Either(self.moment(left), self.moment(right))
            case tree.While(part, state):
                return While(self.moment(part), workshop.state(state, domain))
            case tree.Becomes(state):
                return self._keep(Becomes(self._slot(), workshop.state(state, domain)))
            case tree.For(state, span):
                return self._keep(For(self._slot(), workshop.state(state, domain), span))
            case tree.On(state, selector):
                compiled = workshop.state(state, domain)
                return self._keep(On(self._slot(), compiled, workshop.selector(selector)))
            case tree.ThenNo(first, absent, within):
                before = self.moment(first)
                key = workshop.places(absent, domain, silence=True)
                return self._keep(ThenNo(self._slot(), before, key, within))
            case tree.Then():
                return self._then(moment)
            case _:
                assert_never(moment)

    def _then(self, moment: tree.Then) -> Moment:
        workshop, domain = self._workshop, self._domain
        before = self.moment(moment.first)
        if isinstance(moment.first, tree.Happens):
            workshop.places(moment.first.selector, domain)
        then = workshop.places(moment.then, domain)
        without = None if moment.without is None else workshop.places(moment.without, domain, silence=True)
        return self._keep(Then(self._slot(), before, then, without, workshop.span(moment.within)))

    def _slot(self) -> int:
        return len(self.slotted)

    def _keep(self, moment: Moment) -> Moment:
        self.slotted.append(moment)
        return moment
