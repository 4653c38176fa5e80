"""What an event breaks of its schema; a second implementation is asked whether it breaks anything."""

from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.plan.schemas import Breach, EventSchema

CART: dict[str, Any] = {
    "type": "object",
    "required": ["cart_id"],
    "additionalProperties": False,
    "properties": {
        "cart_id": {"type": "string", "minLength": 1},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "CHF"]},
        "email": {"format": "email"},
        "items": {"type": "array", "items": {"type": "object", "required": ["price"]}, "maxItems": 2},
    },
}
SCHEMA = EventSchema(CART, rejects=False)


def found(properties: Any) -> list[Breach]:
    return SCHEMA.breaches(msgspec.json.encode(properties))


def test_an_event_that_keeps_to_its_schema_breaks_nothing() -> None:
    assert found({"cart_id": "c", "total": 12.5, "currency": "EUR", "items": [{"price": 1}]}) == []


def test_what_is_broken_is_told_by_path_and_keyword_and_without_the_value() -> None:
    secret = {"cart_id": 7, "total": -1, "currency": "ann", "email": "ann", "items": [{}, {}, {"price": 1}]}
    assert sorted(found(secret)) == [
        ("cart_id", "type", '`cart_id` is not of type "string"'),
        ("currency", "enum", '`currency` is not one of "EUR" or "CHF"'),
        ("email", "format", '`email` is not a "email"'),
        ("items", "maxItems", "`items` has more than 2 items"),
        ("items[].price", "required", "`items[].price` is missing"),
        ("total", "minimum", "`total` is less than the minimum of 0"),
    ]


def test_what_is_wrong_with_all_of_the_properties_has_no_path() -> None:
    ((path, keyword, text),) = found({"cart_id": "c", "x" * 500: 1})
    assert (path, keyword) == ("", "additionalProperties")
    assert text.startswith("the event's properties: Additional properties are not allowed ('xxx")
    assert len(text) == 201


@pytest.mark.parametrize("depth", [300, 900])
def test_what_is_nested_past_all_measure_is_a_breach_like_any_other(depth: int) -> None:
    raw = b'{"cart_id":' + b"[" * depth + b"]" * depth + b"}"
    ((_, keyword, text),) = SCHEMA.breaches(raw)
    assert (keyword, text) == ("type", "this is nothing that JSON could hold, or is nested too deeply")


def test_a_number_of_many_digits_is_a_number() -> None:
    assert found({"cart_id": "c", "total": 10**299}) == []
    assert found({"cart_id": "c", "total": 1 << 63}) == []


def test_msgpack_is_read_like_json() -> None:
    ((path, *_),) = SCHEMA.breaches(msgspec.msgpack.encode({"cart_id": 1}))
    assert path == "cart_id"


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "c", "EUR"])
items = st.lists(scalars | st.dictionaries(st.sampled_from(["price", "x"]), scalars, max_size=2), max_size=3)
carts = st.dictionaries(st.sampled_from(["cart_id", "total", "currency", "items", "more"]), scalars | items)


@given(carts)
def test_another_implementation_agrees_what_is_broken(properties: dict[str, Any]) -> None:
    other = jsonschema.Draft202012Validator(CART)
    expected = {(error.validator, error.path[0] if error.path else None) for error in other.iter_errors(properties)}
    ours = set()
    for path, keyword, _ in found(properties):
        top = path.partition("[")[0] or None
        ours.add((keyword, None if keyword == "required" and path == "cart_id" else top))
    assert ours == expected
