import json
import signal
import socket
import time
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from adapters.cli import app
from tests.adapters.running import SETTINGS, TRIGGERS, stalled, started, write_config


def call(*arguments: str) -> int:
    status: int = app(arguments, result_action="return_value")
    return status


def config_with(folder: Path, settings: str = SETTINGS, triggers: str = TRIGGERS) -> str:
    return str(write_config(folder, settings, triggers))


def test_a_sigterm_ends_it_in_time_and_what_had_arrived_is_sent(tmp_path: Path) -> None:
    config = write_config(tmp_path, SETTINGS.replace("kind: memory", "kind: console"))
    with started(config, IMPEL_WRITE_KEY="k") as (process, url):
        views = [{"type": "track", "userId": "somebody", "event": "view", "properties": {"product": "hat"}}] * 3
        assert httpx.post(f"{url}/v1/batch", json={"batch": views}, auth=("k", "")).json() == {"success": True}
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
        assert time.monotonic() - began < 5
    assert process.returncode == 0
    assert "nudge to somebody" in out
    assert "listens on" in err
    logs = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [log["event"] for log in logs] == ["listening", "ended"]
    assert "somebody" not in json.dumps(logs)
    assert not (tmp_path / "data" / "address").exists()


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_log_holds_a_key_wherever_it_was_shown(tmp_path: Path, level: str) -> None:
    with started(write_config(tmp_path), IMPEL_WRITE_KEY="open-sesame", IMPEL_LOG_LEVEL=level) as (process, url):
        event = {"userId": "u", "event": "view"}
        for key in ("open-sesame", "open-sesame-not"):
            for path in (f"/webhook/shop?key={key}", f"/v1/t?writeKey={key}", f"/v1/projects/{key}/settings"):
                httpx.post(url + path, json=event, auth=(key, ""), headers={"X-Impel-Key": key})
                httpx.post(url + path, content=b"{nope")
            httpx.post(f"{url}/v1/t", json=event | {"writeKey": key, "event": key}, headers={"Origin": "https://x"})
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
    assert "ended" in out
    assert "open-sesame" not in out + err


def test_a_client_that_never_reads_does_not_keep_it_alive(tmp_path: Path) -> None:
    with started(write_config(tmp_path), IMPEL_WRITE_KEY="k") as (process, url), stalled(url):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5.5)
    assert process.returncode == 0


def test_a_user_is_shown_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    with started(config, IMPEL_WRITE_KEY="k") as (_, url):
        cart = {"userId": "u1", "event": "view", "properties": {"product": "hat"}}
        httpx.post(f"{url}/v1/track", json=cart, auth=("k", ""))
        assert call("user", "u1", "--config", str(config)) == 0
        shown = capsys.readouterr().out
        assert "u1" in shown
        assert '{"product":"hat"}' in shown
        assert call("user", "u1", "--config", str(config), "--json") == 0
        assert json.loads(capsys.readouterr().out)["recent"][0]["event"] == "view"
        assert call("user", "stranger", "--config", str(config)) == 1
        assert "nobody is known by that id" in capsys.readouterr().err


def test_a_user_without_a_sidecar_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("user", "u1", "--config", config_with(tmp_path)) == 1
    assert "is `impel run` running" in capsys.readouterr().err


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert call("run", "--config", config_with(tmp_path), "--port", str(port)) == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "triggers", "said"),
    [
        (SETTINGS, "triggers: {a: {whne: view}}", "whne"),
        (SETTINGS, "triggers: {a: {when: view, cooldown: 1d, send: lost}}", "lost"),
        ("prot: 1", TRIGGERS, "did you mean `port`?"),
        ("destinations: {other: {kind: memory}}", TRIGGERS, "kept"),
        (SETTINGS + "write_key: {env: NOT_SET_ANYWHERE}", TRIGGERS, "NOT_SET_ANYWHERE"),
    ],
)
def test_a_mistake_in_the_configuration_is_shown_and_nothing_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, triggers: str, said: str
) -> None:
    assert call("run", "--config", config_with(tmp_path, settings, triggers), "--port", "0") == 1
    assert said in capsys.readouterr().err


def test_the_key_is_shown_only_where_impel_made_it(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with started(config) as (process, _):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=5)
    assert (tmp_path / "data" / "write_key").read_text().strip() in err
    with started(config, IMPEL_WRITE_KEY="the-operators-own") as (process, _):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=5)
    assert "the-operators-own" not in err


def test_with_both_keys_given_the_data_folder_is_made_all_the_same(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with started(config, IMPEL_WRITE_KEY="one", IMPEL_ADMIN_TOKEN="two") as (process, url):  # noqa: S106 - a test
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
    assert url
    assert process.returncode == 0


def test_with_very_many_awake_it_ends_in_time(tmp_path: Path) -> None:
    with started(write_config(tmp_path), IMPEL_WRITE_KEY="k") as (process, url):
        calls = [{"type": "track", "userId": f"u{number}", "event": "view"} for number in range(20_000)]
        answer = httpx.post(f"{url}/v1/batch", json={"batch": calls}, auth=("k", ""), timeout=20)
        assert answer.json() == {"success": True}
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=5)
        left = time.time()
    logs = [json.loads(line) for line in out.splitlines()]
    ended = datetime.fromisoformat(next(log["timestamp"] for log in logs if log["event"] == "ended"))
    assert process.returncode == 0
    assert not (tmp_path / "data" / "address").exists()
    assert left - ended.timestamp() < 0.5  # to take the tasks apart one by one needs longer


def test_the_lines_that_it_greets_with_work(tmp_path: Path) -> None:
    with started(write_config(tmp_path, SETTINGS + "write_key: {env: SHOP}"), SHOP="the key") as (process, url):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=5)
    lines = [line.strip() for line in err.splitlines() if "curl" in line]
    assert [url in line and '-u "$SHOP:"' in line for line in lines] == [True, True]
    assert "@shop.example" in lines[0]
    assert "cart_updated" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "said", "unsaid"),
    [
        (["--port", "70000"], "--port", "environment"),
        (["--port", "0", "--host", "192.0.2.1"], "`--host` or IMPEL_HOST", "--port"),
        (["--port", "0", "--host", "a" * 70 + ".example"], "`--host` or IMPEL_HOST", "--port"),
    ],
)
def test_a_wrong_option_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, unsaid: str
) -> None:
    assert call("run", "--config", config_with(tmp_path), *arguments) == 1
    err = capsys.readouterr().err
    assert said in err
    assert unsaid not in err


def test_a_data_folder_that_cannot_be_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMPEL_DATA", str(tmp_path / "file" / "x"))
    assert call("run", "--config", config_with(tmp_path), "--port", "0") == 1
    assert f"the data folder {tmp_path / 'file' / 'x'} cannot be written" in capsys.readouterr().err
