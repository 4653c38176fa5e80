"""`impel destinations replay`: what was given up in an outage is told to the service as history."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from adapters.commands import replay as command
from adapters.web import replay as route
from tests.adapters.running import Sidecar, running, write_config
from tests.simulators.base import served
from tests.simulators.klaviyo import Klaviyo

SETTINGS = """
destinations:
  news: {kind: klaviyo, key: {env: KEY}, url: URL, poll: "off"}
  kept: {kind: memory}
"""
TRIGGERS = "triggers: {left: {when: cart, send: reminder}, kept: {when: order, send: thanks}}"
MESSAGES = {
    "reminder": """
destination: news
data:
  metric: Cart Abandoned
  profile: {email: "{{ profile.email }}"}
  properties: {cart_id: "{{ event.cart_id }}"}
""",
    "thanks": "destination: kept\ndata: {}\n",
}


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times: list[float] = []
    monkeypatch.setenv("KEY", "pk_1")
    monkeypatch.setattr(time, "sleep", times.append)
    monkeypatch.setattr(route, "_PAGE", 4)
    return times


@asynccontextmanager
async def outage(folder: Path, people: int) -> AsyncIterator[tuple[Sidecar, Klaviyo, Path]]:
    """A shop whose service has refused a reminder to each of some people, and answers again."""
    service = Klaviyo()
    async with served(service) as url:
        config = write_config(folder, SETTINGS.replace("URL", url), TRIGGERS, MESSAGES)
        async with running(folder, config=config) as sidecar:
            service.faults.extend(["400"] * people)
            batch: list[dict[str, Any]] = []
            for number in range(people):
                who = {"userId": f"u{number}"}
                batch.append({"type": "identify", "traits": {"email": f"u{number}@shop.example"}, **who})
                batch.append({"type": "track", "event": "cart", "properties": {"cart_id": f"c{number}"}, **who})
            assert (await sidecar.client.post("/v1/batch", json={"batch": batch})).is_success
            await sidecar.service.outbox.rested()
            assert len(service.asked) == people
            assert service.effects == []
            yield sidecar, service, config


async def ask(sidecar: Sidecar, config: Path, name: str = "news", **options: Any) -> int:
    work = partial(command.replay, name, config=config, url=sidecar.url, **{"since": "1h", **options})
    return await trio.to_thread.run_sync(work)


async def test_what_was_given_up_is_told_as_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with outage(tmp_path, 11) as (sidecar, service, config):
        assert await ask(sidecar, config, dry_run=True) == 0
        assert "11 would be told, 0 left out" in capsys.readouterr().out
        assert service.effects == []
        assert await ask(sidecar, config) == 0
        assert "11 told, 0 left out" in capsys.readouterr().out
        assert [str(each) for each in service.broken] == []
        assert sorted(each["properties"]["cart_id"] for each in service.effects) == sorted(f"c{n}" for n in range(11))
        assert service.flows == []
        assert await ask(sidecar, config) == 0
        assert len(service.effects) == 11, "none is recorded twice"


async def test_only_what_was_asked_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with outage(tmp_path, 3) as (sidecar, service, config):
        for options in ({"state": ("accepted",)}, {"since": "2h", "until": "1h"}):
            assert await ask(sidecar, config, **options) == 0
            assert "0 told, 0 left out" in capsys.readouterr().out
        assert await ask(sidecar, config, since="1h", until="2h") == 1
        assert service.effects == []


async def test_what_cannot_be_told_is_listed_and_the_rest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with outage(tmp_path, 5) as (sidecar, service, config):
        suppressed = {"suppressions": [{"address": "u3@shop.example", "why": "complained"}]}
        said = await sidecar.stranger.post("/v1/suppressions", json=suppressed, headers=sidecar.admin)
        assert said.is_success
        assert await ask(sidecar, config) == 1
        shown = capsys.readouterr()
        assert "4 told, 1 left out" in shown.out
        assert "to u3: suppression: the address is suppressed (complained" in " ".join(shown.err.split())
        assert len(service.effects) == 4


async def test_it_waits_for_a_service_that_asks_for_it_and_gives_up_in_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slept: list[float]
) -> None:
    async with outage(tmp_path, 3) as (sidecar, service, config):
        service.faults.extend(["429 in 7 s", "429 in 7 s"])
        assert await ask(sidecar, config) == 0
        assert slept == [7, 7]
        service.faults.extend(["401"] * 20)
        assert await ask(sidecar, config) == 1
        assert "`news` cannot be told now: answered 401" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [("kept", "whatever it is told, it sends"), ("New", "there is no destination `New`; did you mean `news`?")],
)
async def test_what_cannot_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str) -> None:
    async with outage(tmp_path, 0) as (sidecar, _, config):
        assert await ask(sidecar, config, name) == 1
        assert told in " ".join(capsys.readouterr().err.split())


async def test_who_may_ask_and_how(tmp_path: Path) -> None:
    async with outage(tmp_path, 0) as (sidecar, _, _):
        path = "/admin/destinations/news/replay"
        assert (await sidecar.client.post(path, json={})).status_code == 401
        for wrong in ({}, {"since": 1, "until": 2, "states": ["dropped"]}, {"since": "x", "until": 2, "states": []}):
            answer = await sidecar.stranger.post(path, json=wrong, headers=sidecar.admin)
            assert answer.status_code == 400
            assert "the body cannot be read: " in answer.json()["error"]


def test_a_time_is_a_duration_or_an_instant() -> None:
    now = 1_795_428_000_000
    assert command._millis("2d", now) == now - 2 * 86_400_000  # noqa: SLF001
    assert command._millis("2026-11-23T10:00Z", now) == now  # noqa: SLF001
    with pytest.raises(ValueError, match="is not ISO 8601"):
        command._millis("yesterday", now)  # noqa: SLF001
