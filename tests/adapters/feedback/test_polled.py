"""From a message through a service that must be asked to its opening: told, attributed, and counted once."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio

from adapters.store.sqlite import FILE
from engine.runtime.journal import Journal
from tests.adapters.running import Sidecar, running, write_config
from tests.adapters.services.vendors import KEYS
from tests.adapters.test_sending import ask, become, ended
from tests.simulators.base import Simulator, served
from tests.simulators.hubspot import Hubspot
from tests.simulators.mailchimp import Mailchimp

ANN = "ann@shop.example"
TRIGGERS = "triggers: {now: {when: ask, send: hello}}"


@dataclass(frozen=True)
class Service:
    """How a service is set, what a message to it says, and how something comes to happen there."""

    simulator: Callable[[], Any]
    settings: str
    data: str
    opened: Callable[[Any], None]
    left: Callable[[Any], None]


MAILCHIMP = Service(
    Mailchimp,
    "{kind: mailchimp, key: {env: MAILCHIMP_KEY}, audience: l1, poll: 50ms, url: URL}",
    "{email: '{{ profile.email }}', event: asked}",
    lambda simulator: simulator.do(ANN, "open", time.time()),
    lambda simulator: simulator.leave(ANN, "unsubscribed", time.time()),
)
HUBSPOT = Service(
    Hubspot,
    "{kind: hubspot, token: {env: HUBSPOT_TOKEN}, poll: 50ms, url: URL}",
    "{email: '{{ profile.email }}', event: pe1234_cart_left}",
    lambda simulator: simulator.happen("OPEN", ANN, time.time()),
    lambda simulator: simulator.happen("STATUSCHANGE", ANN, time.time(), portalSubscriptionStatus="UNSUBSCRIBED"),
)

every = pytest.mark.parametrize("service", [MAILCHIMP, HUBSPOT], ids=["mailchimp", "hubspot"])


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def asking(service: Service, folder: Path, simulator: Simulator, rules: str = "") -> AsyncIterator[Sidecar]:
    """A sidecar that asks the service, and knows Ann; the same database every time."""
    async with served(simulator) as url:
        config = folder / "config"
        if not config.exists():
            write_config(folder, "", TRIGGERS, {"hello": f"destination: news\ndata: {service.data}\n"})
        (config / "impel.yaml").write_text(
            f"data: {folder / 'data'}\ndestinations:\n  news: {service.settings.replace('URL', url)}\n"
        )
        (config / "sending.yaml").write_text(rules)
        async with running(folder, config=config) as sidecar:
            await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": {"email": ANN}})
            yield sidecar


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    with trio.fail_after(10):
        while not holds():  # noqa: ASYNC110 - what it waits for tells nobody
            await trio.sleep(0.01)


async def polled(simulator: Simulator, times: int) -> None:
    """Wait until the service was asked so often from now on, and what it told has been taken."""
    wanted = _polls(simulator) + times + 2
    await until(lambda: _polls(simulator) >= wanted)


def _polls(simulator: Simulator) -> int:
    """How often it was asked; each time, Mailchimp is asked for two lists of members."""
    return sum(
        asked.path == "/email/public/v1/events" or asked.query.get("status") == "cleaned" for asked in simulator.asked
    )


async def opens(sidecar: Sidecar, number: int) -> list[dict[str, Any]]:
    """Ann's opens, once there are so many."""
    with trio.fail_after(10):
        while True:
            recent = (await sidecar.user("u")).json()["recent"]
            found = [each for each in recent if each["event"] == "Email Opened"]
            if len(found) >= number:
                return found
            await trio.sleep(0.01)


@every
async def test_an_open_belongs_to_its_message_and_counts_once_whatever_is_told_again(
    service: Service, tmp_path: Path
) -> None:
    simulator = service.simulator()
    async with asking(service, tmp_path, simulator) as sidecar:
        await ask(sidecar)
        (sent,) = await ended(sidecar, 1)
        assert sent["state"] == "accepted"
        service.opened(simulator)
        (opened,) = await opens(sidecar, 1)
        assert opened["properties"] == {"impel_id": sent["id"], "destination": "news"}
        await polled(simulator, 4)
        assert len(await opens(sidecar, 1)) == 1
    with apsw.Connection(str(tmp_path / "data" / FILE)) as database:
        assert list(database.execute("DELETE FROM cursors RETURNING name")) != []
    async with asking(service, tmp_path, simulator) as sidecar:
        await polled(simulator, 4)
        assert len(await opens(sidecar, 1)) == 1
        (arm,) = (await sidecar.stranger.get("/v1/triggers/now/stats", headers=sidecar.admin)).json()["arms"]
        assert [arm[name] for name in ("fired", "accepted", "opened", "clicked")] == [1, 1, 1, 0]
    assert [str(each) for each in simulator.broken] == []


@every
async def test_a_process_that_ends_before_it_remembers_counts_an_open_once(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = service.simulator()

    def die(*_: object) -> None:
        raise KeyError("here the process ends")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "remember", die)
        async with asking(service, tmp_path, simulator) as sidecar:
            await ask(sidecar)
            await ended(sidecar, 1)
            service.opened(simulator)
            await opens(sidecar, 1)
    async with asking(service, tmp_path, simulator) as sidecar:
        await polled(simulator, 2)
        assert len(await opens(sidecar, 1)) == 1


@every
async def test_who_leaves_gets_no_more_of_what_is_due(service: Service, tmp_path: Path) -> None:
    simulator = service.simulator()
    async with asking(service, tmp_path, simulator, rules="caps: [1 per 1d]") as sidecar:
        for _ in range(2):
            await ask(sidecar)
        await become(sidecar, ["accepted", "held"])
        service.left(simulator)
        await until(lambda: ANN in sidecar.service.addresses.marks)
        (tmp_path / "config" / "sending.yaml").write_text("caps: []\n")
        assert (await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)).is_success
        await become(sidecar, ["accepted", "dropped"])
        (_, dropped) = await ended(sidecar, 2)
        assert (dropped["gate"], "unsubscribed" in dropped["reason"]) == ("suppression", True)
        assert ANN not in dropped["reason"]
        assert len(simulator.effects) == 1


@every
async def test_a_service_that_cannot_be_asked_holds_up_nothing(service: Service, tmp_path: Path) -> None:
    simulator = service.simulator()
    simulator.faults.append("401")
    async with asking(service, tmp_path, simulator) as sidecar:
        await polled(simulator, 2)
        page = (await sidecar.stranger.get("/metrics")).text
        assert 'impel_asked_total{destination="news",outcome="failed"} 1.0' in page
        assert 'impel_asked_total{destination="news",outcome="ok"}' in page
        await ask(sidecar)
        assert [each["state"] for each in await ended(sidecar, 1)] == ["accepted"]


async def test_a_service_that_is_not_to_be_asked_is_not(tmp_path: Path) -> None:
    simulator = Mailchimp()
    quiet = Service(Mailchimp, MAILCHIMP.settings.replace("50ms", "off"), MAILCHIMP.data, print, print)
    async with asking(quiet, tmp_path, simulator) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
        assert [asked.method for asked in simulator.asked] == ["POST"]
        assert "impel_asked_total{" not in (await sidecar.stranger.get("/metrics")).text
