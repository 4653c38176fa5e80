"""The description as a page: all of it, without scripts, and its lines work."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from adapters.api.document import document
from adapters.api.page import page_of, words
from tests.adapters.api.shop import write_shop
from tests.adapters.running import Sidecar, started

PAGE = LexborHTMLParser(page_of(document("http://127.0.0.1:8808")))
DOCUMENTED = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
KEYS = {"KEY": "write_key", "TOKEN": "admin_token"}
UNKNOWABLE = (
    "/unsubscribe/",
    "/preferences/",
    "/o/",
    "/c/",
    "/outbox/",
    "/feedback/",
    "/bounces/",
    "/replay",
    "/backup",
    "/inbox/mail/",
    "/inbox/why/",
)
"""What asks for something that a description cannot know: a signature, a message's id, a folder of that machine."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the page speaks of curl, which is not here")


def test_every_route_is_on_it() -> None:
    described = document("")["paths"].values()
    names = [operation["operationId"] for methods in described for operation in methods.values()]
    assert sorted(node.attributes["id"] or "" for node in PAGE.css("main > details")) == sorted(names)
    assert [link.attributes["href"] for link in PAGE.css("nav a")] == [f"#{name}" for name in by_section(names)]


def by_section(names: list[str]) -> list[str]:
    placed = [node.attributes["id"] or "" for node in PAGE.css("main > details")]
    return sorted(names, key=placed.index)


def test_it_needs_nothing_from_elsewhere() -> None:
    assert PAGE.css("script, link, img, iframe, form") == []
    assert re.findall(r"url\(|@import", PAGE.html or "") == []


async def test_it_is_served_beside_the_description_and_asks_for_no_key(sidecar: Sidecar) -> None:
    page = await sidecar.stranger.get("/docs")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"{sidecar.url}/v1/track" in page.text
    described = await sidecar.stranger.get("/openapi.json")
    assert described.json()["servers"] == [{"url": sidecar.url}]
    assert described.headers["Access-Control-Allow-Origin"] == "*"
    assert described.json()["paths"].keys() == document("")["paths"].keys()


def test_what_marks_words_lets_no_markup_through() -> None:
    assert words("**a** <b> `c<d`") == "<b>a</b> &lt;b&gt; <code>c&lt;d</code>"


def run(script: str, folder: Path, **environment: str) -> None:
    """Run what a page tells to run; a refusal is a failure."""
    done = subprocess.run(  # noqa: S603 - the page's own lines
        ["/bin/sh", "-ec", script.replace("curl ", "curl --silent --show-error --fail-with-body ")],
        capture_output=True,
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"]} | environment,
        encoding="utf-8",
        timeout=30,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@needs_curl
def test_its_lines_work_and_so_do_those_of_the_documentation(tmp_path: Path) -> None:
    with started(write_shop(tmp_path), IMPEL_PUBLIC_URL="''") as (_, url):
        keys = {name: (tmp_path / "data" / file).read_text().strip() for name, file in KEYS.items()}
        (documented,) = re.findall(r"^```sh\n(.*?)^```$", DOCUMENTED, re.MULTILINE | re.DOTALL)
        run(documented.replace("http://127.0.0.1:8808", url), tmp_path)
        assert json.loads((tmp_path / "impel.json").read_text())["openapi"] == "3.1.0"
        lines = [node.text() for node in LexborHTMLParser(httpx.get(f"{url}/docs").text).css("pre")]
        tried = [line for line in lines if not any(part in line for part in UNKNOWABLE)]
        assert len(tried) > len(lines) / 2
        for line in tried:
            run(line, tmp_path, **keys)
