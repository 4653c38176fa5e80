"""`tests:` beside a trigger."""

import pytest

from engine.language.errors import TriggerErrors
from engine.language.files import load
from engine.language.spans import settled_after
from engine.language.trials import START, USER, Expected, Given, Trial, inputs

HEAD = "triggers:\n  x:\n    when: a then b\n    tests:\n      - "


def trial(text: str) -> Trial:
    return load({"x.yaml": HEAD + text}).trials["x"][0]


LISTS = "\nsegments: {vip: list, keen: seen(a) within 1h}"

FULL = """\
name: a cart left alone for an hour
        given:
          - 0s product viewed
          - {at: 10m, event: cart, properties: {id: c1, n: 0x10, f: 1.5, on: null, day: 2024-01-01, l: [true]}}
          - {at: 5m, received: 20m, event: late}
          - {at: 30m, traits: {plan: vip, gone: null}}
          - {at: 31m, enters: vip}
          - {at: 32m, leaves: vip}
        expect: [1h10m, {at: 2h, per: c1}]
        until: 3h
segments:
  vip: list
"""


def test_a_test_is_read_as_written() -> None:
    minute = 60_000
    properties = {"id": "c1", "n": 16, "f": 1.5, "on": None, "day": "2024-01-01", "l": [True]}
    assert trial(FULL) == Trial(
        name="a cart left alone for an hour",
        given=(
            Given(0, 0, "event", "product viewed"),
            Given(10 * minute, 10 * minute, "event", "cart", properties),
            Given(5 * minute, 20 * minute, "event", "late"),
            Given(30 * minute, 30 * minute, "traits", {"plan": "vip", "gone": None}),
            Given(31 * minute, 31 * minute, "enters", "vip"),
            Given(32 * minute, 32 * minute, "leaves", "vip"),
        ),
        expect=(Expected(70 * minute), Expected(120 * minute, "c1")),
        until=180 * minute,
        file="x.yaml",
        line=5,
    )


def test_what_is_given_has_the_form_that_simulate_takes() -> None:
    made = inputs(trial(FULL))
    assert [item["type"] for item in made] == ["track", "track", "track", "identify", "segment", "segment"]
    assert made[2] == {
        "type": "track",
        "userId": USER,
        "event": "late",
        "timestamp": START + 300_000,
        "receivedAt": START + 1_200_000,
        "properties": {},
    }
    assert [item["member"] for item in made[4:]] == [True, False]


def test_a_test_without_a_name_is_called_by_its_line() -> None:
    assert trial("{given: [0s a], expect: []}").name == "line 5"


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("{given: [0s a], expct: []}", 25, "a test has no key `expct`", "did you mean `expect`?"),
        ("{given: [0s a]}", 9, "this test has no `expect`", "`expect: []` for never"),
        ("{}", 9, "this test has no `given`", "`given: [0s product_viewed]`"),
        ("{expect: []}", 9, "this test has no `given`", "`given: [0s product_viewed]`"),
        ("{given: 0s a, expect: []}", 17, "`given` is a list", "begins with `- `"),
        ("{given: [0s], expect: []}", 18, "an input has a time and an event", "`10m product_viewed`"),
        ("{given: [0x a], expect: []}", 18, "`x` is not a unit of time", "the units are"),
        ("{given: [{at: 0s, evnt: a}], expect: []}", 27, "an input has no key `evnt`", "did you mean `event`?"),
        ("{given: [{at: 0s}], expect: []}", 18, "an input is one thing", "write one of"),
        ("{given: [{at: 0s, event: a, enters: b}], expect: []}", 18, "an input is one thing", "write one of"),
        ("{given: [{event: a}], expect: []}", 18, "this has no `at`", "`at: 10m`"),
        ("{given: [{at: 3, event: a}], expect: []}", 23, "`at` is a time", "such as `10m`"),
        ("{given: [{at: 3s, event: 3}], expect: []}", 34, "`event` is text", "quotation marks"),
        ("{given: [{at: 3s, traits: 3}], expect: []}", 35, "what goes with an input is a mapping", ""),
        ("{given: [2s a, 1s b], expect: []}", 24, "this comes in before the input above it", "as they come in"),
        ("{given: [0s a], expect: [soon]}", 34, "`soon` is not a duration", "a duration looks like"),
        ("{given: [0s a], expect: [{per: 1}]}", 34, "this has no `at`", "`at: 10m`"),
        ("{given: [0s a], expect: [{at: 1s, per: []}]}", 48, "`per` is one value", "`{at: 1h, per: c1}`"),
        ("{given: [0s a], expect: [], until: 5}", 44, "`until` is a time", "such as `10m`"),
        ("soon", 9, "a test is a mapping", "`key: value`"),
    ],
)
def test_a_mistake_in_a_test_is_shown_with_a_way_out(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(TriggerErrors) as caught:
        trial(text)
    (error,) = caught.value.errors
    assert (error.line, error.column) == (5, column)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("kind", ["enters", "leaves"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [("vpi", "did you mean `vip`?"), ("keen", "is declared under `segments:` as a `list`"), ("other", "as a `list`")],
)
def test_only_a_declared_list_is_entered_and_left(kind: str, name: str, hint: str) -> None:
    text = f"{{given: [{{at: 0s, {kind}: {name}}}], expect: []}}"
    with pytest.raises(TriggerErrors) as caught:
        trial(text + LISTS)
    (error,) = caught.value.errors
    assert (error.line, error.column) == (5, 9 + text.index(name))
    assert error.message == f"there is no list `{name}`"
    assert hint in error.hint


def test_all_has_settled_after_every_span_in_a_row() -> None:
    text = (
        "triggers: {x: {when: (a then b within 1h) then no c within 2h, if: seen(d) and in segment s}}\n"
        "segments: {s: not seen(e) within 5h, l: list}"
    )
    loaded = load({"": text}, retention=86_400_000)
    assert settled_after(loaded.triggers[0], loaded.segments, 86_400_000) == (1 + 2 + 24 + 5) * 3_600_000
