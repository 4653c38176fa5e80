"""Facts about selectors and states, computed by hand from the contract."""

from typing import Any

import pytest

from tests.reference.facts import DAY, HOUR, MINUTE, RUNNERS, Runner, identify, track

pytestmark = pytest.mark.parametrize("fires", RUNNERS, ids=lambda one: one.name)


FILTERS: list[tuple[str, dict[str, Any], bool]] = [
    ("p > 20", {"p": 20.5}, True),
    ("p > 20", {"p": 20}, False),
    ("p >= 20", {"p": 20.0}, True),
    ("p == -1.5", {"p": -1.5}, True),
    ("p == 1", {"p": 1.0}, True),
    ("p == 1", {"p": True}, False),
    ("p == true", {"p": 1}, False),
    ("p == false", {"p": False}, True),
    ("p != 1", {"p": 2}, True),
    ("p != 1", {"p": "2"}, False),
    ("p != 1", {"p": True}, False),
    ("p != 1", {"p": None}, False),
    ("p != 1", {}, False),
    ("not p == 1", {}, True),
    ('p < "b"', {"p": "a"}, True),
    ("p < 5", {"p": "4"}, False),
    ("p > 30s", {"p": 30}, False),
    ("p > 30s", {"p": 30.5}, True),
    ("p == 1h30m", {"p": 5400}, True),
    ("p == 250ms", {"p": 0.25}, True),
    ('p in ["a", 1]', {"p": 1.0}, True),
    ('p in ["a", 1]', {"p": "1"}, False),
    ("p in [1]", {"p": True}, False),
    ('p contains "el"', {"p": "hello"}, True),
    ('p contains "el"', {"p": ["hello"]}, False),
    ('p contains "el"', {"p": ["el"]}, True),
    ("p contains 1", {"p": ["a", 1.0]}, True),
    ("p contains 1", {"p": [True]}, False),
    ("p contains 1", {"p": "1"}, False),
    ("exists(p)", {"p": False}, True),
    ("exists(p)", {"p": None}, False),
    ("exists(p)", {}, False),
    ("p.q > 1", {"p": {"q": 2}}, True),
    ("p.q > 1", {"p": 2}, False),
    ("exists(p.q)", {"p": {}}, False),
    ("p == 1 or p == 2 and q == 3", {"p": 1}, True),
    ("(p == 1 or p == 2) and q == 3", {"p": 1}, False),
    ("not p == 1 and q == 3", {"p": 2, "q": 3}, True),
]


@pytest.mark.parametrize(("where", "properties", "expected"), FILTERS)
def test_a_filter_takes_an_event(fires: Runner, where: str, properties: dict[str, Any], expected: bool) -> None:
    assert fires.at(f"add[{where}]", track("add", 0, **properties)) == ([0] if expected else [])


AGGREGATES: list[tuple[str, list[Any], bool]] = [
    ("sum(add.p) == 0.3", [0.1, 0.2], True),
    ("sum(add.p) > 0.3", [0.1, 0.2], False),
    ("sum(add.p) == 1", [1, True, "5", None], True),
    ("sum(add.p) == 0", ["5"], True),
    ("avg(add.p) == 0.2", [0.1, 0.3, "9"], True),
    ("avg(add.p) < 1", ["x"], False),
    ("min(add.p) < 1", [None], False),
    ("max(add.p) < 1", [True], False),
    ("min(add.p) == -1", [3, -1], True),
    ("max(add.p) == 3", [3, -1], True),
    ("distinct(add.p) == 1", [1, 1.0], True),
    ("distinct(add.p) == 3", [1, True, "1"], True),
    ("distinct(add.p) == 1", [1, None, [1], {"a": 1}], True),
    ("distinct(add.p) == 0", [None], True),
    ("count(add) == 2", [1, 2], True),
    ("count(add[p > 1]) == 1", [1, 2], True),
    ("count(add or view) >= 2", [1, 2], True),
    ("last(add).p > 1", [1, 2], True),
    ("last(add).p > 1", [2, 1], False),
    ("last(add).p > 1", [2, None], False),
    ('last(add).p in ["a", 2]', [1, 2], True),
]


@pytest.mark.parametrize(("state", "values", "expected"), AGGREGATES)
def test_an_aggregate_compares(fires: Runner, state: str, values: list[Any], expected: bool) -> None:
    calls = [track("add", number, p=value) for number, value in enumerate(values)]
    assert fires.at(f"now and {state} within 1h", *calls, track("now", 10)) == ([10] if expected else [])


# Windows


def test_an_event_leaves_a_window_exactly_its_length_after_it_happened(fires: Runner) -> None:
    assert fires.at("not seen(add) within 1h", track("add", 0), until=HOUR - 1) == []
    assert fires.at("not seen(add) within 1h", track("add", 0), until=HOUR) == [HOUR]


def test_a_window_empties_before_an_event_of_that_instant_fills_it_again(fires: Runner) -> None:
    assert fires.at("seen(add) within 1h", track("add", 0), track("add", HOUR)) == [0, HOUR]
    assert fires.at("seen(add) within 1h", track("add", 0), track("add", HOUR - 1)) == [0]


def test_a_count_needs_all_its_events_in_one_window(fires: Runner) -> None:
    when = "count(add) >= 3 within 1h"
    assert fires.at(when, track("add", 0), track("add", MINUTE), track("add", HOUR - 1)) == [HOUR - 1]
    assert fires.at(when, track("add", 0), track("add", MINUTE), track("add", HOUR)) == []


def test_a_late_event_counts_in_the_window_it_belongs_to(fires: Runner) -> None:
    calls = [track("add", 0), track("add", 1, got=HOUR - 1)]
    assert fires.at("count(add) >= 2 within 1h", *calls) == [HOUR - 1]


def test_the_latest_event_is_so_by_when_it_happened(fires: Runner) -> None:
    calls = [track("add", 10, p=1), track("add", 5, got=20, p=9)]
    assert fires.at("last(add).p == 9 within 1h", *calls) == []


def test_a_window_without_within_is_as_long_as_the_retention(fires: Runner) -> None:
    trigger = {"t": {"when": "not seen(add)"}}
    assert fires(trigger, [track("add", 0)], retention="2h", until=DAY) == [(2 * HOUR, "u", "t", None)]


def test_a_filtered_event_is_another_event(fires: Runner) -> None:
    calls = [track("add", 0, p=1), track("add", 1, p=2)]
    assert fires.at("seen(add[p == 2]) within 1h", *calls) == [1]


# Becoming true


def test_what_is_true_of_nothing_has_not_become_true(fires: Runner) -> None:
    assert fires.at("not seen(add) within 1h", track("view", 0), until=DAY) == []
    assert fires.at("not seen(add) for 1h", track("view", 0), until=DAY) == []
    assert fires.at("count(add) == 0 on view", track("view", 0)) == []


def test_a_state_happens_only_when_it_becomes_true(fires: Runner) -> None:
    assert fires.at("count(add) >= 2 within 1h", *(track("add", one) for one in range(4))) == [1]


def test_true_for_a_span_happens_that_long_after_it_became_true(fires: Runner) -> None:
    assert fires.at("seen(add) within 2h for 1h", track("add", 0), until=DAY) == [HOUR]


def test_true_for_a_span_that_ends_at_that_instant_is_too_short(fires: Runner) -> None:
    assert fires.at("seen(add) within 1h for 1h", track("add", 0), until=DAY) == []


def test_an_interruption_starts_a_span_of_truth_again(fires: Runner) -> None:
    calls = [identify(0, plan="vip"), identify(30 * MINUTE, plan="free"), identify(40 * MINUTE, plan="vip")]
    assert fires.at('profile.plan == "vip" for 1h', *calls, until=DAY) == [100 * MINUTE]


def test_a_span_of_truth_happens_once(fires: Runner) -> None:
    assert fires.at('profile.plan == "vip" for 1h', identify(0, plan="vip"), identify(9 * HOUR, a=1)) == [HOUR]


def test_on_an_event_is_not_by_the_mere_passing_of_time(fires: Runner) -> None:
    state = "(seen(add) within 1h and not seen(order) within 1h)"
    calls = [track("order", 0), track("add", 10 * MINUTE), track("add", 70 * MINUTE)]
    assert fires.at(f"{state} on add", *calls) == [70 * MINUTE]
    assert fires.at(state, *calls) == [HOUR, 70 * MINUTE]


def test_on_an_event_needs_that_event(fires: Runner) -> None:
    assert fires.at("seen(add) within 1h on view", track("add", 0), track("view", 1)) == []
    assert fires.at("seen(add) within 1h on (view or add)", track("add", 0)) == [0]


def test_a_chain_after_a_state_begins_at_its_step(fires: Runner) -> None:
    chain = "seen(add) within 9h then view within 1h"
    assert fires.at(chain, track("add", 0, got=HOUR // 2), track("view", 90 * MINUTE - 1)) == [90 * MINUTE - 1]
    assert fires.at(chain, track("add", 0, got=HOUR // 2), track("view", 90 * MINUTE)) == []


# Traits and segments


def test_a_trait_of_the_first_input_becomes_true(fires: Runner) -> None:
    assert fires.at('profile.plan == "vip"', identify(0, plan="vip"), identify(1, plan="vip")) == [0]


def test_a_trait_set_to_null_is_gone(fires: Runner) -> None:
    calls = [identify(0, plan="vip"), identify(1, plan=None), track("view", 2)]
    assert fires.at("view and exists(profile.plan)", *calls) == []
    assert fires.at("not exists(profile.plan)", *calls) == [1]


def test_traits_not_named_by_an_update_stay(fires: Runner) -> None:
    calls = [identify(0, plan="vip"), identify(1, age=3), track("view", 2)]
    assert fires.at('view and profile.plan == "vip" and profile.age < 4', *calls) == [2]


def test_a_group_is_a_trait(fires: Runner) -> None:
    group = {"type": "group", "userId": "u", "groupId": "g", "traits": {"size": 3}}
    call = group | {"timestamp": track("view", 5)["timestamp"]}
    assert fires.at('profile.group.id == "g" and profile.group.size == 3', call) == [5]
    assert fires.at("any", call) == []


def test_a_page_is_an_event_and_its_name_a_property(fires: Runner) -> None:
    call = {"type": "page", "userId": "u", "name": "home", "timestamp": track("view", 5)["timestamp"]}
    assert fires.at('page[name == "home"]', call) == [5]
    assert fires.at("any", call | {"type": "screen"}) == [5]


def test_a_segment_is_a_named_state(fires: Runner) -> None:
    trigger = {"t": {"when": 'in segment "keen"'}}
    calls = [track("add", 0), track("add", 1)]
    fired = fires(trigger, calls, segments={"keen": "count(add) >= 2 within 1h"})
    assert fired == [(1, "u", "t", None)]
