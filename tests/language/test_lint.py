"""What is legal, and probably not meant."""

import pytest

from engine.language.errors import TriggerWarning
from engine.language.files import load


def warnings_of(keys: str) -> list[TriggerWarning]:
    return list(load({"x.yaml": f"triggers:\n  x:\n    {keys}"}).warnings)


QUIET = [
    "when: view\n    cooldown: 1d",
    "when: view and in segment s\nsegments: {s: list}",
    "when: a then no b within 1h",
    "when: seen(a) within 1h",
    "when: not not seen(a) within 1h",
    "when: (seen(a) and not seen(b) within 1h) on a",
    "when: (not seen(a) within 1h) for 2h",
    "when: (a then b within 1h) then c within 1h",
    "when: (a then b within 2h) then c",
    "when: ((a then b within 2h) then no c within 1h) then d within 1h",
    "when: a then b\n    per: cart.id\n    tests: []",
    (
        "when: a then b\n    per: cart.id\n    tests:\n"
        "      - {given: [{at: 0s, event: a, properties: {cart: {id: 1}}}], expect: []}"
    ),
]

NOISY = [
    ("when: view", (3, 11), "this fires at every such event"),
    ("when: view[price > 3] or a then no b within 1h", (3, 11), "this fires at every such event"),
    ("when: seen(a) and not seen(b) within 1h", (3, 11), "mere passing of time"),
    ("when: not (in segment s or seen(b))\nsegments: {s: list}", (3, 11), "mere passing of time"),
    ("when: (a then no b within 1h) or not seen(b)", (3, 11), "mere passing of time"),
    ("when: (a then b within 2h) then c within 1h", (3, 11), "a link of this chain may take 2h"),
    ("when: ((a then b within 2h) and in segment s) then c within 1h\nsegments: {s: list}", (3, 11), "may take 2h"),
    ("when: ((a then b within 2h) or d) then c within 1h", (3, 11), "may take 2h"),
    (
        "when: a then b\n    per: cart_id\n    tests:\n      - {given: [0s a], expect: []}",
        (4, 10),
        "no event in the tests of `x` bears `cart_id`",
    ),
]


@pytest.mark.parametrize("keys", QUIET)
def test_what_is_probably_meant_brings_no_warning(keys: str) -> None:
    assert warnings_of(keys) == []


@pytest.mark.parametrize(("keys", "place", "message"), NOISY)
def test_what_is_probably_not_meant_brings_a_warning(keys: str, place: tuple[int, int], message: str) -> None:
    (warning,) = warnings_of(keys)
    assert (warning.line, warning.column) == place
    assert message in warning.message
    assert warning.hint


def test_two_triggers_with_the_same_when_bring_a_warning_that_names_both() -> None:
    text = "triggers:\n  x: {when: a then b}\n  y: {when: (a) then b}\n"
    (warning,) = load({"x.yaml": text}).warnings
    assert warning.place == "x.yaml:3:13"
    assert warning.message == "`y` fires at the same moments as `x`"
    assert "x.yaml:2" in warning.hint


def test_one_and_true_are_not_the_same_when() -> None:
    text = "triggers: {x: {when: 'a[b == 1] then c'}, y: {when: 'a[b == true] then c'}}"
    assert load({"x.yaml": text}).warnings == ()
