"""How a tracking plan is read, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from adapters.commands.check import check
from adapters.plan.reading import read_plan, unplanned
from adapters.plan.schemas import Plan
from engine.core.events import encode
from engine.language.errors import TriggerErrors
from engine.language.files import load

SHARED = """
$defs:
  item: {type: object, required: [product]}
events:
  cart: {properties: {items: {type: array, items: {$ref: "#/$defs/item"}}}}
  look:
  order: {violations: reject, $defs: {item: {type: number}}, properties: {item: {$ref: "#/$defs/item"}}}
"""


def broken(plan: Plan, event: str, **properties: object) -> list[tuple[str, str]]:
    return [(each.path, each.keyword) for each in plan.schemas[event].breaches(encode(properties))]


def wrong(text: str) -> list[tuple[int, int, str, str]]:
    with pytest.raises(TriggerErrors) as raised:
        read_plan("events.yaml", text)
    return [(each.line, each.column, each.message, each.hint) for each in raised.value.errors]


def test_schemas_are_read_by_event_with_those_that_all_may_refer_to() -> None:
    plan = read_plan("events.yaml", SHARED)
    assert plan.fates == {"cart": "count", "look": "count", "order": "reject"}
    assert broken(plan, "cart", items=[{"product": "tent"}, {}]) == [("items[].product", "required")]
    assert broken(plan, "look", anything=1) == []


def test_a_definition_of_its_own_goes_before_one_that_is_shared() -> None:
    plan = read_plan("events.yaml", SHARED)
    assert broken(plan, "order", item=1) == []
    assert broken(plan, "order", item={"product": "tent"}) == [("item", "type")]


def test_what_stands_at_the_top_holds_for_all_events_but_those_that_say_otherwise() -> None:
    plan = read_plan("events.yaml", "violations: reject\nevents: {a: {type: object}, b: {violations: count}}")
    assert plan.fates == {"a": "reject", "b": "count"}


@pytest.mark.parametrize("text", ["", "events:", "violations: count"])
def test_a_plan_may_be_empty(text: str) -> None:
    assert read_plan("events.yaml", text).schemas == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("events: {a: {type: numbr}}", 1, 20, "there is no such `type`", "did you mean `number`?"),
        ("events:\n  a:\n    required: b", 3, 15, '`required` is not of type "array"', ""),
        ("events: {a: {properties: {b: {minimum: x}}}}", 1, 40, '`minimum` is not of type "number"', ""),
        ("events: {a: {pattern: '('}}", 1, 23, '`pattern` is not a "regex"', "without look-around"),
        ("events: {a: {pattern: 'a(?=b)'}}", 1, 23, '`pattern` is not a "regex"', "without look-around"),
        ("events: {a: {format: emial}}", 1, 22, "there is no such `format`", "such as `email`"),
        ("events: {a: {$ref: '#/$defs/b'}}", 1, 13, "a `$ref` leads nowhere", "at the top of the file"),
        ("events: {a: {$ref: 'https://shop.example/b'}}", 1, 13, "Retrieval is disabled", "and nowhere else"),
        ("$defs: {b: {type: x}}\nevents: {a: {$ref: '#/$defs/b'}, c: }", 1, 19, "`$defs` is not valid", "the types"),
        ("events: {a: {$schema: 'http://json-schema.org/draft-07/schema#'}}", 1, 23, "of another draft", "2020-12"),
        ("events: {a: [1]}", 1, 13, "the schema of `a` is a mapping", ""),
        ("events: {a: &a {not: *a}}", 1, 10, "the schema of `a` has no end", "by `$ref`"),
        ("events: {a: , a: }", 1, 15, "`a` stands here twice", "the first is in line 1"),
        ("violations: rejct", 1, 13, "`violations` is `count` or `reject`", "did you mean `reject`?"),
        ("events: {a: {violations: never}}", 1, 26, "`violations` is `count` or `reject`", "to take such events"),
        ("event: {}", 1, 1, "a tracking plan has no key `event`", "did you mean `events`?"),
        ("events: {a: {minimum: .nan}}", 1, 23, "`minimum` is not", ""),
        ("events: {", 1, 10, "this is not YAML", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_write(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    ((at_line, at_column, said, hinted),) = wrong(text)
    assert (at_line, at_column) == (line, column)
    assert message in said
    assert hint in hinted


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert [line for line, *_ in wrong("events:\n  a: {type: x}\n  b: {}\n  c: {required: 1}\nevnts: {}")] == [2, 4, 5]


def test_a_keyword_that_is_misspelt_is_a_warning_and_one_of_somebody_elses_is_not() -> None:
    text = "$defs:\n  b: {requird: [x]}\nevents:\n  a: {x-owner: shop, allOf: [{propertys: {b: {}}}]}\n  c: {}\n"
    found = read_plan("events.yaml", text).warnings
    assert [(each.line, each.column, each.message, each.hint) for each in found] == [
        (2, 7, "`requird` says nothing to JSON Schema", "did you mean `required`?"),
        (4, 31, "`propertys` says nothing to JSON Schema", "did you mean `properties`?"),
    ]


def test_triggers_that_ask_for_what_the_plan_does_not_allow_are_pointed_out() -> None:
    triggers = """
triggers:
  one: {when: 'cart[totl > 1 and exists(coupon) and items.x == 1]', cooldown: 1d}
  two: {when: 'open[anything == 1] or elsewhere[x == 1] or referred[x == 1]', cooldown: 1d}
"""
    plan = read_plan(
        "events.yaml",
        """
events:
  cart: {additionalProperties: false, properties: {total: {}, items: {unevaluatedProperties: false}}}
  open: {properties: {total: {}}}
  referred: {additionalProperties: false, allOf: [{properties: {x: {}}}]}
""",
    )
    found = list(unplanned(plan, load({"t.yaml": triggers}), {"t.yaml": triggers}))
    assert [(each.place, each.message.split(",")[0], each.hint) for each in found] == [
        ("t.yaml:3:3", "`one` asks for `coupon` of `cart`", "add `coupon` to the schema of `cart`"),
        ("t.yaml:3:3", "`one` asks for `items.x` of `cart`", "add `x` to the schema of `cart`"),
        ("t.yaml:3:3", "`one` asks for `totl` of `cart`", "did you mean `total`?"),
    ]


def test_check_reads_the_plan_beside_the_triggers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "triggers").mkdir()
    (tmp_path / "triggers" / "a.yaml").write_text("triggers: {a: {when: 'cart[x == 1]', cooldown: 1h}}")
    plan = tmp_path / "events.yaml"
    plan.write_text("events: {cart: {type: objct}}")
    assert check(tmp_path) == 1
    assert f"{plan}:1:23 error: the schema of `cart` is not valid" in capsys.readouterr().err
    plan.write_text("events: {cart: {type: object, additionalProperties: false}}")
    assert check(tmp_path) == 0
    assert "warning: `a` asks for `x` of `cart`, which the plan does not allow" in capsys.readouterr().err
