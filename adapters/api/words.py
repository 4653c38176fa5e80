"""The words in which routes are described; what comes of them is OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1)."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

Json = dict[str, Any]
Who = Literal["write key", "admin", "anyone", "signer"]
"""Who may call: a `signer` is known by a signature, or by a token in the address."""

TEXT: Json = {"type": "string"}
INSTANT: Json = {"type": "integer", "description": "milliseconds since 1970, UTC"}

_SECURITY: Mapping[Who, list[Json]] = {
    "write key": [{"writeKey": []}, {"writeKeyHeader": []}, {"writeKeyQuery": []}],
    "admin": [{"adminToken": []}],
    "anyone": [],
    "signer": [],
}
_TOLD: Mapping[Who, Mapping[int, str]] = {
    "write key": {401: "No write key, or a wrong one.", 403: "The key may not do this, or not from there."},
    "admin": {401: "No admin token, or a wrong one."},
    "anyone": {},
    "signer": {},
}
_PUT_OFF = {503: "It starts, ends, or is overrun: come back after `Retry-After` seconds."}
_THROTTLED = {429: "The key is past its `rate`: come back after `Retry-After` seconds."}
_BODY = {
    400: "The body cannot be read.",
    408: "The body did not come in time.",
    413: "The body is larger than is taken.",
}


class Route(NamedTuple):
    """One method of one path."""

    path: str
    method: str
    operation: Json


class Section(NamedTuple):
    """Routes that belong together."""

    name: str
    told: str
    routes: Sequence[Route]


def route(
    place: str,
    name: str,
    summary: str,
    *,
    by: Who,
    told: str = "",
    parameters: Sequence[Json] = (),
    body: Json | None = None,
    answers: Mapping[int, Json],
    refusals: Mapping[int, str] | None = None,
    always: bool = False,
) -> Route:
    """Describe a route.

    `place` is such as `GET /v1/stats`, `name` what programs call it by. The refusals that follow from who may call, and
    from there being a body, are added; `always`: it answers whatever state the sidecar is in.
    """
    method, path = place.split()
    refused = dict(_TOLD[by])
    refused |= _BODY if body is not None else {}
    refused |= _THROTTLED if by == "write key" else {}
    refused |= {} if always else _PUT_OFF
    refused |= refusals or {}
    responses = {status: _refusal(status, text) for status, text in refused.items()} | dict(answers)
    operation: Json = {"operationId": name, "summary": summary}
    operation |= {"description": told} if told else {}
    operation |= {"security": _SECURITY[by]}
    operation |= {"parameters": list(parameters)} if parameters else {}
    operation |= {"requestBody": body} if body is not None else {}
    operation["responses"] = {str(status): responses[status] for status in sorted(responses)}
    return Route(path, method.lower(), operation)


def _refusal(status: int, told: str) -> Json:
    reason = HTTPStatus(status).phrase
    example = {"success": False, "error": reason, "code": status, "message": reason}
    put_off = status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    headers = {"headers": {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}}} if put_off else {}
    return {"description": told, **headers, **content({"$ref": "#/components/schemas/Refusal"}, example)}


def content(schema: Json, example: object = None, kind: str = "application/json") -> Json:
    """What a body holds."""
    shown = {} if example is None else {"example": example}
    return {"content": {kind: {"schema": schema, **shown}}}


def body(schema: Json, kind: str = "application/json", told: str = "", **examples: object) -> Json:
    """What is to be sent; `examples` have names."""
    shown = {"examples": {name: {"value": value} for name, value in examples.items()}} if examples else {}
    said = {"description": told} if told else {}
    return {**said, "required": True, "content": {kind: {"schema": schema, **shown}}}


def answered(told: str, schema: Json, example: object = None, kind: str = "application/json") -> Json:
    """What is answered."""
    return {"description": told, **content(schema, example, kind)}


def query(name: str, told: str, schema: Json = TEXT, example: object = None, *, required: bool = False) -> Json:
    """A parameter in the address, after the question mark."""
    return _parameter("query", name, told, schema, example, required=required)


def within(name: str, told: str, example: object, schema: Json | None = None) -> Json:
    """A part of the path."""
    return _parameter("path", name, told, {"type": "string", "minLength": 1} | (schema or {}), example, required=True)


def _parameter(place: str, name: str, told: str, schema: Json, example: object, *, required: bool) -> Json:
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": place, "description": told, "required": required, "schema": schema, **shown}


def flag(name: str, told: str) -> Json:
    """A parameter that is true or false."""
    return query(name, told, {"type": "string", "enum": ["true", "false"], "default": "false"})


def ref(name: str) -> Json:
    """A schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def fields(told: str = "", /, **found: Json) -> Json:
    """An object that has all of these fields."""
    return partly(found, told, **found)


def partly(needed: Iterable[str], told: str = "", /, **found: Json) -> Json:
    """An object with these fields, of which some are needed."""
    said = {"description": told} if told else {}
    return {"type": "object", **said, "properties": found, "required": list(needed)}


def several(items: Json) -> Json:
    """A list."""
    return {"type": "array", "items": items}


def maybe(schema: Json) -> Json:
    """Or null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}
