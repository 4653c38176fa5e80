"""The description is true: it has every route, and what it shows as examples is answered as it says."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from quart import Blueprint
from quart_trio import QuartTrio
from werkzeug.routing import Rule

from adapters import app
from adapters.api.calls import CALLS, EVERY_CALL
from adapters.api.document import TWICE, document
from adapters.sources.segment import Call
from adapters.trail import Trail
from adapters.web.server import application
from adapters.web.unsubscribing import Links
from engine.core.identity import known
from tests.adapters.api.shop import write_shop
from tests.adapters.running import Sidecar, running

DESCRIBED = document("http://127.0.0.1:8808")
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DESCRIBED["paths"].items()
    for method, operation in methods.items()
}
REFUSED = {
    "stream": 400,
    "decisions": 400,
    "feedback": 401,
    "drop": 409,
    "replay": 409,
    "inbox_mail": 404,
}
"""What the examples are answered with where it is not success: a websocket asked for as a page, a report that is not
signed, a message that has left, and a destination that takes no history."""


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[QuartTrio]:
    """The application that a sidecar builds."""
    built: list[QuartTrio] = []

    def keep(routes: Iterable[Blueprint]) -> QuartTrio:
        built.append(application(routes))
        return built[0]

    monkeypatch.setattr(app, "application", keep)
    return built


@pytest.fixture
async def sidecar(tmp_path: Path, built: list[QuartTrio]) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=write_shop(tmp_path)) as one:
        yield one


def test_it_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DESCRIBED).validate()


def shown(rule: Rule) -> Iterator[tuple[str, str]]:
    """A rule's routes as a description writes them; one with a choice within is several."""
    choice = re.search(r"<any\(([^)]*)\):\w+>", rule.rule)
    paths = [rule.rule]
    if choice:
        paths = [rule.rule.replace(choice[0], each.strip()) for each in choice[1].split(",")]
    methods = {"GET"} if rule.websocket else (rule.methods or set()) - {"HEAD", "OPTIONS"}
    for path in paths:
        for method in methods:
            yield method, re.sub(r"<(?:\w+:)?(\w+)>", "{}", path)


async def test_it_has_every_route_and_no_other(sidecar: Sidecar, built: list[QuartTrio]) -> None:
    there = {each for rule in built[0].url_map.iter_rules() for each in shown(rule)}
    routes = [(method, path) for method, path, _ in OPERATIONS.values()]
    routes += [(method, f"/sandbox{path}") for method, path in routes if path in TWICE]
    described = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in routes}
    assert sorted(there - described) == [], "describe them in a section of adapters/api"
    assert sorted(described - there) == [], "they are described and not there"


def test_the_sandbox_is_told_below_the_address_that_was_asked() -> None:
    for server in ("http://one.example", "http://other.example"):
        told = document(server)["paths"]["/v1/stats"]["get"]["servers"]
        assert [each["url"] for each in told] == [server, f"{server}/sandbox"]


def test_parameters_in_a_path_are_described() -> None:
    for method, path, operation in OPERATIONS.values():
        told = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert told == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"


def test_a_call_has_the_fields_that_the_decoder_asks_for() -> None:
    assert sorted(EVERY_CALL["properties"]) == sorted(Call.__struct_encode_fields__)
    for name, schema in CALLS.items():
        assert EVERY_CALL["properties"].keys() - schema["properties"].keys() <= {"properties", "traits"}, name


def test_every_secured_route_says_how_it_is_refused() -> None:
    for method, path, operation in OPERATIONS.values():
        websocket = "101" in operation["responses"]
        assert ("401" in operation["responses"]) >= (bool(operation["security"]) and not websocket), f"{method} {path}"


def validate(content: object, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": DESCRIBED["components"]}
    jsonschema.Draft202012Validator(whole).validate(content)


async def send(
    sidecar: Sidecar, name: str, changed: dict[str, str], content: bytes | None = None, kind: str = ""
) -> httpx.Response:
    """Send what an operation has as its example; `changed` are parameters that a test knows better."""
    method, path, operation = OPERATIONS[name]
    asked = {}
    for parameter in operation.get("parameters", ()):
        value = changed.get(parameter["name"], parameter.get("example"))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif value is not None:
            asked[parameter["name"]] = str(value)
    headers = {"Content-Type": kind} if kind else {}
    if operation["security"]:
        shows_token = "adminToken" in operation["security"][0]
        headers |= sidecar.admin if shows_token else {"X-Impel-Key": sidecar.keys.write_key}
    return await sidecar.stranger.request(method, path, params=asked, headers=headers, content=content)


def bodies(operation: dict[str, Any]) -> Iterator[tuple[bytes | None, str]]:
    """Every example of a body, with what it is; None where there is to be none."""
    if "requestBody" not in operation:
        yield None, ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        shown = [each["value"] for each in content.get("examples", {}).values()]
        for value in [*shown, *([content["example"]] if "example" in content else [])]:
            if kind == "application/json":
                validate(value, content["schema"])
            yield encoded(value, kind), kind


def encoded(value: Any, kind: str) -> bytes:
    if kind == "application/x-www-form-urlencoded":
        return httpx.Request("POST", "http://x", data=value).content
    return value.encode() if isinstance(value, str) else httpx.Request("POST", "http://x", json=value).content


def answers_as_told(name: str, answer: httpx.Response) -> None:
    """An answer's status, and what it holds, are among those of the description."""
    told = OPERATIONS[name][2]["responses"].get(str(answer.status_code))
    assert told is not None, f"{name} answers {answer.status_code}: {answer.text}"
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    contents = told.get("content", {})
    if answer.content:
        assert kind in contents, f"{name} answers with {kind}"
        content = answer.json() if kind == "application/json" else answer.text
        validate(content, contents[kind]["schema"])


async def test_every_example_is_answered_as_told(sidecar: Sidecar, tmp_path: Path) -> None:
    better = await known_better(sidecar)
    copy = f'{{"file": "{tmp_path}/copy.db"}}'.encode()
    for name, (_, _, operation) in OPERATIONS.items():
        for content, kind in bodies(operation):
            answer = await send(sidecar, name, better.get(name, {}), copy if name == "db_backup" else content, kind)
            await sidecar.service.outbox.rested()
            answers_as_told(name, answer)
            wanted = REFUSED.get(name)
            assert (answer.status_code == wanted) if wanted else answer.status_code < 400, f"{name}: {answer.text}"


async def known_better(sidecar: Sidecar) -> dict[str, dict[str, str]]:
    """By operation, the parameters that no description can know: ids of messages, and tokens."""
    look = {"userId": "u1", "event": "product_viewed", "properties": {"product_id": "lamp", "time_spent": 45}}
    assert (await sidecar.client.post("/v1/track", json=look)).is_success
    await sidecar.service.outbox.rested()
    listed = (await sidecar.stranger.get("/admin/outbox", headers=sidecar.admin)).json()["messages"]
    public = sidecar.shop.settings.public_url
    token = Links(sidecar.keys.links_key, public).of(known("u1"))["unsubscribe_url"].rpartition("/")[2]
    mail = Trail(sidecar.keys.links_key, public).tracked(
        '<a href="https://x.example">x</a>', "m", opens=True, clicks=True
    )
    (opened,), (clicked,) = re.findall(r"/o/(.+?)\.gif", mail), re.findall(r"/c/(.+?)\"", mail)
    return {
        **{name: {"token": token} for name in ("ask_unsubscribe", "unsubscribe", "preferences", "choose")},
        **{name: {"id": listed[0]["id"]} for name in ("message", "retry", "drop", "inbox_why")},
        "opened": {"token": opened},
        "clicked": {"token": clicked},
        "feedback": {"name": "news"},
        "bounced": {"name": "post"},
    }


async def test_without_a_key_everything_that_asks_for_one_is_refused_as_told(sidecar: Sidecar) -> None:
    for name, (method, path, operation) in OPERATIONS.items():
        if operation["security"] and "101" not in operation["responses"]:
            content, _ = next(bodies(operation))
            answer = await sidecar.stranger.request(method, re.sub(r"{\w+}", "shop", path), content=content)
            answers_as_told(name, answer)
            assert answer.status_code == 401, name
