"""Trigger files: their keys, their positions, and everything wrong with them in one go."""

import pytest

from engine.language.conditions import parse_moment, parse_state
from engine.language.errors import TriggerError, TriggerErrors
from engine.language.files import load
from engine.language.tree import Segment, Step, Trigger


def errors_of(*texts: str) -> tuple[TriggerError, ...]:
    with pytest.raises(TriggerErrors) as caught:
        load({f"{number}.yaml": text for number, text in enumerate(texts, 1)})
    return caught.value.errors


def in_trigger(lines: str) -> str:
    return "triggers:\n  x:\n    when: view\n    " + lines


EVERYTHING = """\
triggers:
  cart_reminder:
    when: cart_updated then no order_completed within 1h
    per: cart.id
    if: not in segment vip
    cooldown: 3d
    priority: 10
    backfill: true
    send: [mail, push]
    objective: Carts come back
    owner: ana
    reason: less noise
  plain: {when: view, cooldown: 1d, send: mail, priority: 0.5}
segments:
  vip: list
  keen: count(view) > 2 within 1d and in segment vip
"""


def test_every_key_is_read() -> None:
    trigger = load({"shop.yaml": EVERYTHING}).triggers[0]
    assert trigger == Trigger(
        name="cart_reminder",
        when=parse_moment("cart_updated then no order_completed within 1h"),
        when_text="cart_updated then no order_completed within 1h",
        per=("cart", "id"),
        condition=parse_state("not in segment vip"),
        condition_text="not in segment vip",
        cooldown=3 * 86_400_000,
        priority=10,
        backfill=True,
        steps=(Step(("mail", "push")),),
        objective="Carts come back",
        owner="ana",
        reason="less noise",
        file="shop.yaml",
        line=2,
    )


def test_what_is_left_away_has_a_default() -> None:
    trigger = load({"": "triggers: {x: {when: view}}"}).triggers[0]
    assert (trigger.per, trigger.condition, trigger.cooldown, trigger.priority) == (None, None, None, 0)
    assert (trigger.backfill, trigger.steps, trigger.owner) == (False, (), "")


def test_a_single_message_is_a_list_of_one() -> None:
    assert load({"": EVERYTHING}).triggers[1].steps == (Step(("mail",)),)


def test_segments_are_states_or_lists() -> None:
    expected = (Segment("vip", None), Segment("keen", parse_state("count(view) > 2 within 1d and in segment vip")))
    assert load({"": EVERYTHING}).segments == expected


@pytest.mark.parametrize("text", ["", "# nothing\n", "triggers:\n", "segments:\ntriggers: {}\n"])
def test_a_file_may_be_empty(text: str) -> None:
    assert load({"": text}).triggers == ()


def test_files_may_share_segments() -> None:
    loaded = load({"a": "triggers: {x: {when: view and in segment s}}", "b": "segments: {s: list}"})
    assert len(loaded.triggers) == len(loaded.segments) == 1


def test_a_condition_called_on_is_no_boolean() -> None:
    assert load({"": "triggers: {on: {when: 'seen(yes) on yes'}}"}).triggers[0].name == "on"


# line and column, the message, the hint
@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("trigers: {}", (1, 1), "a trigger file has no key `trigers`", "did you mean `triggers`?"),
        ("other: {}", (1, 1), "no key `other`", "it has `triggers`, `segments`"),
        ("- a", (1, 1), "a trigger file is a mapping", "`key: value`"),
        ("triggers: [a]", (1, 11), "`triggers` is a mapping", "`key: value`"),
        ("triggers:\n  x: view", (2, 6), "trigger `x` is a mapping", "`key: value`"),
        ("triggers:\n  x:\n    whne: view", (3, 5), "trigger `x` has no key `whne`", "did you mean `when`?"),
        ("triggers:\n  x:\n    send: a", (2, 3), "trigger `x` has no `when`", "`when: product_viewed`"),
        ("triggers:\n  x:\n    when: 5", (3, 11), "`when` is a moment", "such as `product_viewed`"),
        ("triggers:\n  x:\n    when:\n    send: a", (3, 10), "`when` is a moment", "such as"),
        (in_trigger("when: click"), (4, 5), "`when` stands here twice", "the first is in line 3"),
        (in_trigger("if: view"), (4, 9), "`view` is a moment; `if` takes a state", "`seen(view)`"),
        (in_trigger("per: 5"), (4, 10), "`per` is the name of a property", "such as `cart_id`"),
        (in_trigger("per: cart id"), (4, 15), "`id` cannot stand here", '"cart id"'),
        (in_trigger("cooldown: 3"), (4, 15), "`cooldown` is a duration", "such as `3d`"),
        (in_trigger("cooldown: 0s"), (4, 15), "a duration of zero", "a longer one"),
        (in_trigger("cooldown: 91d"), (4, 15), "longer than history is kept", "at most 90d"),
        (in_trigger("priority: high"), (4, 15), "`priority` is a number", "such as `10`"),
        (in_trigger("priority: .nan"), (4, 15), "`priority` is a number", "such as `10`"),
        (in_trigger("backfill: yes"), (4, 15), "`backfill` is true or false", "`true` or `false`"),
        (in_trigger("send: [a, 3]"), (4, 15), "`send` is a message or a list of them", "such as"),
        (in_trigger("owner: 3"), (4, 12), "`owner` is text", "in quotation marks"),
        (in_trigger("if: in segment vpi\nsegments: {vip: list}"), (4, 20), "no segment `vpi`", "did you mean `vip`?"),
        (in_trigger("if: in segment zz"), (4, 20), "there is no segment `zz`", "define it under `segments:`"),
        ("segments: {a: 3}", (1, 15), "segment `a` is a state", "or `list`"),
        ("segments: {a: view}", (1, 15), "`view` is a moment; a segment takes a state", "`seen(view)`"),
        ("segments: {a: lst}", (1, 15), "`lst` is not a state", "did you mean `list`?"),
        ("segments: {a: List}", (1, 15), "`List` is not a state", "did you mean `list`?"),
        ("segments: {a: in segment a}", (1, 26), "segment `a` asks for itself", "a → a"),
        ("segments: {a: in segment b, b: in segment a}", (1, 43), "asks for itself", "a → b → a"),
        ("segments: {1: list, 1: list}", (1, 21), "`1` stands here twice", "line 1"),
        ("triggers: {'': {when: a}}", (1, 12), "a key of `triggers` is a name", "`name: …`"),
        ("triggers:\n  x: {when: a: b}", (2, 14), "this is not YAML", "quoted"),
        ("triggers:\n\tx: 1", (2, 1), "this is not YAML", "indented"),
        ("a: \x07", (1, 4), "this is not YAML: a character", ""),
        ("a: 1\n---\nb: 2", (2, 1), "this is not YAML", ""),
    ],
)
def test_a_mistake_in_a_file_is_shown_with_a_way_out(
    text: str, place: tuple[int, int], message: str, hint: str
) -> None:
    (error,) = errors_of(text)
    assert ((error.line, error.column), error.file) == (place, "1.yaml")
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("view and add", (3, 20)),
        ("'view and add'", (3, 21)),
        ('"view and add"', (3, 21)),
        ("view\n      and\n\n      add", (6, 7)),
        ("|\n      view and\n      # x\n", (5, 7)),
        ("|\n      view\n        and add\n", (5, 13)),
        (">-  # folded\n      view\n      and add\n", (5, 11)),
        ("&anchor view and add", (3, 28)),
        ("!!str view and add", (3, 26)),
        ("'\"it''s\" and add'", (3, 24)),
        ('"\\"it\\x27s\\" \\\n       \\tand\\n add"', (4, 16)),
    ],
)
def test_the_caret_is_right_however_yaml_writes_a_condition(value: str, place: tuple[int, int]) -> None:
    (error,) = errors_of(f"triggers:\n  x:\n    when: {value}")
    assert (error.line, error.column) == place


def test_line_ends_of_windows_and_a_byte_order_mark_change_no_place() -> None:
    (error,) = errors_of("\ufefftriggers:\r\n  x:\r\n    when: not add\r\n")
    assert (error.line, error.column, error.source) == (3, 15, "    when: not add")


def test_all_mistakes_of_all_files_are_reported_together() -> None:
    found = errors_of(
        "triggers:\n  a: {when: not x, cooldown: 0s}\n  b: {whne: x}\nsegments: {s: y}",
        "triggers: [",
        "triggers: {c: {when: in segment gone}}",
    )
    assert [(error.file, error.line) for error in found] == [
        ("1.yaml", 2),
        ("1.yaml", 2),
        ("1.yaml", 3),
        ("1.yaml", 4),
        ("2.yaml", 1),
        ("3.yaml", 1),
    ]


@pytest.mark.parametrize("kind", ["trigger", "segment"])
def test_a_name_defined_in_two_files_is_an_error_that_names_both(kind: str) -> None:
    text = f"\n{kind}s:\n  x: " + ("{when: a}" if kind == "trigger" else "list")
    (error,) = errors_of(text, text)
    assert (error.place, error.message) == ("2.yaml:3:3", f"{kind} `x` is defined twice")
    assert "1.yaml:3" in error.hint


def test_a_segment_with_a_mistake_is_not_called_missing() -> None:
    (error,) = errors_of("segments: {s: view}\ntriggers: {x: {when: a and in segment s}}")
    assert "`view` is a moment" in error.message


@pytest.mark.parametrize(
    ("when", "messages"),
    [
        ('in segment "x" for 200d', ["there is no segment `x`", "`200d` is longer than history is kept"]),
        ("not add and seen(b) and in segment y", ["`add` is a moment; `not` takes a state", "there is no segment `y`"]),
        ("a then not in segment z", ["`not in segment z` is a negation; `then` takes an event", "no segment `z`"]),
    ],
)
def test_a_missing_segment_is_told_beside_what_else_is_wrong(when: str, messages: list[str]) -> None:
    trigger, condition, segment = (
        f"triggers: {{x: {{when: {when}}}}}",
        in_trigger(f"if: {when}"),
        f"segments: {{s: {when}}}",
    )
    found = errors_of(trigger)
    assert all(message in error.message for message, error in zip(messages, found, strict=True))
    assert any(messages[-1] in error.message for error in errors_of(condition))
    assert any(messages[-1] in error.message for error in errors_of(segment))


def test_a_message_that_is_not_there_is_told_whatever_else_is_wrong() -> None:
    text = "triggers: {x: {when: not add, send: [helo, welcome, other]}}"
    with pytest.raises(TriggerErrors) as caught:
        load({"": text}, messages=["hello", "welcome"])
    assert [(error.column, error.message, error.hint) for error in caught.value.errors[1:]] == [
        (text.index("helo") + 1, "there is no message `helo`", "did you mean `hello`?"),
        (text.index("other") + 1, "there is no message `other`", "write it, or leave it out of `send`"),
    ]


def test_an_anchor_may_be_set_again_and_the_last_before_it_counts() -> None:
    loaded = load({"a": "triggers:\n  one: &x {when: view}\n  two: &x {when: cart}\n  three: *x\n"})
    assert [trigger.when_text for trigger in loaded.triggers] == ["view", "cart", "cart"]
