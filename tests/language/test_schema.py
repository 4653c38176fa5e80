"""The JSON Schema agrees with the reader about what a trigger file is."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from engine.language.errors import TriggerErrors
from engine.language.files import load
from engine.language.schema import schema

VALIDATOR = Draft202012Validator(schema())

RIGHT = [
    "triggers: {x: {when: view, per: cart_id, if: in segment s, cooldown: 1h30m}}\nsegments: {s: list}",
    "triggers: {x: {when: view, priority: 3, backfill: true, send: a, objective: b, owner: c, reason: d}}",
    "triggers: {x: {when: view, send: [a, b], tests: [{given: [0s a], expect: [1h]}]}}",
    (
        "triggers: {x: {when: view, tests: [{name: n, given: [{at: 1s, event: e, properties: {a: [1]}}], "
        "expect: [{at: 1h, per: 3}], until: 2h}]}}"
    ),
    "triggers: {x: {when: v, tests: [{given: [{at: 1s, received: 2s, traits: {a: null}}], expect: []}]}}",
    "triggers:\nsegments:",
]

WRONG = [
    "trigers: {}",
    "triggers: {x: {}}",
    "triggers: {x: {when: 3}}",
    "triggers: {x: {when: view, whne: view}}",
    "triggers: {x: {when: view, cooldown: 3}}",
    "triggers: {x: {when: view, cooldown: 3 days}}",
    "triggers: {x: {when: view, priority: high}}",
    "triggers: {x: {when: view, backfill: maybe}}",
    "triggers: {x: {when: view, send: [3]}}",
    "triggers: {x: {when: view, tests: [{given: [0s a]}]}}",
    "triggers: {x: {when: view, tests: [{given: [a], expect: []}]}}",
    "segments: {a: 3}",
]


def _plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("text", RIGHT)
def test_what_loads_is_valid(text: str) -> None:
    load({"": text})
    VALIDATOR.validate(_plain(text))


@pytest.mark.parametrize("text", WRONG)
def test_what_is_shaped_wrong_is_neither_loaded_nor_valid(text: str) -> None:
    with pytest.raises(TriggerErrors):
        load({"": text})
    assert not VALIDATOR.is_valid(_plain(text))


def test_every_key_is_described() -> None:
    trigger = schema()["$defs"]["trigger"]
    assert all("description" in key for key in trigger["properties"].values())
