"""What the README says is so: its triggers check, its JSON parses, and its commands do what it says they do."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from ruamel.yaml import YAML

from adapters.content import Messages
from adapters.files import content_files
from adapters.settings import FILE, read_settings
from engine.language.errors import TriggerErrors
from engine.language.files import LIST, load
from engine.language.sending import read_sending
from tests.adapters.running import started

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
README = (ROOT / "README.md").read_text("utf-8")
ADDRESS = "127.0.0.1:8808"
SIMULATION = "impel simulate"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the README speaks of curl, which is not here")


def blocks(kind: str) -> list[str]:
    """Find the fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def rows(head: str) -> list[str]:
    """Find what stands in the first column of the tables with that head."""
    tables = re.findall(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    return re.findall(r"^\| `(.+?)` \|", "".join(tables), re.MULTILINE)


def yaml_blocks(*keys: str) -> list[str]:
    """Find the YAML blocks that begin with one of these keys."""
    return [text for text in blocks("yaml") if YAML(typ="safe").load(text).keys() & set(keys)]


def test_every_yaml_block_is_of_a_known_kind() -> None:
    assert yaml_blocks("triggers", "destination", "destinations", "timezone") == blocks("yaml")


@pytest.mark.parametrize("text", yaml_blocks("triggers"))
def test_a_trigger_file_checks_without_a_warning(text: str) -> None:
    loaded = load({"README.md": text})
    assert loaded.triggers
    assert loaded.warnings == ()


@pytest.mark.parametrize("text", [*rows("moment"), *rows("selector")])
def test_a_moment_of_the_tables_is_one(text: str) -> None:
    load({"README.md": trigger({"when": text})})


@pytest.mark.parametrize("text", rows("state"))
def test_a_state_of_the_tables_is_one(text: str) -> None:
    load({"README.md": trigger({"when": "product_viewed", "if": text})})


def trigger(keys: dict[str, Any]) -> str:
    """Write a file with one trigger; JSON is YAML."""
    return json.dumps({"triggers": {"example": keys}, "segments": {"buyer": LIST}})


def test_no_table_of_the_language_is_missed() -> None:
    assert [len(rows(head)) > 5 for head in ("selector", "moment", "state")] == [True] * 3


def test_the_error_that_is_shown_is_the_one_that_is_given() -> None:
    wrong = "triggers:\n  reminder:\n    when: not cart_updated then no order_completed within 1h\n"
    with pytest.raises(TriggerErrors) as raised:
        load({"config/triggers/carts.yaml": wrong})
    shown = next(text for text in blocks("text") if "error:" in text)
    (error,) = raised.value.errors
    assert [part in shown for part in (error.place, error.message, error.excerpt, error.hint)] == [True] * 4


@pytest.mark.parametrize("text", yaml_blocks("destination"))
def test_a_message_can_be_read(text: str) -> None:
    Messages.load(content_files(CONFIG) | {"messages/example.yaml": text}, {"mail", "site"})


@pytest.mark.parametrize("text", yaml_blocks("timezone"))
def test_rules_of_sending_can_be_read(text: str) -> None:
    policy = read_sending("README.md", text, retention=90 * 86_400_000)
    assert policy.caps
    assert policy.fatigue


@pytest.mark.parametrize("text", yaml_blocks("destinations"))
def test_settings_can_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    assert read_settings(tmp_path, {}).destinations.keys() == {"mail", "site"}


@pytest.mark.parametrize("text", blocks("json"))
def test_json_parses(text: str) -> None:
    assert json.loads(text)


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.stem)
def test_links_into_the_tree_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


class Sidecar(NamedTuple):
    """A sidecar that runs the demo shop; its folder is what the README takes for the checkout."""

    folder: Path
    address: str

    def run(self, *command: str, text: str = "") -> str:
        """Run a command there and return what it prints."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMPEL_")}
        environment = inherited | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(  # noqa: S603 - the README's own commands
            [*command],
            input=text.replace(ADDRESS, self.address),
            capture_output=True,
            check=False,
            cwd=self.folder,
            encoding="utf-8",
            env=environment,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events_of(self, user: str) -> list[str]:
        """Ask which events of a user the engine knows, newest first."""
        return [event["event"] for event in json.loads(self.run("impel", "user", user, "--json"))["recent"]]


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """Start one, with keys made at the start."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "config").symlink_to(CONFIG)
    with started(folder / "config", IMPEL_DATA=str(folder / "data")) as (_process, url):
        yield Sidecar(folder, url.removeprefix("http://"))


def shell(where: str) -> str:
    """Find the shell block with that in it."""
    return next(text for text in blocks("sh") if where in text)


def program(where: str) -> str:
    """Find the Python block with that in it."""
    return next(text for text in blocks("python") if where in text)


@needs_curl
def test_the_curl_lines_send_a_person_and_a_cart(sidecar: Sidecar) -> None:
    answers = sidecar.run("sh", "-e", text=shell("/v1/identify"))
    assert answers.count('{"success":true}') == 2
    person = json.loads(sidecar.run("impel", "user", "u1", "--json"))
    traits = {"first_name": "Ann", "email": "ann@shop.example", "consent": {"marketing": True}}
    assert person["traits"] == traits
    assert ("cart_abandoned", "c1") in [(each["trigger"], each["per"]) for each in person["pending"]]


@needs_curl
def test_the_webhook_takes_json_of_another_shape(sidecar: Sidecar) -> None:
    sidecar.run("sh", "-e", text=shell("/webhook/shop"))
    assert sidecar.events_of("12345") == ["product_added"]


@needs_curl
def test_a_list_takes_a_member(sidecar: Sidecar) -> None:
    assert sidecar.run("sh", "-e", text=shell("/v1/segments/")) == '{"success":true}'
    assert "wholesale" in json.loads(sidecar.run("impel", "user", "u1", "--json"))["segments"]


def test_the_segment_sdk_sends_events(sidecar: Sidecar) -> None:
    sidecar.run(sys.executable, "-", text=program("segment.analytics"))
    person = json.loads(sidecar.run("impel", "user", "u2", "--json"))
    assert person["traits"]["first_name"] == "Bo"
    assert [firing["trigger"] for firing in person["firings"]] == ["long_look"]


def test_the_websocket_takes_events(sidecar: Sidecar) -> None:
    answer = sidecar.run(sys.executable, "-", text=program("open_websocket_url"))
    assert answer.strip() == '{"accepted":2,"rejected":[]}'
    assert sidecar.events_of("u3") == ["order_completed"]


def test_the_client_sends_a_thousand_events(sidecar: Sidecar) -> None:
    sidecar.run(sys.executable, "-", text=program("adapters.client"))
    known = json.loads(sidecar.run("impel", "user", "u4", "--json"))["recent"]
    assert [event["properties"]["page"] for event in known[:3]] == [999, 998, 997]


def test_the_app_hears_of_firings(sidecar: Sidecar) -> None:
    call = {"type": "track", "userId": "u5", "event": "product_viewed", "properties": {"time_spent": 45}}
    key = (sidecar.folder / "data" / "write_key").read_text().strip()
    httpx.post(f"http://{sidecar.address}/v1/track", json=call, auth=(key, "")).raise_for_status()
    trigger, user = sidecar.run(sys.executable, "-", text=program("/v1/decisions")).split()
    assert trigger == "long_look"
    assert user in {"u2", "u5"}


def test_the_simulation_prints_what_is_shown_below_it(sidecar: Sidecar) -> None:
    (shown,) = blocks("jsonl")
    printed = sidecar.run("sh", "-e", text=shell(SIMULATION))
    assert list(map(json.loads, printed.splitlines())) == list(map(json.loads, shown.splitlines()))


def test_the_simulation_is_a_function_too(sidecar: Sidecar) -> None:
    assert sidecar.run(sys.executable, "-", text=program("simulate(")).split() == ["1774951200000", "u1", "lapsed"]


def test_messages_are_listed(sidecar: Sidecar) -> None:
    listing = shell("impel outbox list").splitlines()[0]
    assert "on their way" in sidecar.run("sh", "-e", text=listing)


def test_consent_is_taken(sidecar: Sidecar) -> None:
    assert '"success":true' in sidecar.run("sh", "-e", text=shell("/v1/consent")).replace(" ", "")
    told = json.loads(sidecar.run("impel", "user", "u1", "--json"))
    assert told["consents"]["marketing"]["source"] == "checkout"


def test_every_program_and_command_of_the_readme_is_run_here() -> None:
    assert len(blocks("sh")) == 6
    assert len(blocks("python")) == 5
