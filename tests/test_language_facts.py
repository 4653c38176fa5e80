"""Facts about time, order and moments, computed by hand from the contract."""

import pytest

from tests.reference.facts import DAY, HOUR, MINUTE, RUNNERS, Runner, identify, track

pytestmark = pytest.mark.parametrize("fires", RUNNERS, ids=lambda one: one.name)

SILENCE = "add then no order within 1h"
LINK = "add then order within 1h"
RESTART = "(add then no view within 1h) then order within 1h"


# Half-open spans


def test_a_match_exactly_the_span_later_is_too_late(fires: Runner) -> None:
    assert fires.at(LINK, track("add", 0), track("order", HOUR)) == []


def test_a_match_one_millisecond_before_the_span_ends_is_in_time(fires: Runner) -> None:
    assert fires.at(LINK, track("add", 0), track("order", HOUR - 1)) == [HOUR - 1]


def test_a_reprieve_exactly_the_span_later_is_too_late(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0), track("order", HOUR)) == [HOUR]


def test_a_reprieve_one_millisecond_before_the_end_keeps_silence_quiet(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0), track("order", HOUR - 1), until=2 * HOUR) == []


def test_what_falls_due_comes_before_an_input_received_at_that_instant(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0), track("order", HOUR - 1, got=HOUR)) == [HOUR]


def test_a_late_reprieve_received_before_the_end_counts(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0), track("order", 5, got=HOUR - 1), until=2 * HOUR) == []


def test_what_has_fired_is_not_taken_back(fires: Runner) -> None:
    chain = f"({SILENCE}) then view within 3h"
    calls = [track("add", 0), track("order", 5, got=2 * HOUR), track("view", 3 * HOUR)]
    assert fires.at(chain, *calls) == [3 * HOUR]


def test_an_order_before_the_cart_is_no_reprieve(fires: Runner) -> None:
    assert fires.at(SILENCE, track("order", 0), track("add", 1), until=2 * HOUR) == [HOUR + 1]


def test_each_occurrence_has_a_silence_of_its_own(fires: Runner) -> None:
    calls = [track("add", 0), track("add", 10 * MINUTE)]
    assert fires.at(SILENCE, *calls, until=3 * HOUR) == [HOUR, HOUR + 10 * MINUTE]


def test_without_within_a_link_may_last_as_long_as_the_retention(fires: Runner) -> None:
    for gap, expected in ((HOUR - 1, [HOUR - 1]), (HOUR, [])):
        fired = fires({"t": {"when": "add then order"}}, [track("add", 0), track("order", gap)], retention="1h")
        assert [one[0] for one in fired] == expected


# Order on the timeline


def test_of_one_millisecond_the_first_to_arrive_is_before(fires: Runner) -> None:
    assert fires.at(LINK, track("add", 0), track("order", 0)) == [0]
    assert fires.at(LINK, track("order", 0), track("add", 0)) == []


def test_an_event_is_not_after_itself(fires: Runner) -> None:
    assert fires.at("add then add within 1h", track("add", 0)) == []
    assert fires.at("add then add within 1h", track("add", 0), track("add", 0)) == [0]


def test_what_happens_at_an_instant_is_placed_after_the_events_of_its_millisecond(fires: Runner) -> None:
    assert fires.at(RESTART, track("add", 0), track("order", HOUR), until=3 * HOUR) == []
    assert fires.at(RESTART, track("add", 0), track("order", HOUR + 1)) == [HOUR + 1]


def test_a_chain_begins_anew_after_a_silence(fires: Runner) -> None:
    assert fires.at(RESTART, track("add", 0), track("order", 2 * HOUR - 1)) == [2 * HOUR - 1]
    assert fires.at(RESTART, track("add", 0), track("order", 2 * HOUR)) == []


def test_a_timestamp_in_the_future_is_that_of_receipt(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 5 * HOUR, got=0), until=2 * HOUR) == [HOUR]


def test_receipt_never_goes_back_for_a_user(fires: Runner) -> None:
    assert fires.at("order", track("add", 10), track("order", 5, got=5)) == [10]


def test_receipt_of_one_user_says_nothing_of_another(fires: Runner) -> None:
    fired = fires({"t": {"when": "order"}}, [track("add", 10), track("order", 5, user="v")], until=10)
    assert fired == [(5, "v", "t", None)]


# Chains


def test_the_span_of_a_chain_runs_from_its_beginning_to_its_end(fires: Runner) -> None:
    chain = "add then view then order within 1h"
    assert fires.at(chain, track("add", 0), track("view", 30 * MINUTE), track("order", HOUR)) == []
    assert fires.at(chain, track("add", 0), track("view", 30 * MINUTE), track("order", HOUR - 1)) == [HOUR - 1]


def test_a_link_can_have_a_span_of_its_own(fires: Runner) -> None:
    chain = "(add then view within 30m) then order within 1h"
    assert fires.at(chain, track("add", 0), track("view", 29 * MINUTE), track("order", 59 * MINUTE)) == [59 * MINUTE]
    assert fires.at(chain, track("add", 0), track("view", 30 * MINUTE), track("order", 59 * MINUTE)) == []


def test_of_several_beginnings_the_latest_counts(fires: Runner) -> None:
    calls = [track("add", 0), track("add", 30 * MINUTE), track("view", 40 * MINUTE), track("order", 80 * MINUTE)]
    assert fires.at("add then view then order within 1h", *calls) == [80 * MINUTE]


def test_every_completing_event_is_an_occurrence(fires: Runner) -> None:
    calls = [track("add", 0), track("order", 1), track("order", 2)]
    assert fires.at(LINK, *calls) == [1, 2]


def test_an_event_between_spoils_a_link_without_it(fires: Runner) -> None:
    link = "add then order without view within 1h"
    assert fires.at(link, track("add", 0), track("view", 1), track("order", 2)) == []
    assert fires.at(link, track("view", 0), track("add", 1), track("order", 2), track("view", 3)) == [2]


def test_a_spoilt_link_can_begin_again(fires: Runner) -> None:
    calls = [track("add", 0), track("view", 1), track("add", 2), track("order", 3)]
    assert fires.at("add then order without view within 1h", *calls) == [3]


def test_between_means_the_order_of_the_timeline_not_only_the_millisecond(fires: Runner) -> None:
    calls = [track("add", 0), track("view", 0), track("order", 0)]
    assert fires.at("add then order without view within 1h", *calls) == []


def test_what_has_become_known_stays_known_inside_longer_moments(fires: Runner) -> None:
    chain = "(add then order without view within 1h) then no page within 1h"
    calls = [track("add", 0), track("order", 10), track("view", 5, got=20)]
    assert fires.at(chain, *calls, until=2 * HOUR) == [HOUR + 10]


def test_silence_after_a_chain_runs_from_its_last_event(fires: Runner) -> None:
    chain = "(add then view within 30m) then no order within 2h"
    calls = [track("add", 0), track("view", 20 * MINUTE)]
    assert fires.at(chain, *calls, until=DAY) == [2 * HOUR + 20 * MINUTE]


# Late events


def test_a_late_beginning_completes_a_link_when_it_becomes_known(fires: Runner) -> None:
    calls = [track("order", HOUR), track("add", 30 * MINUTE, got=2 * HOUR)]
    assert fires.at(LINK, *calls) == [2 * HOUR]


def test_another_beginning_for_what_has_happened_changes_nothing(fires: Runner) -> None:
    calls = [track("add", 0), track("order", 30 * MINUTE), track("add", 10 * MINUTE, got=HOUR)]
    assert fires.at(LINK, *calls) == [30 * MINUTE]


def test_a_late_beginning_gives_a_longer_chain_more_time(fires: Runner) -> None:
    calls = [
        track("add", 0),
        track("view", 50 * MINUTE),
        track("add", 40 * MINUTE, got=55 * MINUTE),
        track("order", 70 * MINUTE),
    ]
    assert fires.at("add then view then order within 1h", *calls) == [70 * MINUTE]


def test_a_late_beginning_whose_end_is_past_is_settled_at_once(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0, got=2 * HOUR)) == [2 * HOUR]


def test_a_late_beginning_whose_end_is_now_is_settled_at_once(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0, got=HOUR)) == [HOUR]


def test_a_late_beginning_whose_end_lies_ahead_waits_for_it(fires: Runner) -> None:
    assert fires.at(SILENCE, track("add", 0, got=30 * MINUTE), until=2 * HOUR) == [HOUR]


def test_a_late_beginning_followed_by_a_known_reprieve_is_quiet(fires: Runner) -> None:
    assert fires.at(SILENCE, track("order", 30 * MINUTE), track("add", 0, got=2 * HOUR), until=DAY) == []


def test_a_silence_settled_late_is_placed_at_its_end(fires: Runner) -> None:
    calls = [track("order", 90 * MINUTE), track("add", 0, got=2 * HOUR)]
    assert fires.at(RESTART, *calls) == [2 * HOUR]


def test_a_late_event_makes_no_state_true_in_the_past(fires: Runner) -> None:
    assert fires.at("seen(add) within 1h", track("add", 0, got=HOUR), until=DAY) == []


# History


def test_an_event_older_than_history_after_is_history(fires: Runner) -> None:
    assert fires.at("add", track("add", 0, got=DAY)) == [DAY]
    assert fires.at("add", track("add", 0, got=DAY + 1)) == []


def test_history_neither_begins_nor_completes_a_link(fires: Runner) -> None:
    link = "add then order within 2d"
    assert fires.at(link, track("add", 0, got=DAY + 1), track("order", DAY + 2)) == []
    assert fires.at(link, track("add", 0), track("order", 1, got=DAY + 2)) == []


def test_history_is_a_reason_for_silence(fires: Runner) -> None:
    calls = [track("add", 0), track("order", 1, got=DAY + 2)]
    assert fires.at("add then no order within 2d", *calls, until=3 * DAY) == []


def test_history_makes_a_state_true_silently(fires: Runner) -> None:
    assert fires.at("seen(add) within 3d", track("add", 0, got=DAY + 1), until=5 * DAY) == []


def test_a_span_of_truth_runs_from_history(fires: Runner) -> None:
    assert fires.at("seen(add) within 3d for 1h", track("add", 0, got=DAY + 1), until=5 * DAY) == [DAY + 1 + HOUR]


def test_history_counts_in_windows(fires: Runner) -> None:
    calls = [track("add", 0, got=DAY + 1), track("view", DAY + 2)]
    assert fires.at("view and seen(add) within 2d", *calls) == [DAY + 2]


def test_what_is_imported_is_history_however_young(fires: Runner) -> None:
    old = {"imported": True}
    assert fires.at("view", track("view", 0) | old) == []
    assert fires.at("view then no order within 1h", track("view", 0) | old, until=DAY) == []
    assert fires.at("view then no order within 1h", track("view", 0), track("order", 1) | old, until=DAY) == []
    assert fires.at("count(view) >= 2 within 1h", track("view", 0) | old, track("view", 1)) == [1]
    assert fires.at("count(view) >= 2 within 1h", track("view", 0), track("view", 1) | old) == []


def test_an_imported_profile_makes_a_state_true_silently_though_a_span_runs_from_it(fires: Runner) -> None:
    new = identify(1, plan="new") | {"imported": True}
    seen = track("view", 0)
    assert fires.at('profile.plan == "new"', seen, new) == []
    assert fires.at('(profile.plan == "new") for 1h', seen, new, until=DAY) == [1 + HOUR]


def test_history_after_is_a_setting(fires: Runner) -> None:
    calls = [track("add", 0, got=HOUR), track("add", 0, got=HOUR + 1)]
    assert fires({"t": {"when": "add"}}, calls, history_after="1h") == [(HOUR, "u", "t", None)]


# Or, and, inactive


def test_a_step_fires_a_trigger_once_however_much_it_brings(fires: Runner) -> None:
    assert fires.at("add or seen(add) within 1h or any", track("add", 0)) == [0]


def test_either_branch_of_an_or_makes_it_happen(fires: Runner) -> None:
    calls = [track("order", 0), track("add", 10)]
    assert fires.at(f"({SILENCE}) or order", *calls, until=2 * HOUR) == [0, HOUR + 10]


def test_two_states_with_or_are_one_state_even_beside_a_moment(fires: Runner) -> None:
    calls = [track("add", 0), track("order", 1), track("view", 2)]
    assert fires.at("seen(add) within 1h or seen(order) within 1h or view", *calls) == [0, 2]


def test_and_binds_tighter_than_or(fires: Runner) -> None:
    assert fires.at("view or order and seen(add) within 1h", track("view", 0), track("order", 1)) == [0]


def test_then_binds_tighter_than_or(fires: Runner) -> None:
    assert fires.at("view or add then order within 1h", track("order", 0), track("view", 1), track("order", 2)) == [1]


def test_not_binds_tighter_than_for(fires: Runner) -> None:
    assert fires.at("not seen(add) within 1h for 2h", track("add", 0), until=DAY) == [3 * HOUR]


@pytest.mark.parametrize("when", ["order and seen(add) within 1h", "seen(add) within 1h and order"])
def test_a_moment_passes_while_the_state_is_true(fires: Runner, when: str) -> None:
    assert fires.at(when, track("add", 0), track("order", HOUR - 1), track("order", HOUR)) == [HOUR - 1]


def test_a_moment_at_a_step_at_which_the_state_is_false_is_spent(fires: Runner) -> None:
    assert fires.at("order and seen(add) within 1h", track("order", 0), track("add", 1)) == []


def test_a_state_beside_a_silence_is_asked_at_its_end(fires: Runner) -> None:
    when = "(add then no order within 1h) and seen(view) within 1h"
    assert fires.at(when, track("add", 0), track("view", 1), until=DAY) == [HOUR]
    assert fires.at(when, track("view", 0), track("add", 0), until=DAY) == []


def test_activity_puts_inactivity_off(fires: Runner) -> None:
    assert fires.at("inactive for 1h", track("view", 0), track("page", 30 * MINUTE), until=DAY) == [90 * MINUTE]


def test_neither_feedback_nor_a_profile_update_is_activity(fires: Runner) -> None:
    update = {
        "type": "identify",
        "userId": "u",
        "traits": {"a": 1},
        "timestamp": track("view", 20 * MINUTE)["timestamp"],
    }
    calls = [track("view", 0), update, track("Email Opened", 30 * MINUTE)]
    assert fires.at("inactive for 1h", *calls, until=DAY) == [HOUR]


def test_feedback_can_be_named(fires: Runner) -> None:
    assert fires.at('"Email Opened" or any', track("Email Opened", 0), track("Email Bounced", 1)) == [0]


def test_a_later_beginning_counts_for_what_a_state_let_through(fires: Runner) -> None:
    calls = [
        track("add", 1000),
        track("page", 5000),
        track("view", 5500),
        track("add", 4000, got=6500),
        track("order", 6900),
    ]
    assert fires.at("((add then view) and seen(page) within 1s) then order within 3s", *calls) == [6900]
