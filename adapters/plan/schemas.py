"""Schemas of events, JSON Schema 2020-12, and what an event breaks of one.

They are checked by jsonschema-rs, which takes less than a microsecond for a cart: a tenth of what generated Python does
(fastjsonschema, which stops at draft 7), and a hundredth of what is interpreted in Python (jsonschema). Nothing is
fetched for a schema, and patterns are matched in linear time, so that no event can hold up the others.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, ValidationErrorKind

from engine.core.events import decode
from engine.language.errors import TriggerWarning
from engine.runtime.census import step

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_VALUE = "it"
"""What stands for a value in what is said of it: values are the shopper's."""

_MOST, _LONGEST = 20, 200
"""What is told of one event, and characters of each."""


class Breach(NamedTuple):
    """One thing in which an event does not keep to its schema."""

    path: str
    """Of the value; empty for all of the properties."""
    keyword: str
    text: str
    """What is wrong, without the value."""


class EventSchema:
    """The schema of one event's properties."""

    def __init__(self, schema: Mapping[str, Any], *, rejects: bool) -> None:
        """Compile it.

        Raises:
            ValidationError: it is not valid, and `instance_path` says where.

        """
        self.schema = schema
        self.rejects = rejects
        """Whether events that break it are rejected, and not only counted."""
        self._validator = Draft202012Validator(
            dict(schema),
            mask=_VALUE,
            offline=True,
            validate_formats=True,
            ignore_unknown_formats=False,
            pattern_options=RegexOptions(),
        )

    def breaches(self, properties: bytes) -> list[Breach]:
        """In what raw properties, which are readable, break it: each place and keyword once."""
        try:
            content = decode(properties)
            if self._validator.is_valid(content):
                return []
            found = [_breach(error) for error in islice(self._validator.iter_errors(content), _MOST)]
        except (ValueError, TypeError, RecursionError):
            return [Breach("", "type", "this is nothing that JSON could hold, or is nested too deeply")]
        return list({(breach.path, breach.keyword): breach for breach in found}.values())


class Plan(NamedTuple):
    """All schemas, by the names of events."""

    schemas: Mapping[str, EventSchema] = {}
    warnings: tuple[TriggerWarning, ...] = ()
    text: str = ""

    @property
    def fates(self) -> dict[str, str]:
        """What becomes of events that break their schemas, by name: `count` or `reject`."""
        return {name: "reject" if schema.rejects else "count" for name, schema in self.schemas.items()}


def _breach(error: ValidationError) -> Breach:
    path = ""
    for key in error.instance_path:
        path = step(path, key)
    text = error.message.removeprefix(f"{_VALUE} ")
    if isinstance(error.kind, ValidationErrorKind.Required):
        path, text = step(path, error.kind.property), "is missing"
    said = f"`{path}` {text}" if path else f"the event's properties: {text}"
    return Breach(path, error.kind.name, said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…")
