"""Handlers are a short way to what the general way decides and remembers; nothing else may come of them."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from engine.core.events import Track, Traits, encode
from engine.core.program import NoHandlers, Program
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.files import load
from engine.language.handlers import Handlers
from engine.language.watchers import Unwritten
from tests.core.worlds import World, told, world, worlds

MINUTE, DAY = 60_000, 86_400_000


def remembered(user: User) -> tuple[Any, ...]:
    """All that the watches remember, and all that stands in the series."""
    watches = {
        (watch.trigger.name, repr(watch.per)): [node.pack(watch) for node in watch.trigger.nodes]
        for watch in user.watches
        if watch.trigger.nodes
    }
    kept = {
        (scope is user.history.whole, repr(scope.value), key): repr(getattr(series, "places", None))
        for scope in user.history.all_scopes()
        for key, series in scope.series.items()
        if getattr(series, "places", None)
    }
    return watches, kept, user.pending(), user.history.timeline.records, user.repeats.seen, user.born


@settings(max_examples=200)
@given(worlds())
def test_the_short_way_decides_and_remembers_what_the_general_way_does(made: World) -> None:
    short, general = User("k:u", made.program), User("k:u", replace(made.program, handlers=NoHandlers()))
    for item, now in made.inputs:
        assert told(short.observe(item, now)) == told(general.observe(item, now))
        (watches, *rest), (expected, *others) = remembered(short), remembered(general)
        assert rest == others
        assert all(expected[each] == slots for each, slots in watches.items())
    assert told(short.wake(made.end)) == told(general.wake(made.end))


def test_most_random_events_go_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the property above would prove little."""
    events, general = 0, 0
    take = User.take

    def counting(self: User, *args: Any) -> Any:
        nonlocal general
        general += 1
        return take(self, *args)

    monkeypatch.setattr(User, "take", counting)
    for seed in range(200):
        made = world(seed)
        events += sum(isinstance(item, Track) for item, _ in made.inputs)
        user = User("k:u", made.program)
        for item, now in made.inputs:
            user.observe(item, now)
    assert events > 1_000
    assert general < events / 2


def program(when: str, *, per: str = "", segments: str = "{keen: count(add) >= 2 within 10m}") -> Program:
    keys = f"when: '{when}'" + (f", per: {per}" if per else "")
    loaded = load({"t": f"triggers: {{t: {{{keys}}}}}\nsegments: {segments}"})
    return compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY, history_limit=50)


MOMENTS = [
    "view",
    'view[price > 20 and cat in ["a", "b"]] or buy',
    'view[tags contains "new" or not exists(sku)]',
    'view[cart.total >= 10 and vip == true and cat != "a"]',
    "view then buy within 10m",
    "view then buy without leave within 10m",
    "view then add then buy within 10m",
    "(view then add within 5m) then buy without leave within 10m",
    "(view or add) then no (view or buy) within 10m",
    "(view then add within 5m) then no buy within 10m",
    "(seen(view) within 5m) then no buy within 10m",
    "inactive for 10m",
    "count(view) >= 3 within 10m",
    "sum(buy.price) > 50 within 10m or avg(buy.price) > 20 within 10m",
    "distinct(view.cat) >= 2 within 10m and max(view.price) > 25 within 10m",
    "last(view).price > 15 within 10m",
    "(count(view) >= 2 within 10m) for 5m",
    "(seen(view) within 5m and not seen(buy) within 10m) on view",
    '(last(view).price > 15 within 10m or in segment "keen") on (view or add)',
    "view and count(add) >= 1 within 10m",
    "(view and not seen(buy) within 10m) then no add within 5m",
    'in segment "keen" and seen(view) within 10m',
    '(in segment "keen") for 5m',
    'profile.plan == "vip" and seen(view) within 5m',
]


@pytest.mark.parametrize("per", ["", "cart_id"])
@pytest.mark.parametrize("when", MOMENTS)
def test_each_kind_of_condition_is_the_same_both_ways(when: str, per: str) -> None:
    """Streams of one user, in order, a little late or very late, now and then with another property or a repetition."""
    made = program(when, per=per)
    other = replace(made, handlers=NoHandlers())
    for seed in range(6):
        random = Random(seed)
        short, general, now = User("k:u", made), User("k:u", other), 1_700_000_000_000
        for seq in range(80):
            now += random.choice((0, 1, 20_000, MINUTE, 5 * MINUTE, 5 * MINUTE - 1, 10 * MINUTE))
            ts = now - random.choice((0, 0, 0, 0, 5, 2 * MINUTE, 11 * MINUTE, 2 * DAY))
            event = Track(seq, _name(random), ts, encode(_properties(random)), random.choice(("", "", "m", str(seq))))
            item = Traits(seq, encode({"plan": random.choice(("vip", "free"))})) if random.random() < 0.05 else event
            context = f"{when=} {per=} {seed=} {seq=}"
            assert told(short.observe(item, now)) == told(general.observe(item, now)), context
            (watches, *rest), (expected, *others) = remembered(short), remembered(general)
            assert rest == others, context
            assert all(expected[each] == slots for each, slots in watches.items()), context
        assert told(short.wake(now + DAY)) == told(general.wake(now + DAY))


def _name(random: Random) -> str:
    return random.choice(("view", "view", "add", "buy", "leave", "elsewhere"))


def _properties(random: Random) -> dict[str, Any]:
    values: dict[str, tuple[Any, ...]] = {
        "price": (10, 16, 21.5, 30, "30", True, None),
        "cat": ("a", "b", "c", 1),
        "tags": (["new", 1], "newest", [], 5),
        "sku": ("s", None),
        "cart": ({"total": 10}, {"total": 9.5}, "x", {"total": [1]}),
        "vip": (True, False, 1, "true"),
        "cart_id": ("c1", "c2", "c1", 3, True, 1, None, ["c1"]),
    }
    return {name: random.choice(choices) for name, choices in values.items() if random.random() < 0.8}


@pytest.mark.parametrize("when", MOMENTS)
def test_every_handler_reads_like_a_function(when: str) -> None:
    """It is Python, in the order of the theory, and says for which trigger a line stands."""
    handlers = program(when).handlers
    assert isinstance(handlers, Handlers)
    text = handlers.text("view")
    compile(text, "handler", "exec")
    assert text.startswith("def handle(user, event, now):\n")
    assert max(map(len, text.splitlines())) < 600


def test_a_property_whose_name_cannot_be_a_field_goes_the_general_way() -> None:
    made = program('view["a\\"b" == 1]')
    assert isinstance(made.handlers, Handlers)
    with pytest.raises(Unwritten):
        made.handlers.text("view")
    assert made.handlers["view"] is None
    user = User("k:u", made)
    assert len(user.observe(Track(1, "view", 5, encode({'a"b': 1})), 5)) == 1


def test_names_that_nobody_mentions_share_one_handler() -> None:
    handlers = program("any then no any within 5m").handlers
    assert handlers["one"] is handlers["two"] is not None
    assert handlers["view"] is not None
    assert len(handlers) == 0


def test_letters_that_cannot_stand_in_python_do_not_hinder() -> None:
    """In YAML's double quotes, `\0` is a letter and not two."""
    loaded = load({"t": r"""triggers: {t: {when: "view[a == '\0'] or seen(view) within 1h", reason: "\0"}}"""})
    made = compile_triggers(loaded.triggers, retention=90 * DAY, history_after=DAY)
    assert made.handlers["view"] is not None


def test_a_condition_too_deep_for_python_goes_the_general_way() -> None:
    parts = " and ".join(f"seen(view[a == {number}]) within 1h" for number in range(250))
    made = program(f"({parts}) on view")
    user = User("k:u", made)
    assert made.handlers["view"] is None
    assert user.observe(Track(1, "view", 5, encode({"a": 1})), 5) == []
