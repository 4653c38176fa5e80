"""`impel outbox` and `impel db`, against a sidecar that runs, and against its file alone."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from adapters.cli import app
from tests.adapters.running import MESSAGES, SETTINGS, TRIGGERS, started, write_config


def call(*arguments: str) -> int:
    try:
        status: int = app(arguments, result_action="return_value")
    except SystemExit as end:
        return int(end.code or 0)
    return status


def failing(folder: Path) -> Path:
    """A shop whose cart message fails, for want of an address."""
    return write_config(folder, SETTINGS, TRIGGERS, MESSAGES)


def send(url: str, *events: str) -> None:
    for event in events:
        answer = httpx.post(f"{url}/v1/track", json={"userId": "u1", "event": event}, auth=("k", ""))
        assert answer.is_success


def listed(url: str, folder: Path, state: str) -> list[str]:
    """The ids of the messages in a state, waiting for one."""
    token = (folder / "data" / "admin_token").read_text().strip()
    for _ in range(200):
        answer = httpx.get(
            f"{url}/admin/outbox", params={"state": state}, headers={"Authorization": f"Bearer {token}"}
        ).json()
        if answer["messages"]:
            return [each["id"] for each in answer["messages"]]
    raise AssertionError(f"no message became {state}")


def test_messages_are_listed_shown_and_sent_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = failing(tmp_path)
    with started(config, IMPEL_WRITE_KEY="k") as (_, url):
        send(url, "cart")
        [failed] = listed(url, tmp_path, "failed")
        assert call("outbox", "list", "--state", "failed", "--config", str(config)) == 0
        shown = capsys.readouterr().out
        assert failed.split(":")[0] in shown.replace("\n", "")
        assert "u1" in shown
        assert call("outbox", "show", failed, "--config", str(config)) == 0
        assert "email" in capsys.readouterr().out
        assert call("outbox", "retry", failed, "--config", str(config)) == 0
        assert f"{failed}: due" in capsys.readouterr().out
        assert listed(url, tmp_path, "failed") == [failed]
        assert call("outbox", "drop", failed, "--config", str(config)) == 1
        assert "it is failed already" in capsys.readouterr().err
        assert call("outbox", "show", "nothing", "--config", str(config)) == 1
        assert "there is no such message" in capsys.readouterr().err


def test_the_database_is_looked_after_whether_it_is_in_use_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = failing(tmp_path)
    assert call("db", "size", "--config", str(config)) == 1
    assert "there is no database" in capsys.readouterr().err
    with started(config, IMPEL_WRITE_KEY="k") as (process, url):
        send(url, "cart", "view")
        examine(config, tmp_path / "while.db", capsys)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
    examine(config, tmp_path / "after.db", capsys)
    assert call("db", "accept", "--config", str(config)) == 1
    assert "lacks nothing" in capsys.readouterr().err


def examine(config: Path, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("db", "check", "--config", str(config)) == 0
    assert "all is well" in capsys.readouterr().out
    assert call("db", "size", "--config", str(config)) == 0
    assert "journal" in capsys.readouterr().out
    assert call("db", "backup", str(copy), "--config", str(config)) == 0
    capsys.readouterr()
    assert copy.stat().st_size > 0
    assert call("db", "backup", str(copy), "--config", str(config)) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_database_that_lost_commits_is_refused_until_that_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = failing(tmp_path)
    with started(config, IMPEL_WRITE_KEY="k") as (_, url):
        send(url, "cart", "view")
    database = tmp_path / "data" / "impel.db"
    os.truncate(f"{database}-wal", 0)
    assert call("run", "--config", str(config), "--port", "0") == 1
    assert "impel db accept" in capsys.readouterr().err.replace("\n", " ")
    assert call("db", "check", "--config", str(config)) == 1
    capsys.readouterr()
