"""An audience of Mailchimp: who is in it is brought up to date, and nobody is subscribed who has not asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_timeout

from adapters.destinations import build
from adapters.secrets import SecretError
from engine.runtime.ports import Destination, Rejected, Unavailable
from tests.adapters.services.mailchimp import EVENTS, KEYS, settings
from tests.adapters.services.test_contract import DELIVERY
from tests.simulators.base import Mutating, served
from tests.simulators.mailchimp import Mailchimp, hashed

MESSAGE = {"email": "bob@shop.example", "event": "cart_left", "merge_fields": {"FNAME": "Bob"}}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def at(seconds: float = 10) -> AsyncIterator[tuple[Destination, Mailchimp]]:
    simulator = Mailchimp()
    async with served(simulator) as url, build("m", replace_timeout(settings(url), timeout=seconds)) as destination:
        yield destination, simulator


async def test_who_has_left_stays_away() -> None:
    async with at() as (destination, simulator):
        await destination.send(replace(DELIVERY, data=MESSAGE))
        assert simulator.members[hashed("bob@shop.example")] == "unsubscribed"
        assert simulator.merged == {hashed("bob@shop.example"): {"FNAME": "Bob"}}
        assert len(simulator.effects) == 1


async def test_who_is_new_is_not_subscribed() -> None:
    async with at() as (destination, simulator):
        await destination.send(replace(DELIVERY, data=MESSAGE | {"email": "new@shop.example"}))
        assert simulator.members[hashed("new@shop.example")] == "transactional"


async def test_who_is_not_in_the_audience_is_a_definite_refusal() -> None:
    async with at() as (destination, _):
        with pytest.raises(Rejected, match="not in the audience"):
            await destination.send(replace(DELIVERY, data={**EVENTS.data, "email": "stranger@shop.example"}))


async def test_to_say_status_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at() as (destination, simulator):
        client = destination.caller._client  # type: ignore[attr-defined]  # noqa: SLF001 - it is to be broken
        change = lambda parts: parts.edit(lambda body: body.update(status="subscribed"))  # noqa: E731
        monkeypatch.setattr(client, "_transport", Mutating(client._transport, change))  # noqa: SLF001
        with pytest.raises(Rejected):
            await destination.send(replace(DELIVERY, data=MESSAGE))
        assert [str(each).partition(",")[0] for each in simulator.broken] == ["an update does not say `status`"]
        assert simulator.members[hashed("bob@shop.example")] == "unsubscribed"


@pytest.mark.parametrize(("fault", "kind"), [("500", Unavailable), ("429", Unavailable), ("400", Rejected)])
async def test_where_the_first_of_two_calls_fails_nothing_was_sent(fault: str, kind: type[Exception]) -> None:
    async with at() as (destination, simulator):
        simulator.faults.append(fault)  # type: ignore[arg-type]
        with pytest.raises(kind):
            await destination.send(replace(DELIVERY, data=MESSAGE))
        assert simulator.effects == []
        assert len(simulator.asked) == 1


async def test_an_answer_to_the_first_that_is_lost_leaves_nothing_unclear() -> None:
    async with at(0.4) as (destination, simulator):
        simulator.faults.append("silence after")
        with pytest.raises(Unavailable):
            await destination.send(replace(DELIVERY, data=MESSAGE))
        assert simulator.effects == []


async def test_a_key_without_a_data_centre_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCHIMP_KEY", "nodash")
    with pytest.raises(SecretError, match="data centre"):
        async with build("m", settings("")):
            pass
