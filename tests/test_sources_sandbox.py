"""What docs/sources.md says of the sandbox is so: its requests are run as they stand, with the demo's triggers."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.settings import FILE, read_settings
from tests.adapters.running import started

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "sources.md").read_text("utf-8")
SANDBOX, INBOX = (PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0] for title in ("The sandbox", "The inbox"))
ADDRESS = "127.0.0.1:8808"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the page speaks of curl, which is not here")


class Sidecar(NamedTuple):
    """A sidecar with the demo's files, in a folder that the page takes for the checkout."""

    folder: Path
    address: str

    def run(self, text: str) -> str:
        """Run lines of a shell there; what they print."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMPEL_")}
        environment = inherited | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}
        done = subprocess.run(
            ["sh", "-e"],  # noqa: S607 - a shell, as the page's reader has one
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

    def asked(self, path: str) -> Any:
        """Ask the sidecar as the operator."""
        return json.loads(
            self.run(f'curl -s -H "Authorization: Bearer $(cat data/admin_token)" "http://{ADDRESS}{path}"')
        )

    def messages(self, user: str) -> dict[str, tuple[str, str]]:
        """The messages to somebody in the sandbox, with their state and its reason."""
        found = self.asked(f"/inbox/messages?space=sandbox&user={user}")["messages"]
        return {f"{each['message']} {each['per']}": (each["state"], each["reason"]) for each in found}

    def let_a_day_pass(self) -> Any:
        return json.loads(self.run(shell('"forward": "24h"')))


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "config").symlink_to(ROOT / "config")
    with started(folder / "config", IMPEL_DATA=str(folder / "data")) as (_, url):
        yield Sidecar(folder, url.removeprefix("http://"))


def shell(where: str) -> str:
    """Find the shell block with that in it."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", SANDBOX, re.MULTILINE | re.DOTALL)
    return next(text for text in blocks if where in text)


def test_a_day_in_a_second_and_what_became_of_it(sidecar: Sidecar) -> None:
    assert sidecar.run(shell("SAND=$(cat")).count('{"success":true}') == 2
    told = sidecar.let_a_day_pass()
    assert told["ahead"] >= 86_400_000
    assert ("cart_abandoned", "sam") in [(each["trigger"], each["user"]) for each in told["firings"]]
    assert sidecar.messages("sam")["cart_reminder c1"] == ("accepted", "")
    said = sidecar.run(shell("impel user sam"))
    assert "cart_abandoned [c1]" in said
    assert "cart_id c1  fired" in said
    assert "cart_reminder to sam" in said
    assert "error" in sidecar.asked("/admin/user?id=sam"), "the shop knows nobody by that id"


def test_rapid_repeats_get_one_reminder(sidecar: Sidecar) -> None:
    assert sidecar.run(shell("seq 20")).count('{"success":true}') == 20
    told = sidecar.let_a_day_pass()
    mine = [each["trigger"] for each in told["firings"] if each["user"] == "rapid"]
    assert mine.count("cart_abandoned") == 1
    assert sum(name.startswith("cart_reminder") for name in sidecar.messages("rapid")) == 1


def test_replays_count_once(sidecar: Sidecar) -> None:
    assert sidecar.run(shell("m-1")).count('{"success":true}') == 3
    events = [each["event"] for each in sidecar.asked("/sandbox/admin/user?id=replay")["recent"]]
    assert events == ["cart_updated", "product_viewed"]


def test_incomplete_data_is_refused_with_its_reason_or_starts_nothing(sidecar: Sidecar) -> None:
    said = json.loads(sidecar.run(shell('"half"')))
    assert said["accepted"] == 3
    assert [(each["index"], each["reason"]) for each in said["rejected"]] == [
        (1, "a call needs a `userId` or an `anonymousId`"),
        (2, "a track call needs the name of its `event`"),
    ]
    told = sidecar.let_a_day_pass()
    mine = [(each["trigger"], each["per"]) for each in told["firings"] if each["user"] == "half"]
    assert [per for trigger, per in mine if trigger == "cart_abandoned"] == ["c5"]
    state, reason = sidecar.messages("half")["cart_reminder c5"]
    assert (state, reason) == ("dropped", "address: their profile has no `email`")


def test_the_destinations_that_are_shown_can_be_read(tmp_path: Path) -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```$", INBOX, re.MULTILINE | re.DOTALL)
    (tmp_path / FILE).write_text(text, "utf-8")
    assert read_settings(tmp_path, {}).destinations.keys() == {"mail", "site"}
