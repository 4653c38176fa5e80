"""What a store counts of the events that it writes, and how it keeps that small."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.core.events import INF, Track, Traits, encode
from engine.runtime.census import NAMES, OTHERS, Census, Seen, kinds_in
from engine.runtime.records import Batch, Entry, Violation

KINDS: dict[type, str] = {str: "string", bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}

names = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=12)


def event(name: str, at: int = 0, properties: Any = None) -> Entry:
    return Entry(at + 1, "k:u", at, Track(at + 1, name, at, encode(properties or {})), INF)


def counted(*entries: Entry, census: Census | None = None) -> dict[str, Seen]:
    census = census or Census()
    census.take(Batch(entries=list(entries)), 0)
    return census.seen


def test_it_counts_events_by_name_and_says_when_the_first_and_the_last_came_in() -> None:
    profile = Entry(9, "k:u", 90, Traits(9), INF)
    seen = counted(event("view", 10), event("cart", 20), event("view", 30), profile)
    assert {name: (each.number, each.since, each.last) for name, each in seen.items()} == {
        "view": (2, 10, 30),
        "cart": (1, 20, 20),
    }


def test_properties_are_told_by_path_and_type_and_never_by_value() -> None:
    first = {"total": 12, "products": [{"price": 1}, {"price": 2.5}], "address": {"zip code": "8001"}, "coupon": None}
    shape = counted(event("cart", 0, first), event("cart", 1, {"total": "12"}))["cart"].shape
    assert shape.looked == 2
    assert shape.properties == {
        "total": {"number": 1, "string": 1},
        "products": {"list": 1},
        "products[]": {"object": 1},
        "products[].price": {"number": 1},
        "address": {"object": 1},
        'address."zip code"': {"string": 1},
        "coupon": {"null": 1},
    }


def test_what_msgpack_can_say_and_json_cannot_has_a_type_too() -> None:
    raw = msgspec.msgpack.encode({"blob": b"\x00"})
    seen = counted(Entry(1, "k:u", 0, Track(1, "cart", 0, raw), INF))
    assert seen["cart"].shape.properties == {"blob": {"other": 1}}


def test_properties_that_nobody_can_read_are_counted_and_not_looked_at() -> None:
    seen = counted(Entry(1, "k:u", 0, Track(1, "cart", 0, b"{nothing"), INF))
    assert (seen["cart"].number, seen["cart"].shape.properties) == (1, {})


def test_a_fast_stream_is_looked_at_once_in_a_second() -> None:
    census = Census()
    for at in range(0, 10_000, 10):
        counted(event("view", at), census=census)
    seen = census.seen["view"]
    assert seen.number == 1_000
    assert seen.shape.looked == 100 + 9


def test_of_a_batch_only_a_few_are_looked_at() -> None:
    seen = counted(*(event(f"view {n % 40}", n) for n in range(400)))
    assert sum(each.number for each in seen.values()) == 400
    assert sum(each.shape.looked for each in seen.values()) == 30


def test_names_made_up_for_each_person_are_counted_together_and_those_of_the_shop_stay() -> None:
    census = Census()
    counted(*(event("cart", at) for at in range(5)), census=census)
    gone = []
    for number in range(3 * NAMES):
        gone += census.take(Batch(entries=[event(f"hello {number}", 10 + number)]), 0).gone
        assert len(census.seen) <= NAMES + 1
    assert census.seen["cart"].number == 5
    assert census.seen[OTHERS].number == len(gone)
    assert sum(each.number for each in census.seen.values()) == 5 + 3 * NAMES
    assert census.seen[OTHERS].since == 10


def test_an_event_of_which_all_are_rejected_is_not_counted_with_the_others() -> None:
    census = Census()
    census.take(Batch(violations={Violation("order", "total", "type"): 2}), 0)
    for number in range(NAMES + 1):
        counted(event(f"hello {number}", number), census=census)
    assert census.seen["order"].shape.violations == {"total": {"type": 2}}
    assert OTHERS in census.seen


def test_a_name_too_long_to_be_one_is_counted_with_the_others() -> None:
    seen = counted(event("x" * 201), event("x" * 200))
    assert {name: each.number for name, each in seen.items()} == {OTHERS: 1, "x" * 200: 1}
    assert seen[OTHERS].shape.looked == 0


def test_properties_made_up_for_each_event_are_left_out_and_that_is_said() -> None:
    census = Census()
    for number in range(20):
        made_up = {f"key {number} {each}": 1 for each in range(10)}
        counted(event("cart", number, {"total": 1} | made_up), census=census)
    shape = census.seen["cart"].shape
    assert len(shape.properties) == 100
    assert shape.properties["total"] == {"number": 20}
    assert shape.cut == 20 * 11 - 20 - 99


def test_only_so_many_values_of_an_event_are_looked_at() -> None:
    wide = {key: [[0] * 20] * 20 for key in "abcd"}
    shape = counted(event("cart", 0, wide))["cart"].shape
    assert (shape.cut, set(shape.properties)) == (1, {key + items for key in "abc" for items in ("", "[]", "[][]")})


def test_a_violation_counts_though_no_event_was_taken() -> None:
    census = Census()
    batch = Batch(violations={Violation("order", "total", "type"): 2, Violation("order", "", "required"): 1})
    changes = census.take(batch, 70)
    assert changes.counted == changes.shaped == census.seen
    seen = census.seen["order"]
    assert (seen.number, seen.since) == (0, 70)
    assert seen.shape.violations == {"total": {"type": 2}, "": {"required": 1}}


@given(st.dictionaries(names, values, max_size=6))
def test_every_value_down_to_some_depth_has_its_type_and_no_two_places_have_one_path(
    properties: dict[str, Any],
) -> None:
    expected: list[tuple[tuple[str, ...], str]] = []

    def walk(value: Any, place: tuple[str, ...]) -> None:
        """The same by the plainest of rules."""
        expected.append((place, "null" if value is None else KINDS[type(value)]))
        if len(place) < 6 and isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*place, "." + key))
        elif len(place) < 6 and isinstance(value, list):
            for inner in value[:20]:
                walk(inner, (*place, "[]"))

    for key, value in properties.items():
        walk(value, ("." + key,))
    found = list(kinds_in(properties))
    assert [kind for _, kind in found] == [kind for _, kind in expected]
    pairs = {(place, path) for (place, _), (path, _) in zip(expected, found, strict=True)}
    assert len(pairs) == len({place for place, _ in pairs}) == len({path for _, path in pairs})
    assert found == list(kinds_in(msgspec.json.decode(msgspec.json.encode(properties))))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), scalars), min_size=1, max_size=20))
def test_the_types_of_a_property_count_the_events_that_bear_it(stream: list[dict[str, Any]]) -> None:
    census = Census()
    for at, properties in enumerate(stream):
        counted(event("cart", at, properties), census=census)
    shape = census.seen["cart"].shape
    for key in "abc":
        assert sum(shape.properties.get(key, {}).values()) == sum(key in properties for properties in stream)
