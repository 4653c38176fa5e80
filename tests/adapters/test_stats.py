"""What came of the triggers, in a sidecar that really runs: counted once, over restarts, and told by variant."""

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import trio
from rich.console import Console

from adapters.commands.stats import show, stats
from adapters.statistics import by_trigger
from engine.core.sending.holdout import place
from engine.runtime.records import Count, Counted
from tests.adapters.running import SETTINGS, Sidecar, running, write_config
from tests.adapters.test_sending import ask, ended

TRIGGERS = """
triggers:
  cart:
    when: ask
    send: hello
    variants: {control: , other: {send: long}}
    goal: {event: paid within 1d, revenue: total}
"""
MESSAGES = dict.fromkeys(("hello", "long"), "destination: kept\ndata: {user: '{{ user }}'}\n")


def configure(folder: Path, sending: str = "", holdout: str = "", facts: str = "") -> Path:
    messages = {name: text + facts for name, text in MESSAGES.items()}
    config = write_config(folder, SETTINGS, TRIGGERS + holdout, messages)
    (config / "sending.yaml").write_text(sending)
    return config


def someone(variant: str) -> str:
    """A user who has a variant."""
    halves = {"control": (0.0, 0.5), "other": (0.5, 1.0)}
    low, high = halves[variant]
    return next(f"u{n}" for n in range(99) if low <= place(f"k:u{n}", "variant of cart") < high)


async def arms(sidecar: Sidecar) -> dict[str, dict[str, Any]]:
    answer = await sidecar.stranger.get("/v1/triggers/cart/stats", headers=sidecar.admin)
    assert answer.status_code == 200
    return {arm["variant"]: arm for arm in answer.json()["arms"]}


async def track(sidecar: Sidecar, event: str, user: str, **properties: object) -> None:
    body = {"type": "track", "userId": user, "event": event, "properties": properties}
    assert (await sidecar.client.post("/v1/track", json=body)).is_success


async def test_it_counts_by_variant_over_restarts(tmp_path: Path) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    one, other = someone("control"), someone("other")
    async with running(tmp_path, config=config) as sidecar:
        for user in (one, one, other):
            await ask(sidecar, user=user)
        first, _ = await ended(sidecar, 2, one)
        await ended(sidecar, 1, other)
        for event in ("Email Opened", "Email Opened", "Email Link Clicked"):
            await track(sidecar, event, one, impel_id=first["id"])
    async with running(tmp_path, config=config) as sidecar:
        for total in (10, 2.5):
            await track(sidecar, "paid", one, total=total)
        found = await arms(sidecar)
    whats = ("fired", "accepted", "opened", "clicked", "converted")
    told = {name: tuple(arm[what] for what in whats) for name, arm in found.items()}
    assert told == {"control": (2, 1, 1, 1, 1), "other": (1, 1, 0, 0, 0)}
    assert (found["control"]["held_by"], found["control"]["revenue"]) == ({"cap": 1}, 12.5)
    assert found["control"]["rates"]["opened"]["share"] == 1
    assert found["other"]["lift"]["against"] == "control"


async def test_those_held_out_are_an_arm_of_their_own(tmp_path: Path) -> None:
    config = configure(tmp_path, holdout="    holdout: 100%\n")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
        await track(sidecar, "paid", "u")
        found = await arms(sidecar)
    assert found.keys() == {"holdout"}
    assert (found["holdout"]["fired"], found["holdout"]["converted"]) == (1, 1)
    assert found["holdout"]["dropped_by"] == {"holdout": 1}


async def test_who_is_held_out_counts_so_whichever_gate_ends_the_message(tmp_path: Path) -> None:
    config = configure(tmp_path, holdout="    holdout: 100%\n", facts="channel: email\n")
    async with running(tmp_path, config=config) as sidecar:
        body = {"suppressions": [{"userId": "u", "why": "unsubscribed"}]}
        answer = await sidecar.stranger.post("/v1/suppressions", json=body, headers=sidecar.admin)
        assert answer.is_success, answer.text
        await ask(sidecar)
        await ended(sidecar, 1)
        found = await arms(sidecar)
    assert found.keys() == {"holdout"}
    assert (found["holdout"]["fired"], found["holdout"]["dropped_by"]) == (1, {"suppression": 1})


async def test_a_trigger_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "100% off / why not?"
    config = write_config(tmp_path, SETTINGS, f"triggers: {{'{name}': {{when: ask, send: hello}}}}\n", MESSAGES)
    async with running(tmp_path, config=config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        await ask(sidecar)
        answer = await sidecar.stranger.get(f"/v1/triggers/{quote(name, safe='')}/stats", headers=sidecar.admin)
        assert (answer.json()["trigger"], answer.json()["arms"][0]["fired"]) == (name, 1)
        assert await trio.to_thread.run_sync(partial(stats, name, config=config, url=sidecar.url)) == 0
    assert f"\n{name}  version " in capsys.readouterr().out


async def test_who_may_ask_and_for_what(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        assert (await sidecar.client.get("/v1/stats")).status_code == 401
        answer = await sidecar.stranger.get("/v1/triggers/crat/stats", headers=sidecar.admin)
        assert answer.status_code == 404
        assert answer.json()["error"] == "there is no trigger `crat`; did you mean `cart`?"
        answer = await sidecar.stranger.get("/v1/stats", headers=sidecar.admin)
        assert answer.json() == {"triggers": {"cart": []}}


async def test_the_command_tells_it_in_eighty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    async with running(tmp_path, config=config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        monkeypatch.setenv("COLUMNS", "80")
        user = someone("other")
        for _ in range(2):
            await ask(sidecar, user=user)
        await ended(sidecar, 2, user)
        await track(sidecar, "paid", user, total=1_234.5)
        for asked in ("", "cart", "crat"):
            status = await trio.to_thread.run_sync(partial(stats, asked, config=config, url=sidecar.url))
            assert status == (asked == "crat")
    out, err = capsys.readouterr()
    assert "did you mean `cart`?" in err
    lines = out.splitlines()
    head, row, *remarks = lines[next(n for n, line in enumerate(lines) if line.startswith("variant")) :][:4]
    assert head.split() == ["variant", "fired", "accepted", "opened", "clicked", "converted"]
    assert row.split() == ["other", "2", "1", "0.0", "%", "0.0-79.3", "0.0", "%", "0.0-79.3", "50.0", "%", "9.5-90.5"]
    assert remarks == ["  held by cap 1", "  goals worth 1,234.50, 617.25 by exposure"]


def test_large_counts_have_room_in_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    whats = {"fired": 12_345_678.0, "accepted": 11_111_111.0, "opened": 4e6, "clicked": 1e6, "converted": 2e6}
    counts = [
        Count(Counted("cart", "v", variant, what), amount, 1)
        for variant in ("control", "a much longer name")
        for what, amount in whats.items()
    ]
    show(msgspec.to_builtins(by_trigger(counts)), Console(highlight=False, width=80))
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "a much longer name  12,345,678  11,111,111  36.0 %    9.0 %     16.2 %" in out
    assert "  control: at 95 %: opened 36.0-36.0 %, clicked 9.0-9.0 %, converted 16.2-16.2 %" in out


def test_several_variants_and_versions_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    counts = [
        Count(Counted("cart", version, variant, what), amount, since)
        for version, since in (("aaaa", 1_000), ("bbbb", 2_000))
        for variant, k in (("control", 120.0), ("fast", 164.0))
        for what, amount in (("fired", 1_000.0), ("converted", k))
    ]
    show(msgspec.to_builtins(by_trigger(counts)) | {"quiet": []}, Console(highlight=False, width=80))
    out = capsys.readouterr().out
    assert out.index("version bbbb") < out.index("version aaaa")
    assert "fast: converts +4.4 points against control, +1.3 to +7.5 at 95 %" in out
    assert "quiet  has not fired" in out


def test_the_command_says_where_no_sidecar_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stats(config=configure(tmp_path)) == 1
    assert "no sidecar can be reached" in capsys.readouterr().err
