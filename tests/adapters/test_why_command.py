"""`impel why`, against a sidecar that runs."""

import json
from pathlib import Path

import httpx
import pytest

from adapters.commands.why import why
from tests.adapters.running import SETTINGS, started, write_config

TRIGGERS = """
triggers:
  thrice: {when: 'count(view[price > 20]) >= 3 within 10m', cooldown: 1d, send: nudge}
  left: {when: cart then no order within 1h, per: id}
"""
MESSAGES = {"nudge": "destination: kept\ndata: {}\n"}


def test_the_command_tells_in_words_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, SETTINGS, TRIGGERS, MESSAGES)
    with started(config, IMPEL_WRITE_KEY="k") as (_, url):
        for event, properties in (("view", {"price": 25}), ("view", {"price": 12}), ("cart", {"id": "c\x1b[31m"})):
            call = {"userId": "u1", "event": event, "properties": properties}
            assert httpx.post(f"{url}/v1/track", json=call, auth=("k", "")).is_success
        assert why("u1", "thrice", config=config) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "✗ count(view[price > 20]) >= 3 within 10m the count is 1, `>= 3` is wanted" in shown
        assert "needs 2 more `view[price > 20]`" in shown
        assert "✓ cooldown: 1d never fired" in shown
        assert why("u1", "left", config=config) == 0
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert "id c [31m  waiting" in shown
        assert all(len(line) <= 80 for line in shown.splitlines())
        assert why("u1", config=config) == 0
        assert "thrice  not yet" in capsys.readouterr().out
        assert why("u1", "thrice", config=config, as_json=True) == 0
        assert json.loads(capsys.readouterr().out)["watches"][0]["when"]["values"]["count"] == 1
        assert why("u1", "trice", config=config) == 1
        assert "did you mean `thrice`?" in " ".join(capsys.readouterr().err.split())


def test_a_firing_is_shown_with_what_became_of_its_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, SETTINGS, TRIGGERS, MESSAGES)
    with started(config, IMPEL_WRITE_KEY="k") as (_, url):
        for price in (25, 30, 35):
            call = {"userId": "u1", "event": "view", "properties": {"price": price}}
            assert httpx.post(f"{url}/v1/track", json=call, auth=("k", "")).is_success
        shown, tries = "", 0
        while "nudge: accepted" not in shown and tries < 200:
            assert why("u1", "thrice", config=config) == 0
            shown, tries = " ".join(capsys.readouterr().out.split()), tries + 1
    assert "→ nudge: accepted; it passed every gate" in shown
    assert "the count is 3, `>= 3` is wanted" in shown
    assert 'view {"price":35}' in shown
    assert "✗ cooldown: 1d lasts until" in shown
