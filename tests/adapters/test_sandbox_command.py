import re
from pathlib import Path

import httpx
import pytest

from adapters.cli import app
from tests.adapters.running import started, write_config

TRIGGERS = "triggers:\n  left: {when: cart then no order within 24h, per: cart_id, send: cart}\n"


def call(*arguments: str) -> int:
    status: int = app(arguments, result_action="return_value")
    return status


def test_a_day_passes_and_the_command_tells_what_has_fired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, triggers=TRIGGERS)
    with started(config, IMPEL_SANDBOX_KEY="s") as (_, url):
        cart = {"userId": "u1", "event": "cart", "properties": {"cart_id": "c1"}}
        httpx.post(f"{url}/v1/track", json=cart, auth=("s", ""))
        assert call("sandbox", "clock", "--config", str(config)) == 0
        assert "0s ahead of the shop's time" in capsys.readouterr().out
        assert call("sandbox", "forward", "24h", "--config", str(config)) == 0
        said = capsys.readouterr().out
        assert "1d ahead of the shop's time" in said
        assert re.search(r"left \[c1\] for u1 +\d{4}-\d\d-\d\d .* ago +cart", said)
        assert call("sandbox", "forward", "1h", "--config", str(config)) == 0
        assert "nothing has fired" in capsys.readouterr().out
        assert call("sandbox", "forward", "24", "--config", str(config)) == 1
        assert "`24` has no unit; write `24s`" in capsys.readouterr().err
        assert call("user", "u1", "--config", str(config), "--url", f"{url}/sandbox") == 0
        assert "left [c1]" in capsys.readouterr().out
        assert call("user", "u1", "--config", str(config)) == 1


def test_without_a_sidecar_it_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("sandbox", "forward", "24h", "--config", str(write_config(tmp_path))) == 1
    assert "is `impel run` running" in capsys.readouterr().err
