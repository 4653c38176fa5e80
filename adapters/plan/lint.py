"""What is legal in a schema and probably not meant, and which properties a schema does not allow."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engine.language.errors import closest

_ONE = (
    *("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
"""Keywords whose value is a schema."""

_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Those whose value is a list of schemas."""

_NAMED = ("$defs", "dependentSchemas", "patternProperties", "properties")
"""Those whose value is schemas by name."""

_PLAIN = (
    *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary", "const"),
    *("contentEncoding", "contentMediaType", "default", "dependentRequired", "deprecated", "description", "enum"),
    *("examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength"),
    *("maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf"),
    *("pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly"),
)
KEYWORDS = frozenset((*_ONE, *_SEVERAL, *_NAMED, *_PLAIN))
"""All keywords of JSON Schema 2020-12; any other says nothing to it."""

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_ELSEWHERE = ("$dynamicRef", "$ref", "allOf", "anyOf", "dependentSchemas", "if", "oneOf", "patternProperties")
"""Keywords by which properties may be allowed that do not stand under `properties`."""

Place = tuple[str | int, ...]


def misspelt(schema: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Keywords that say nothing, and the one that each was probably meant to be."""
    if not isinstance(schema, Mapping):
        return
    for key, value in schema.items():
        if key not in KEYWORDS and (meant := closest(key, KEYWORDS)) is not None:
            yield (*place, key), meant
        for name, inner in _within(key, value):
            yield from misspelt(inner, (*place, *name))


def _within(key: str, value: Any) -> Iterator[tuple[Place, Any]]:
    """The schemas in the value of a keyword."""
    if key in _ONE:
        yield (key,), value
    elif key in _SEVERAL and isinstance(value, list):
        yield from (((key, index), inner) for index, inner in enumerate(value))
    elif key in _NAMED and isinstance(value, Mapping):
        yield from (((key, name), inner) for name, inner in value.items())


def forbidden(schema: Any, path: Collection[str]) -> tuple[str, Collection[str]] | None:
    """The first part of a property's path that a schema does not allow, with what it allows there; None if it may be.

    What a schema says only by reference or case by case is not looked into: there, everything may be.
    """
    for key in path:
        if not isinstance(schema, Mapping) or any(each in schema for each in _ELSEWHERE):
            return None
        known = schema.get("properties", {})
        if key not in known:
            closed = False in (schema.get("additionalProperties"), schema.get("unevaluatedProperties"))
            return (key, known) if closed else None
        schema = known[key]
    return None
