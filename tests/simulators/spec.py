"""The vendors' own descriptions of their interfaces, where they are at hand: a request is checked against one."""

import json
import os
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from tests.simulators.base import Asked

FOLDER = Path(os.environ.get("IMPEL_ESP_SPECS", Path(__file__).parents[3] / "shared" / "esp" / "specs"))
"""Where the descriptions are; they are no part of this repository."""


def faults(file: str, path: str, asked: Asked) -> list[str]:
    """What the description of a call, by the path as it is written there, has against a request."""
    whole = json.loads((FOLDER / file).read_text("utf-8"))
    call = whole["paths"][path][asked.method.lower()]
    pointer = _pointer(whole, path, asked.method.lower())
    # The whole description is the schema, so that references are found; its other keys mean nothing to JSON Schema.
    validator = Draft7Validator(_plain(whole) | {"$ref": pointer})
    missing = [
        f"the header {each['name']} is missing"
        for each in call.get("parameters", [])
        if each.get("in") == "header" and each.get("required") and each["name"].lower() not in asked.headers
    ]
    return missing + [f"{error.json_path}: {error.message}" for error in validator.iter_errors(asked.json)]


def _pointer(whole: dict[str, Any], path: str, method: str) -> str:
    """Where the schema of the body stands."""
    call, start = whole["paths"][path][method], f"#/paths/{_escaped(path)}/{method}"
    if "requestBody" in call:
        body, where = call["requestBody"], f"{start}/requestBody"
        if "$ref" in body:
            where, body = body["$ref"], whole
            for part in where.removeprefix("#/").split("/"):
                body = body[part]
        return f"{where}/content/{_escaped(next(iter(body['content'])))}/schema"
    index = next(number for number, each in enumerate(call["parameters"]) if each.get("in") == "body")
    return f"{start}/parameters/{index}/schema"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _plain(node: Any) -> Any:
    """OpenAPI's own `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _plain(each) for name, each in node.items()}
    if plain.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain
