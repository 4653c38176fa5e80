"""The command as people start it: it loses nothing, reads its files again, and ends when it cannot write."""

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from adapters.cli import app
from tests.adapters.running import SETTINGS, TRIGGERS, stalled, started, write_config

CONSOLE = SETTINGS.replace("kind: memory", "kind: console")
HEADER = {"Authorization": "Bearer a"}
KEYS = {"IMPEL_WRITE_KEY": "k", "IMPEL_SANDBOX_KEY": "sand", "IMPEL_ADMIN_TOKEN": "a"}


def track(url: str, user: str, event: str = "view", **properties: str) -> httpx.Response:
    call = {"userId": user, "event": event, "properties": properties}
    return httpx.post(f"{url}/v1/track", json=call, auth=("k", ""))


def events(url: str, user: str) -> list[str]:
    told = httpx.get(f"{url}/admin/user", params={"id": user}, headers=HEADER)
    return [] if told.status_code == 404 else [event["event"] for event in told.json()["recent"]]


def logged(out: str, event: str) -> list[dict[str, object]]:
    logs = (json.loads(line) for line in out.splitlines() if line.startswith("{"))
    return [log for log in logs if log["event"] == event]


def ended(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
    process.send_signal(number)
    return process.communicate(timeout=10)


def fill_disk(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Let its log of writes not grow any more: to the process, that is what a full disk is."""
    log = folder / "data" / "impel.db-wal"
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Call a command, with the sidecar's token in the environment."""
    monkeypatch.setenv("IMPEL_ADMIN_TOKEN", "a")

    def call(*arguments: str) -> int:
        status: int = app(arguments, result_action="return_value")
        return status

    return call


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    config = write_config(tmp_path, CONSOLE)
    with started(config, **KEYS) as (process, url):
        answers = [track(url, "u", product="hat"), track(url, "u", product="hat"), track(url, "v")]
        assert [answer.status_code for answer in answers] == [200] * 3
        ended(process, signal.SIGKILL)
    with started(config, **KEYS) as (process, url):
        assert (events(url, "u"), events(url, "v")) == (["view", "view"], ["view"])
        track(url, "u", product="hat")
        out, _ = ended(process)
    assert out.count("nudge to u") == 1


def test_a_deadline_that_passes_while_nothing_runs_is_settled_at_the_next_start(tmp_path: Path) -> None:
    message = {"nudge": "destination: kept\ndata: {}\n", "cart": "destination: kept\ndata: {cart: left}\n"}
    config = write_config(tmp_path, CONSOLE, TRIGGERS, message)
    with started(config, **KEYS) as (process, url):
        track(url, "u", "cart")
        ended(process, signal.SIGKILL)
    with started(config, **KEYS) as (process, url):
        [firing] = httpx.get(f"{url}/admin/user", params={"id": "u"}, headers=HEADER).json()["firings"]
        ended(process)
    assert firing["trigger"] == "left"


def test_files_are_read_again_on_sighup_and_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., int]
) -> None:
    config = write_config(tmp_path)
    with started(config, **KEYS) as (process, _):
        assert called("reload", "--config", str(config)) == 0
        assert "3 triggers in force already" in capsys.readouterr().out
        (config / "triggers" / "all.yaml").write_text(TRIGGERS + "  more: {when: hello, cooldown: 1d}\n")
        assert called("reload", "--config", str(config)) == 0
        assert "4 triggers in force now" in capsys.readouterr().out
        with (config / "impel.yaml").open("a") as settings:
            settings.write("write_keys: {erp: {}, page: {kind: browser, origins: [https://shop.example]}}\n")
        assert called("reload", "--config", str(config)) == 0
        assert "write keys besides the one: erp, page" in capsys.readouterr().out
        (config / "triggers" / "all.yaml").write_text(TRIGGERS)
        process.send_signal(signal.SIGHUP)
        while called("reload", "--config", str(config)) or "3 triggers" not in capsys.readouterr().out:
            time.sleep(0.01)
        out, _ = ended(process)
    assert process.returncode == 0
    assert True in [log["changed"] for log in logged(out, "files read again") if log["triggers"] == 3]


def test_files_that_do_not_check_are_told_as_check_tells_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., int]
) -> None:
    config = write_config(tmp_path)
    with started(config, **KEYS) as (process, url):
        (config / "triggers" / "all.yaml").write_text("triggers:\n  a: {whne: view, send: lost}\n")
        (config / "messages" / "nudge.yaml").write_text("destination: nowhere\n")
        assert called("check", str(config)) == 1
        wrong = capsys.readouterr().err
        assert called("reload", "--config", str(config)) == 1
        assert capsys.readouterr().err == wrong + "what was in force stays in force\n"
        process.send_signal(signal.SIGHUP)
        assert track(url, "u").status_code == 200
        out, _ = ended(process)
    assert "did you mean `when`?" in wrong
    assert logged(out, "the files do not check, the former stay in force")


def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with started(write_config(tmp_path), theirs, **KEYS) as (process, url):
        assert track(url, "u").status_code == 200
        os.close(theirs)
        os.close(ours)
        process.wait(timeout=10)
    assert process.returncode == 0


def test_a_full_disk_ends_it_with_its_own_status_and_loses_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with started(config, **KEYS) as (process, url):
        assert track(url, "before").status_code == 200
        fill_disk(process, tmp_path)
        refused = track(url, "after")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "failed")
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 74
    [said] = logged(out, "nothing more is taken, the process ends")
    assert said["level"] == "critical"
    assert "impel.db" in str(said["reason"])
    assert not (tmp_path / "data" / "address").exists()
    with started(config, **KEYS) as (_, url):
        assert (events(url, "before"), events(url, "after")) == (["view"], [])
        assert track(url, "after").status_code == 200


def test_a_client_that_never_reads_does_not_keep_one_alive_that_cannot_write(tmp_path: Path) -> None:
    with started(write_config(tmp_path), **KEYS) as (process, url), stalled(url):
        fill_disk(process, tmp_path)
        assert track(url, "u").status_code == 503
        process.communicate(timeout=10)
    assert process.returncode == 74


def test_a_second_one_on_the_same_data_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., int]
) -> None:
    config = write_config(tmp_path)
    with started(config, **KEYS) as (process, url):
        assert called("run", "--config", str(config), "--port", "0") == 1
        said = capsys.readouterr().err
        assert track(url, "u").status_code == 200
    assert f"another Impel (process {process.pid})" in said


def test_a_database_that_is_none_is_told_and_nothing_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., int]
) -> None:
    config = write_config(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "impel.db").write_bytes(b"a letter to a friend" * 1_000)
    assert called("run", "--config", str(config), "--port", "0") == 1
    assert f"error: {tmp_path / 'data' / 'impel.db'}" in capsys.readouterr().err


def test_kept_in_memory_nothing_is_left_behind(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with started(config, IMPEL_STORE="memory", **KEYS) as (process, url):
        assert track(url, "u").status_code == 200
        ended(process)
    assert list((tmp_path / "data").iterdir()) == []
