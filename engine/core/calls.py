"""What calls of the Segment form mean that are not plain events or traits: one reading for live and simulated runs."""

from collections.abc import Mapping
from typing import Any


def visit_properties(properties: Mapping[str, Any], name: object, category: object) -> Mapping[str, Any]:
    """The properties of a `page` or `screen` call: its name and category are among them, unless given there."""
    said = {"name": name, "category": category}
    known = {key: value for key, value in said.items() if value is not None}
    return {**known, **properties} if known else properties


def group_traits(traits: Mapping[str, Any], group_id: str | None) -> Mapping[str, Any]:
    """The traits that a `group` call sets: one, `group`, with the group's own traits and its id."""
    return {"group": {**traits, "id": group_id}}
