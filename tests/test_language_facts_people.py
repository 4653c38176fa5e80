"""Facts about triggers' other keys, values watched, people and runs, computed by hand from the contract."""

from typing import Any

import pytest

from tests.reference.facts import (
    DAY,
    HOUR,
    MINUTE,
    RUNNERS,
    START,
    Runner,
    identify,
    login,
    track,
    visit,
)

pytestmark = pytest.mark.parametrize("fires", RUNNERS, ids=lambda one: one.name)

SILENCE = "add then no order within 1h"


# One watch per value


def test_each_value_is_watched_by_itself(fires: Runner) -> None:
    calls = [track("add", 0, cart="a"), track("add", 1, cart="b"), track("order", 2, cart="b")]
    assert fires.per(SILENCE, *calls, until=DAY) == [(HOUR, "a")]


@pytest.mark.parametrize("bearing", [{}, {"cart": None}, {"cart": ["a"]}, {"cart": {"id": "a"}}])
def test_an_order_without_a_cart_ends_all_waiting_carts(fires: Runner, bearing: dict[str, Any]) -> None:
    calls = [track("add", 0, cart="a"), track("add", 1, cart="b"), track("order", 2, **bearing)]
    assert fires.per(SILENCE, *calls, until=DAY) == []


def test_a_spoiler_without_the_property_spoils_in_every_watch(fires: Runner) -> None:
    calls = [track("add", 0, cart="a"), track("view", 1), track("order", 2, cart="a")]
    assert fires.per("add then order without view within 1h", *calls) == []


def test_an_event_without_the_property_begins_and_completes_nothing(fires: Runner) -> None:
    assert fires.per("add then order within 1h", track("add", 0, cart="a"), track("order", 1)) == []
    assert fires.per("add", track("add", 0)) == []


def test_states_in_a_watch_see_its_own_events_only(fires: Runner) -> None:
    calls = [track("order", 0), track("order", 1, cart="b"), track("add", 2, cart="a")]
    assert fires.per("add and not seen(order) within 1h", *calls) == [(2, "a")]


def test_one_and_one_point_nought_are_one_value(fires: Runner) -> None:
    assert fires.per(SILENCE, track("add", 0, cart=1), track("order", 1, cart=1.0), until=DAY) == []


@pytest.mark.parametrize("other", [True, "1"])
def test_one_and_true_and_the_text_are_different_values(fires: Runner, other: Any) -> None:
    calls = [track("add", 0, cart=1), track("order", 1, cart=other)]
    assert fires.per(SILENCE, *calls, until=DAY) == [(HOUR, 1)]


def test_values_fire_in_the_order_first_seen(fires: Runner) -> None:
    calls = [track("add", 0, cart="b"), track("add", 0, cart="a")]
    assert fires.per(SILENCE, *calls, until=DAY) == [(HOUR, "b"), (HOUR, "a")]


def test_what_was_true_when_a_watch_was_new_has_not_become_true(fires: Runner) -> None:
    calls = [identify(0, plan="vip"), track("add", 1, cart="a"), identify(2, plan="no"), identify(3, plan="vip")]
    assert fires.per('profile.plan == "vip"', *calls) == [(3, "a")]


def test_a_segment_looks_at_the_whole_timeline_even_in_a_watch(fires: Runner) -> None:
    trigger = {"t": {"when": 'in segment "keen"', "per": "cart"}}
    calls = [track("add", 0, cart="a"), track("add", 1)]
    fired = fires(trigger, calls, segments={"keen": "count(add) >= 2 within 1h"})
    assert fired == [(1, "u", "t", "a")]


def test_an_if_looks_at_the_whole_timeline_even_in_a_watch(fires: Runner) -> None:
    calls = [track("order", 0, cart="b"), track("add", 1, cart="a")]
    assert fires.per("add", *calls, condition="seen(order) within 1h") == [(1, "a")]


def test_a_cooldown_is_per_value(fires: Runner) -> None:
    calls = [track("add", 0, cart="a"), track("add", 1, cart="b"), track("add", 2, cart="a")]
    assert fires.per("add", *calls, cooldown="1h") == [(0, "a"), (1, "b")]


def test_a_value_can_lie_deeper(fires: Runner) -> None:
    trigger = {"t": {"when": "add", "per": "cart.id"}}
    assert fires(trigger, [track("add", 0, cart={"id": 7})]) == [(0, "u", "t", 7)]


# If, cooldown, priority


def test_a_firing_whose_if_is_false_is_spent(fires: Runner) -> None:
    calls = [track("add", 0), track("view", 1)]
    assert fires.at("add", *calls, condition="seen(view) within 1h") == []


def test_a_spent_occurrence_starts_no_cooldown(fires: Runner) -> None:
    calls = [track("add", 0), track("view", 1), track("add", 2)]
    assert fires.at("add", *calls, cooldown="1h", condition="seen(view) within 1h") == [2]


def test_a_cooldown_ends_exactly_its_length_after_the_firing(fires: Runner) -> None:
    calls = [track("add", 0), track("add", HOUR - 1), track("add", HOUR)]
    assert fires.at("add", *calls, cooldown="1h") == [0, HOUR]


def test_in_one_step_higher_priority_comes_first_then_the_name(fires: Runner) -> None:
    triggers: dict[str, dict[str, Any]] = {
        "d": {"when": "add"},
        "c": {"when": "add", "priority": -1},
        "b": {"when": "add"},
        "a": {"when": "add", "priority": 5},
    }
    assert [one[2] for one in fires(triggers, [track("add", 0)])] == ["a", "b", "d", "c"]


# Runs


def test_a_run_settles_what_is_due_at_its_end(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0), until=HOUR) == [HOUR]
    assert fires.at(SILENCE, track("add", 0), until=HOUR - 1) == []


def test_a_run_ends_with_its_last_input_unless_told(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0)) == []
    assert fires.at(SILENCE, track("add", 0), track("view", HOUR, user="v")) == [HOUR]


def test_a_run_ignores_inputs_received_after_its_end(fires: Runner) -> None:
    assert fires.at("add", track("add", 0), track("add", 1, got=11), until=10) == [0]


def test_firings_come_by_instant(fires: Runner) -> None:
    trigger = {"t": {"when": SILENCE}}
    fired = fires(trigger, [track("add", 5), track("add", 0, user="v")], until=DAY)
    assert fired == [(HOUR, "v", "t", None), (HOUR + 5, "u", "t", None)]


def test_times_may_be_iso_text(fires: Runner) -> None:
    call = {"type": "track", "userId": "u", "event": "add", "timestamp": "2023-11-14T22:13:20.001Z"}
    assert fires.at("add", call) == [1]
    assert fires.at("add", call | {"timestamp": "2023-11-14T23:13:20.001+01:00"}) == [1]


def test_a_message_sent_twice_counts_once(fires: Runner) -> None:
    calls = [track("add", 0) | {"messageId": "m"}, track("add", 5) | {"messageId": "m"}]
    assert fires.at("add", *calls) == [0]


# Identity


def test_what_a_visitor_left_pending_goes_on_under_the_user(fires: Runner) -> None:
    fired = fires({"t": {"when": SILENCE}}, [visit("add", 0), login(MINUTE)], until=DAY)
    assert fired == [(HOUR, "u", "t", None)]


def test_a_visitor_joins_a_user_who_is_known_already(fires: Runner) -> None:
    calls = [track("view", 0), visit("add", 1), login(2), track("order", 3)]
    assert fires.at(SILENCE, *calls, until=DAY) == []


def test_a_reprieve_before_the_login_counts_after_it(fires: Runner) -> None:
    calls = [visit("add", 0), track("order", 1), login(2)]
    assert fires.at(SILENCE, *calls, until=DAY) == []


def test_what_had_fired_for_the_visitor_does_not_fire_again(fires: Runner) -> None:
    fired = fires({"t": {"when": "add or seen(add) within 1h"}}, [visit("add", 0), track("view", 1), login(2)])
    assert fired == [(0, "x", "t", None)]


def test_a_link_between_two_timelines_is_known_when_they_join(fires: Runner) -> None:
    calls = [visit("add", 0), track("order", 1), login(2)]
    assert fires.at("add then order within 1h", *calls) == [2]


def test_the_anonymous_id_is_another_name_of_the_user_from_then_on(fires: Runner) -> None:
    fired = fires({"t": {"when": "add"}}, [login(0), visit("add", 1)])
    assert fired == [(1, "u", "t", None)]


def test_a_second_person_on_the_same_device_inherits_nothing(fires: Runner) -> None:
    calls = [visit("add", 0), login(1), login(2, user="v"), visit("order", 3)]
    fired = fires({"t": {"when": SILENCE}, "o": {"when": "order"}}, calls, until=DAY)
    assert fired == [(3, "v", "o", None), (HOUR, "u", "t", None)]


def test_a_cooldown_outlives_the_login(fires: Runner) -> None:
    calls = [track("view", 0), visit("add", 1), login(2), track("add", HOUR), track("add", HOUR + 1)]
    fired = fires({"t": {"when": "add", "cooldown": "1h"}}, calls)
    assert fired == [(1, "x", "t", None), (HOUR + 1, "u", "t", None)]


def test_the_users_own_traits_win_over_the_visitors_and_the_logins_over_both(fires: Runner) -> None:
    visitor = identify(1, plan="a", age=1, city="a") | {"anonymousId": "x"}
    visitor.pop("userId")
    calls = [identify(0, plan="u", age=2), visitor, login(2, age=3), track("view", 3)]
    assert fires.at('view and profile.plan == "u" and profile.age == 3 and profile.city == "a"', *calls) == [3]


def test_an_alias_joins_two_known_users(fires: Runner) -> None:
    alias = {"type": "alias", "userId": "u", "previousId": "v", "receivedAt": START + 2}
    calls = [track("add", 0, user="v"), track("view", 1), alias, track("order", 3, user="v")]
    assert fires({"t": {"when": "add then order within 1h"}}, calls) == [(3, "u", "t", None)]


def test_a_login_sent_again_does_not_take_the_device_back(fires: Runner) -> None:
    first = login(1) | {"messageId": "m1"}
    calls = [first, login(2, user="v"), first | {"receivedAt": START + 3}, visit("add", 4)]
    assert fires({"t": {"when": "add"}}, calls) == [(4, "v", "t", None)]
