"""Messages and questions share what the account allows: HubSpot, at a hundred requests in ten seconds."""

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build
from adapters.feedback.polling import Poller
from engine.core.sending.policy import Policy
from engine.runtime.outbox import Outbox
from tests.adapters.services.hubspot import EVENTS, KEYS
from tests.adapters.services.test_outage import Saying
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Quiet
from tests.runtime.test_outbox import PROGRAM, context, firing
from tests.simulators.base import Direct
from tests.simulators.hubspot import Hubspot

MESSAGES, POLLS = 300, 6


async def test_questions_amid_messages_stay_within_the_rate(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    simulator, desk = Hubspot(), FakeDesk(PROGRAM)
    people = [f"p{number}@shop.example" for number in range(100)]
    async with build("there", EVENTS.settings("http://there.example"), Direct(simulator)) as destination:
        assert isinstance(destination, Poller)
        outbox = Outbox(
            {"there": destination},
            Saying(EVENTS.data),
            Policy(),
            context=context,
            desk=desk,
            find=desk.find,
            telemetry=Quiet(),
        )
        monkeypatch.setattr(destination, "turn", outbox.account("there").attempt)
        for number in range(MESSAGES):
            fired, name = firing("hello", at=desk.now()), f"k:u{number}"
            desk.make_due(name, fired)
            outbox.admit(outbox.make(name, fired, desk.now(), ""))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.run)
            cursor = ""
            for _ in range(POLLS):
                polled = await destination.poll(cursor, people, 1_795_428_000_000)
                assert polled.problem is None
                cursor = polled.cursor
            while outbox.waiting:  # noqa: ASYNC110 - time is virtual
                await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert len(simulator.effects) == MESSAGES
    asked = [asked for asked in simulator.asked if asked.method == "GET"]
    assert len(asked) == POLLS + len(people)
    assert [str(each) for each in simulator.broken] == []
    assert trio.current_time() < 2 * (MESSAGES + len(asked)) / 9, "neither waits for the other to be through"
