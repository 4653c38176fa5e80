"""The API's description, imported by what Postman imports with."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.api.document import document
from tests.browser.packages import HERE, needs_packages

_CONVERT = """
import { readFileSync, writeFileSync } from "node:fs"
import converter from "openapi-to-postmanv2"

const data = readFileSync("%s", "utf8")
const options = { folderStrategy: "Tags", requestParametersResolution: "Example" }
converter.convert({ type: "string", data }, options, (fault, found) => {
  if (fault || !found.result) throw new Error(fault ?? found.reason)
  writeFileSync("%s", JSON.stringify(found.output[0].data))
})
"""


def requests(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The requests of a folder, and of those within."""
    if "request" in item:
        yield item["request"]
    for inner in item.get("item", ()):
        yield from requests(inner)


def imported(folder: Path, described: dict[str, Any]) -> dict[str, Any]:
    source, target = folder / "openapi.json", folder / "collection.json"
    source.write_text(json.dumps(described))
    command = ["node", "--input-type=module"]
    subprocess.run(command, input=_CONVERT % (source, target), text=True, cwd=HERE, check=True, timeout=120)  # noqa: S603
    found: dict[str, Any] = json.loads(target.read_text())
    return found


@needs_packages
def test_postman_makes_a_request_of_every_route_with_its_example_and_its_key(tmp_path: Path) -> None:
    described = document("http://127.0.0.1:8808")
    collection = imported(tmp_path, described)
    assert [folder["name"] for folder in collection["item"]] == [tag["name"] for tag in described["tags"]]
    assert collection["variable"][0]["value"] == "http://127.0.0.1:8808"
    found = {request["name"]: request for request in requests(collection)}
    operations = [each for methods in described["paths"].values() for each in methods.values()]
    assert sum(1 for _ in requests(collection)) == len(operations)
    consent, track = found["Say what somebody agrees to"], found["Say what a person did"]
    assert json.loads(track["body"]["raw"])["event"] == "cart_updated"
    assert track["auth"]["basic"][0] == {"key": "username", "value": "{{basicAuthUsername}}"}
    assert consent["auth"]["type"] == "bearer"
