"""`send`, `steps`, `variants`, `goal`, `reentry` and `otherwise`: what they become, and what is wrong with them."""

import pytest

from engine.language.conditions import parse_moment, parse_state
from engine.language.errors import TriggerErrors
from engine.language.files import load
from engine.language.tree import Goal, Selector, Step, Trigger, Variant

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def read(keys: str) -> Trigger:
    return load({"shop.yaml": "triggers:\n  t:\n    when: cart\n" + keys}).triggers[0]


def test_send_is_one_step() -> None:
    assert read("    send: a\n").steps == (Step(("a",)),)
    assert read("    send: [a, b]\n    after: 1h\n").steps == (Step(("a", "b"), HOUR),)


def test_steps_keep_their_order() -> None:
    steps = read('    steps:\n      - send: a\n      - {after: 1h, send: [b, a], if: "not seen(order)"}\n').steps
    condition = parse_state("not seen(order)")
    assert steps == (Step(("a",)), Step(("b", "a"), HOUR, condition, "not seen(order)"))


def test_variants_say_what_they_say_otherwise() -> None:
    keys = "    send: a\n    variants:\n      control:\n      fast: {weight: 2.5, when: view, send: b, after: 10m}\n"
    trigger = read(keys + "      long: {steps: [{send: c}]}\n")
    assert trigger.variants == (
        Variant("control", 1.0),
        Variant("fast", 2.5, parse_moment("view"), "view", (Step(("b",), 10 * MINUTE),)),
        Variant("long", 1.0, steps=(Step(("c",)),)),
    )
    assert trigger.messages == {"a", "b", "c"}


def test_a_goal_is_an_event_within_a_time() -> None:
    order = parse_moment("order[total > 3]").selector  # type: ignore[union-attr]
    assert isinstance(order, Selector)
    assert read("    goal: order[total > 3] within 7d\n").goal == Goal(order, 7 * DAY)
    keys = '    goal: {event: "order[total > 3] within 7d", revenue: cart.total}\n'
    assert read(keys).goal == Goal(order, 7 * DAY, ("cart", "total"))


@pytest.mark.parametrize(
    ("keys", "once", "cooldown"),
    [("once", True, None), ("always", False, None), ("after 30d", False, 30 * DAY)],
)
def test_reentry(keys: str, cooldown: int | None, *, once: bool) -> None:
    trigger = read(f"    reentry: {keys}\n")
    assert (trigger.once, trigger.cooldown) == (once, cooldown)


@pytest.mark.parametrize(
    ("keys", "line", "message", "hint"),
    [
        ("after: 1h", 4, "`after` says when to send, but nothing is sent", "add `send: …`"),
        ("steps: [{send: a}]\n    send: b", 5, "`send` and `steps` exclude each other", "- {send: …}"),
        ("steps: [{send: a}]\n    after: 1h", 5, "`after` and `steps` exclude each other", "- {after: …}"),
        ("steps: a", 4, "`steps` is a list", "`- `"),
        ("steps:\n    - {after: 1h}", 5, "this step sends nothing", "`- {after: 24h, send: cart_reminder}`"),
        (
            "steps:\n    - {after: 2h, send: a}\n    - {after: 1h, send: a}",
            6,
            "due before the one above",
            "from the firing",
        ),
        ("steps:\n    - {sned: a, send: b}", 5, "a step has no key `sned`", "did you mean `send`?"),
        ("steps:\n    - {send: a, if: view}", 5, "`view` is a moment; `if` takes a state", "seen(view)"),
        ("steps:\n    - {send: a, after: 5}", 5, "`after` is a duration", "`3d`"),
        ("steps:\n    - {send: a, after: 91d}", 5, "longer than history is kept", "90d"),
        ("variants: {a: {send: x}}", 4, "there are at least two variants", "control: {weight: 1}"),
        ("variants: {a: {weight: 0}, b: {weight: 0}}", 4, "all variants have the weight 0", "more"),
        ("variants: {a: {weight: -1}, b: }", 4, "a weight is 0 or more", "proportion"),
        ("variants: {holdout: , b: }", 4, "`holdout` is no name for a variant", "counted by that name"),
        ("variants: {a: {sned: x}, b: }", 4, "variant `a` has no key `sned`", "did you mean `send`?"),
        ("goal: order", 4, "a goal is one event within a time", "`order_completed within 7d`"),
        ("goal: a or b within 7d", 4, "a goal is one event within a time", "(order_completed or renewed) within 7d"),
        ("goal: seen(a) within 7d", 4, "`goal` takes an event", "did you mean `a`?"),
        ("goal: (a then b) within 7d", 4, "`goal` takes an event", "an event is"),
        ("goal: {revenue: total}", 4, "`goal` has no `event`", "revenue: total"),
        ("goal: {event: order within 7d, revenue: }", 4, "`revenue` is the name of a property", "`total`"),
        ("reentry: twice", 4, "`reentry` is `once`, `always` or `after 30d`", "one of the three"),
        ("reentry: after soon", 4, "`soon` is not a duration", "30s"),
        ("reentry: after 3d\n    cooldown: 1d", 4, "exclude each other", "leave one of them out"),
        ("otherwise: true\n    send: a\n    after: 1h", 4, "`otherwise` needs a group", "exclusive: carts"),
        ("otherwise: true\n    send: a\n    exclusive: g", 4, "`otherwise` needs a time to wait", "after: 30m"),
    ],
)
def test_mistakes(keys: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(TriggerErrors) as caught:
        read(f"    {keys}\n")
    (error,) = caught.value.errors
    assert message in error.message
    assert hint in error.hint
    assert error.line == line


def test_a_message_in_a_step_or_a_variant_must_be_there() -> None:
    text = "triggers: {t: {when: a, steps: [{send: x}], variants: {p: {send: y}, q: }}}"
    with pytest.raises(TriggerErrors) as caught:
        load({"": text}, messages=["other"])
    assert [error.message for error in caught.value.errors] == ["there is no message `x`", "there is no message `y`"]
