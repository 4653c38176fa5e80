"""Why a trigger fired, or did not: each part says what it saw, with values, and what it needs."""

from typing import Any

import pytest

from engine.core.events import Millis
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.files import Loaded, load
from engine.simulate import instant, read, received_at
from engine.why import Answer, Asked, Part, Subject, Watched, explain

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = instant("2026-01-08T12:00:00Z")
SEGMENTS = "segments: {vip: list, rich: sum(order.total) > 100 within 30d}\n"


def at(minutes: float) -> Millis:
    return NOON + int(minutes * MINUTE)


def track(minutes: float, event: str, /, received: float | None = None, **properties: Any) -> dict[str, Any]:
    call = {"type": "track", "userId": "u", "event": event, "timestamp": at(minutes), "properties": properties}
    return call if received is None else call | {"receivedAt": at(received)}


def traits(minutes: float, **found: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u", "traits": found, "timestamp": at(minutes)}


def loaded_of(keys: str) -> Loaded:
    return load({"t.yaml": f"{SEGMENTS}triggers:\n  t: {{{keys}}}\n"})


def lived(loaded: Loaded, inputs: tuple[dict[str, Any], ...], end: Millis) -> User:
    program = compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY)
    user = User("1u", program)
    for seq, call in enumerate(inputs):
        user.observe(read(call, received_at(call), seq), received_at(call))
    user.wake(end)
    return user


def answer(keys: str, *inputs: dict[str, Any], t: float = 60, per: str | None = None, since: Millis = 0) -> Answer:
    """Give the answer at `t`, in minutes from noon, about a trigger with these keys, to somebody who did all that."""
    loaded = loaded_of(keys)
    user = lived(loaded, inputs, at(t))
    asked = Asked(loaded.triggers[0], loaded.segments, at(t), 90 * DAY, DAY, since=since, per=per, now=at(t))
    return explain(asked, Subject.of(user))


def watched(keys: str, *inputs: dict[str, Any], t: float = 60) -> Watched:
    [watch] = answer(keys, *inputs, t=t).watches
    return watch


def when(text: str, *inputs: dict[str, Any], t: float = 60) -> Part:
    return watched(f"when: '{text}'", *inputs, t=t).when


# States


def test_a_count_is_told_with_what_is_wanted_and_how_many_are_missing() -> None:
    part = when("count(view) >= 3 within 1h", track(10, "view"), track(20, "view"), t=30)
    assert (part.holds, part.occurred) == (False, False)
    assert part.values | {"times": 0} == {"count": 2, "wanted": 3, "leaves": at(70), "times": 0}
    assert part.said.startswith("the count is 2, `>= 3` is wanted")
    assert "leaves the window at 2026-01-08T13:10:00Z" in part.said
    assert part.needs == "1 more `view`"


def test_a_count_of_what_has_left_the_window_says_when_the_last_was() -> None:
    part = when("count(view) >= 1 within 10m", track(10, "view"), t=30)
    assert part.said.endswith("the last, `view` of 2026-01-08T12:10:00Z, is longer than 10m ago")


def test_a_sum_is_told_with_its_value_and_what_is_missing() -> None:
    part = when("sum(order.total) > 100 within 1h", track(10, "order", total=80.5), track(11, "order", total="x"), t=30)
    assert part.values["sum"] == 80.5
    assert part.said == "the sum is 80.5, over 1 value, `> 100` is wanted"
    assert part.needs == "more than 19.5 more, by `order`"


@pytest.mark.parametrize(("fold", "value"), [("avg", 15), ("min", 10), ("max", 20), ("distinct", 2)])
def test_what_is_made_of_values_is_told(fold: str, value: float) -> None:
    part = when(f"{fold}(view.price) > 100", track(1, "view", price=10), track(2, "view", price=20), t=30)
    assert part.values[fold] == value


def test_over_nothing_there_is_no_mean() -> None:
    assert when("avg(view.price) > 1", t=30).said == "there is no value of `price`, `> 1` is wanted"


def test_the_last_event_is_told_with_the_property_that_was_asked() -> None:
    part = when("last(view).price > 15 within 1h", track(10, "view", price=20), track(20, "view", price=12), t=30)
    assert not part.holds
    assert part.said.endswith("`price` was 12, in `view` of 2026-01-08T12:20:00Z")
    assert part.values["price"] == 12


def test_what_was_seen_is_told_with_when_and_until_when_it_counts() -> None:
    part = watched("when: a, if: seen(view) within 1h", track(10, "view"), t=30).condition
    assert part is not None
    assert part.said == "last `view` of 2026-01-08T12:10:00Z, in the window until 2026-01-08T13:10:00Z"
    later = watched("when: a, if: seen(view) within 1h", track(10, "view"), t=70).condition
    assert later is not None
    assert not later.holds
    assert later.said == "last `view` of 2026-01-08T12:10:00Z, longer than 1h ago"


def test_a_selector_that_takes_none_of_the_events_of_its_name_tells_what_the_last_had() -> None:
    part = when("view[price > 20]", track(1, "view", price=7), track(2, "view", price=12), t=30)
    assert part.said == ("no such event among 2 events of the name; in `view` of 2026-01-08T12:02:00Z `price` was 12")
    assert part.needs == "a `view[price > 20]`"


def test_a_trait_is_told_as_it_is_now_and_that_it_has_no_history() -> None:
    found = answer('when: a, if: profile.plan == "vip"', traits(0, plan="free"), track(1, "a"))
    [watch] = found.watches
    assert watch.condition is not None
    assert watch.condition.said == '`profile.plan` is "free"'
    assert "traits have no history: they are told as they are now" in found.notes


def test_a_segment_is_told_with_the_state_that_it_is() -> None:
    part = watched("when: a, if: in segment rich", track(1, "order", total=80.5), t=30).condition
    assert part is not None
    assert part.parts[0].values["sum"] == 80.5
    found = answer("when: a, if: in segment vip")
    assert found.watches[0].condition is not None
    assert found.watches[0].condition.said == "not on the list"
    assert "lists have no history: who is on them is told as it is now" in found.notes


def test_of_a_negation_it_is_told_when_it_will_hold_by_itself() -> None:
    part = watched("when: a, if: not seen(order) within 1h", track(10, "order"), t=30).condition
    assert part is not None
    assert part.needs == "nothing that keeps `seen(order) within 1h` true until 2026-01-08T13:10:00Z"
    assert part.waits == at(70)


def test_the_parts_of_a_conjunction_stand_side_by_side() -> None:
    part = watched("when: z, if: seen(a) and seen(b) and (seen(c) or seen(d))", track(1, "a"), t=2).condition
    assert part is not None
    assert [each.text for each in part.parts] == ["seen(a)", "seen(b)", "seen(c) or seen(d)"]
    assert [each.holds for each in part.parts] == [True, False, False]


# Moments


def test_a_chain_that_is_open_needs_its_event_before_an_instant() -> None:
    watch = watched("when: checkout then order within 30m", track(10, "checkout"), t=20)
    assert watch.status == "not yet"
    assert watch.when.needs == ("an `order` after the `checkout` of 2026-01-08T12:10:00Z, before 2026-01-08T12:40:00Z")
    assert watch.when.needs in watch.said


def test_a_chain_whose_time_is_over_says_so() -> None:
    part = when("checkout then order within 30m", track(10, "checkout"), track(50, "order"))
    assert part.said == ("no `order` came after the `checkout` of 2026-01-08T12:10:00Z, before 2026-01-08T12:40:00Z")


def test_what_spoils_a_chain_is_named() -> None:
    inputs = track(10, "checkout"), track(15, "remove"), track(20, "order")
    part = when("checkout then order without remove within 30m", *inputs)
    assert part.said.startswith("`remove` of 2026-01-08T12:15:00Z came after the `checkout` of 2026-01-08T12:10:00Z")
    assert not part.occurred


def test_a_silence_that_lasts_waits_until_its_end() -> None:
    watch = watched("when: cart then no order within 1h", track(10, "cart"), t=30)
    assert watch.status == "waiting"
    assert watch.when.waits == at(70)
    assert watch.when.needs == "no `order` after the `cart` of 2026-01-08T12:10:00Z, until 2026-01-08T13:10:00Z"


def test_what_broke_a_silence_is_named() -> None:
    watch = watched("when: cart then no order within 1h", track(10, "cart"), track(40, "order"), t=90)
    assert watch.status == "not yet"
    assert watch.when.said == (
        "`order` of 2026-01-08T12:40:00Z came after the `cart` of 2026-01-08T12:10:00Z, before 2026-01-08T13:10:00Z"
    )


def test_inactivity_is_told_in_the_words_of_the_shop() -> None:
    watch = watched("when: inactive for 1h", track(10, "view"), t=30)
    assert watch.when.text == "inactive for 1h"
    assert watch.when.waits == at(70)


def test_what_must_last_is_told_with_since_when_it_does() -> None:
    watch = watched("when: seen(a) within 2h for 1h", track(0, "z"), track(10, "a"), t=30)
    assert (watch.status, watch.when.waits) == ("waiting", at(70))
    assert watch.when.said == "true since 2026-01-08T12:10:00Z"


def test_a_state_on_an_event_needs_an_event_at_whose_step_it_becomes_true() -> None:
    part = when("(count(a) >= 2) on b", track(1, "a"), track(2, "b"))
    assert part.said == "it did not become true at the step of `b` of 2026-01-08T12:02:00Z"
    assert part.needs == "a `b` at whose step it becomes true"


def test_a_moment_at_which_its_state_was_false_tells_the_state_as_it_was_then() -> None:
    inputs = track(10, "cart"), track(20, "order", total=300)
    part = when("cart and in segment rich", *inputs)
    assert part.said == (
        'when `cart` happened, at 2026-01-08T12:10:00Z, `in segment "rich"` was false:'
        " the sum is 0, over 0 values, `> 100` is wanted"
    )


def test_of_two_moments_either_will_do() -> None:
    watch = watched("when: a or b then c", track(1, "b"), t=2)
    assert [each.occurred for each in watch.when.parts] == [False, False]
    assert "an `a` or a `c`" in watch.said


def test_history_begins_nothing_and_it_is_told_that_it_is_history() -> None:
    part = when("cart then no order within 1h", track(-2_000, "cart", received=1), t=30)
    assert part.parts[0].said == (
        "`cart` of 2026-01-07T02:40:00Z is history, received at 2026-01-08T12:01:00Z: it begins and completes nothing"
    )


# What keeps a trigger from firing


def test_a_firing_is_told_with_its_event_and_how_everything_stood() -> None:
    watch = watched("when: count(view) >= 2 within 10m", track(1, "view"), track(2, "view", price=9), t=60)
    [fired] = watch.firings
    assert (fired.at, fired.said) == (at(2), "fired at 2026-01-08T12:02:00Z, by `view`")
    assert fired.event == {"event": "view", "at": at(2), "properties": {"price": 9}}
    assert fired.when is not None
    assert (fired.when.values["count"], watch.when.values["count"]) == (2, 0)
    assert fired.id


def test_the_cooldown_that_held_is_told_with_its_end() -> None:
    watch = watched("when: cart, cooldown: 3d", track(1, "cart"), track(31, "cart"))
    assert watch.status == "held back"
    [held] = watch.occurrences
    assert held.said == (
        "`when` happened at 2026-01-08T12:31:00Z, by `cart`, but the cooldown of 3d since the firing of"
        " 2026-01-08T12:01:00Z lasted until 2026-01-11T12:01:00Z"
    )
    [gate] = watch.gates
    assert (gate.holds, gate.said) == (False, "lasts until 2026-01-11T12:01:00Z")


def test_an_if_that_was_false_is_told_as_it_was_then() -> None:
    watch = watched("when: cart, if: count(view) >= 1 within 1h", track(1, "cart"), track(2, "view"), t=10)
    assert watch.said == (
        "`when` happened at 2026-01-08T12:01:00Z, by `cart`, but `if` was false then: `count(view) >= 1 within 1h`"
        " (the count is 0, `>= 1` is wanted)"
    )
    assert watch.condition is not None
    assert watch.condition.holds


def test_a_negation_that_was_false_is_told_with_what_made_it_so() -> None:
    watch = watched("when: cart, if: not seen(order) within 1h", track(1, "order"), track(2, "cart"), t=10)
    assert watch.said.endswith(
        "`not seen(order) within 1h` (last `order` of 2026-01-08T12:01:00Z, in the window until 2026-01-08T13:01:00Z)"
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("rollout: 0%", "the person is not in the share of `rollout`"),
        ("rollout: {segment: vip}", 'the person was not in the segment "vip" of `rollout`'),
        ("mode: off", "the trigger is off"),
        ("reentry: once", "it fires once, and had at 2026-01-08T12:01:00Z"),
    ],
)
def test_whatever_else_held_is_named(keys: str, said: str) -> None:
    watch = watched(f"when: cart, {keys}, send: x", track(1, "cart"), track(2, "cart"), t=10)
    assert watch.status == "held back"
    assert watch.said.endswith(said)


def test_each_value_is_told_those_seen_last_first_and_one_if_it_is_asked_for() -> None:
    carts = [track(number, "cart", id=number) for number in range(7)]
    found = answer("when: cart then no order within 1h, per: id", *carts, t=10)
    assert [watch.per for watch in found.watches] == [6, 5, 4, 3, 2]
    assert found.others == 2
    [watch] = answer("when: cart then no order within 1h, per: id", *carts, t=10, per="1").watches
    assert (watch.per, watch.when.waits) == (1, at(61))
    found = answer("when: cart then no order within 1h, per: id", *carts, t=10, per="nine")
    assert (found.watches, found.notes) == ([], ["no event with `id` nine is kept"])


def test_an_order_without_a_value_breaks_the_silence_of_every_value() -> None:
    found = answer("when: cart then no order within 1h, per: id", track(1, "cart", id="c"), track(2, "order"), t=90)
    assert found.watches[0].when.said.startswith("`order` of 2026-01-08T12:02:00Z came after")


# As of when


def test_it_is_told_as_of_any_instant() -> None:
    inputs = track(10, "cart"), track(40, "order")
    loaded = loaded_of("when: cart then no order within 1h")
    subject = Subject.of(lived(loaded, inputs, at(600)))
    told = {
        minute: explain(Asked(loaded.triggers[0], loaded.segments, at(minute), 90 * DAY, DAY), subject).watches[0]
        for minute in (5, 30, 50)
    }
    assert [watch.status for watch in told.values()] == ["not yet", "waiting", "not yet"]
    assert told[5].when.parts[0].said == "no `cart` is known"


def test_an_instant_that_lies_ahead_is_told_as_if_nothing_came() -> None:
    loaded = loaded_of("when: cart then no order within 1h")
    subject = Subject.of(lived(loaded, (track(10, "cart"),), at(20)))
    found = explain(Asked(loaded.triggers[0], loaded.segments, at(90), 90 * DAY, DAY, now=at(20)), subject)
    assert found.watches[0].firings[0].at == at(70)
    assert "this instant lies ahead: it is told as if nothing came until then" in found.notes


def test_what_happened_before_its_text_was_in_force_did_not_fire() -> None:
    [watch] = answer("when: cart", track(1, "cart"), since=at(5)).watches
    assert watch.firings[0].at == at(1)  # it is recorded, under whatever text
    loaded = loaded_of("when: view")
    subject = Subject.of(lived(loaded_of("when: cart"), (track(1, "view"),), at(10)))
    asked = Asked(loaded.triggers[0], loaded.segments, at(10), 90 * DAY, DAY, since=at(5))
    [watch] = explain(asked, subject).watches
    assert watch.said.endswith("but the trigger, as it is, is in force only since 2026-01-08T12:05:00Z")


def test_what_was_fired_is_the_truth_and_a_difference_is_told() -> None:
    subject = Subject.of(lived(loaded_of("when: cart"), (track(1, "cart"), track(2, "view")), at(10)))
    loaded = loaded_of("when: view")
    found = explain(Asked(loaded.triggers[0], loaded.segments, at(10), 90 * DAY, DAY), subject)
    assert [fired.at for fired in found.watches[0].firings] == [at(1)]
    assert "the firing of 2026-01-08T12:01:00Z is recorded" in found.notes[0]
    assert found.watches[0].occurrences[0].held == "unrecorded"
