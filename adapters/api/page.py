"""The description as a page: plain, legible on a phone, without scripts or anything from elsewhere."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from adapters.api.words import Json

_DEEPEST = 3
"""So deep are the fields of fields told."""

_MARKED = re.compile(r"(\*\*[^*]+\*\*|`[^`]+`)")
_SHOWN = {
    "writeKey": ("write key", '-u "$KEY:"'),
    "adminToken": ("admin token", '-H "Authorization: Bearer $TOKEN"'),
}


class Row(NamedTuple):
    """A field or a parameter."""

    name: str
    kind: str
    told: Markup
    needed: bool
    depth: int = 0


class Example(NamedTuple):
    """A request that works as it stands, or a body."""

    name: str
    text: str


class Entry(NamedTuple):
    """A route."""

    id: str
    method: str
    path: str
    summary: str
    told: Markup
    key: str
    parameters: list[Row]
    fields: list[Row]
    curl: list[Example]
    answers: list[tuple[str, str, Markup, list[Row]]]


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("adapters.api", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html")


def page_of(described: Json) -> str:
    """The page, out of the description."""
    reader = _Reader(described)
    groups = [(tag, [*reader.entries(tag["name"])]) for tag in described["tags"]]
    info = described["info"]
    text: str = _template().render(info=info, told=prose(info["description"]), groups=groups, words=words)
    return text


def prose(text: str) -> Markup:
    """Text whose paragraphs are parted by blank lines."""
    return Markup().join(Markup("<p>{}</p>").format(words(each)) for each in text.split("\n\n"))


def words(text: str) -> Markup:
    """Text in which **stars** and `ticks` mark words."""
    return Markup().join(_marked(part) for part in _MARKED.split(text))


def _marked(part: str) -> Markup:
    if part.startswith("**"):
        return Markup("<b>{}</b>").format(part.strip("*"))
    if part.startswith("`"):
        return Markup("<code>{}</code>").format(part.strip("`"))
    return escape(part)


class _Reader:
    """Reads a description for people."""

    def __init__(self, described: Json) -> None:
        self.server: str = described["servers"][0]["url"]
        self._paths = described["paths"]
        self._schemas = described["components"]["schemas"]

    def entries(self, tag: str) -> Iterator[Entry]:
        """The routes of a section."""
        for path, methods in self._paths.items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield self._entry(path, method, operation)

    def _entry(self, path: str, method: str, operation: Json) -> Entry:
        security = operation["security"]
        key, option = _SHOWN[next(iter(security[0]))] if security else ("", "")
        found = operation.get("requestBody", {})
        schema = next(iter(found["content"].values()))["schema"] if found else {}
        told = " ".join(part for part in (operation.get("description"), found.get("description")) if part)
        return Entry(
            operation["operationId"],
            method.upper(),
            path,
            operation["summary"],
            prose(told) if told else Markup(),
            key,
            [self._parameter(each) for each in operation.get("parameters", ())],
            [*self._rows(schema)],
            [*self._curl(path, method, operation, option)],
            [
                (status, HTTPStatus(int(status)).phrase, *self._answer(each))
                for status, each in operation["responses"].items()
            ],
        )

    def _answer(self, response: Json) -> tuple[Markup, list[Row]]:
        contents: Json = response.get("content", {})
        found: Json = next((each["schema"] for each in contents.values()), {})
        refusal = found.get("$ref", "").endswith("/Refusal")
        return prose(response["description"]), [] if refusal else [*self._rows(found)]

    def _parameter(self, parameter: Json) -> Row:
        name = parameter["name"] if parameter["in"] == "path" else f"?{parameter['name']}="
        return Row(name, self._kind(parameter["schema"]), words(parameter["description"]), parameter["required"])

    def _rows(self, schema: Json, depth: int = 0) -> Iterator[Row]:
        """The fields of an object, and of those within."""
        schema = self._found(schema)
        needed = set(schema.get("required", ()))
        for name, field in schema.get("properties", {}).items():
            said = field.get("description", "")
            yield Row(name, self._kind(field), words(said), name in needed, depth)
            if depth < _DEEPEST and name != "parts":
                yield from self._rows(self._within(field), depth + 1)

    def _found(self, schema: Json) -> Json:
        """A schema that is named or put together, as one."""
        if "$ref" in schema:
            return self._found(self._schemas[schema["$ref"].rpartition("/")[2]])
        whole: Json = dict(schema)
        for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            found = self._found(part)
            mine: Json = whole.get("properties", {})
            whole["properties"] = mine | {
                name: each for name, each in found.get("properties", {}).items() if name not in mine
            }
            if part in schema.get("allOf", ()):
                whole["required"] = [*whole.get("required", ()), *found.get("required", ())]
        return whole

    def _within(self, field: Json) -> Json:
        field = self._found(field)
        if "items" in field and isinstance(field["items"], dict):
            return self._found(field["items"])
        rest = field.get("additionalProperties")
        return self._within(rest) if isinstance(rest, dict) else field

    def _kind(self, field: Json) -> str:
        """What a field may be, in a word or two."""
        if "enum" in field:
            return " | ".join(str(each) for each in field["enum"])
        if "const" in field:
            return json.dumps(field["const"])
        if "$ref" in field:
            return self._kind(self._found(field))
        for part in ("anyOf", "oneOf"):
            if part in field:
                return " | ".join(dict.fromkeys(self._kind(each) for each in field[part]))
        kinds = field.get("type", "any")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        listed = f"list of {self._kind(field['items'])}" if isinstance(field.get("items"), dict) else "list"
        return " | ".join(listed if kind == "array" else kind for kind in kinds)

    def _curl(self, path: str, method: str, operation: Json, option: str) -> Iterator[Example]:
        """Lines that can be run: with each example there is, or without one."""
        if "101" in operation["responses"]:
            return
        address = self._address(path, operation.get("parameters", ()))
        bodies = operation.get("requestBody", {}).get("content", {})
        start = " ".join(["curl", *([option] if option else []), shlex.quote(address)])
        if not bodies:
            yield Example("", start if method == "get" else f"{start} -X {method.upper()}")
        for kind, body in bodies.items():
            named = "" if kind == "application/json" else f" -H 'Content-Type: {kind}'"
            for name, value in _examples(body):
                yield Example(name, f"{start}{named} -d {shlex.quote(value)}")

    def _address(self, path: str, parameters: Any) -> str:
        asked = []
        for each in parameters:
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", str(each["example"]))
            elif each["required"]:
                asked.append(f"{each['name']}={each['example']}")
        return self.server + path + ("?" + "&".join(asked) if asked else "")


def _examples(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found: Json = {name: each["value"] for name, each in body.get("examples", {}).items()}
    if "example" in body:
        found["text"] = body["example"]
    for name, value in found.items():
        yield name, value if isinstance(value, str) else json.dumps(value)
