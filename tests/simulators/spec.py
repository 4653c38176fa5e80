"""The vendors' own descriptions of their interfaces, where they are at hand: a request is checked against one."""

import json
import os
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from tests.simulators.base import Asked, Told

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


def query_faults(file: str, path: str, asked: Asked) -> list[str]:
    """What the description of a call has against a request's parameters."""
    whole = json.loads((FOLDER / file).read_text("utf-8"))
    item = whole["paths"][path]
    described = [_found(whole, each) for each in item.get("parameters", []) + item[asked.method.lower()]["parameters"]]
    query = {each["name"]: each for each in described if each["in"] == "query"}
    headers = [each for each in described if each["in"] == "header" and each.get("required")]
    told = [f"the header {each['name']} is missing" for each in headers if each["name"].lower() not in asked.headers]
    for name, value in asked.query.items():
        if name not in query:
            told.append(f"there is no parameter {name}")
            continue
        schema = _plain(query[name]["schema"])
        read = {"array": value.split(","), "integer": int(value) if value.isdecimal() else value}
        validator = Draft7Validator(schema)
        told += [f"{name}: {error.message}" for error in validator.iter_errors(read.get(schema.get("type"), value))]
    return told


def answer_faults(file: str, path: str, method: str, told: Told) -> list[str]:
    """What the description of a call has against an answer of success that a simulator gives.

    What is null is taken for what is not there: the descriptions' prose knows nulls that their schemas do not.
    """
    whole = json.loads((FOLDER / file).read_text("utf-8"))
    answer = _found(whole, whole["paths"][path][method]["responses"]["200"])
    start = f"#/paths/{_escaped(path)}/{method}/responses/200"
    content = f"/content/{_escaped(next(iter(answer['content'])))}" if "content" in answer else ""
    validator = Draft7Validator(_plain(whole) | {"$ref": f"{start}{content}/schema"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(_told(told.body))]


def _found(whole: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    found: Any = node
    if "$ref" in node:
        found = whole
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return dict(found)


def _pointer(whole: dict[str, Any], path: str, method: str) -> str:
    """Where the schema of the body stands."""
    call, start = whole["paths"][path][method], f"#/paths/{_escaped(path)}/{method}"
    if "requestBody" in call:
        body, where = call["requestBody"], f"{start}/requestBody"
        where, body = body.get("$ref", where), _found(whole, body)
        return f"{where}/content/{_escaped(next(iter(body['content'])))}/schema"
    index = next(number for number, each in enumerate(call["parameters"]) if each.get("in") == "body")
    return f"{start}/parameters/{index}/schema"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _told(node: Any) -> Any:
    """Without what is null."""
    if isinstance(node, list):
        return [_told(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name: _told(value) for name, value in node.items() if value is not None}


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
