"""Two destinations of one account keep within its rate together."""

from typing import Any

import trio
from trio.testing import MockClock

from adapters.destinations.memory import Memory
from engine.core.sending.policy import Policy
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Pace
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Plain, Quiet
from tests.runtime.test_outbox import PROGRAM, context, firing


class Two(Plain):
    """Each of two messages goes its own way."""

    def destination_of(self, name: str) -> str:
        return {"hello": "one", "again": "other"}[name]


async def seconds_for(number: int, account: str) -> float:
    """How long so many firings of two messages take, at one message a second."""
    desk, ways = FakeDesk(PROGRAM), {name: Memory() for name in ("one", "other")}
    for way in ways.values():
        way.pace = Pace(concurrency=4, rate=1, burst=1, account=account)
    more: dict[str, Any] = {"context": context, "desk": desk, "find": desk.find, "telemetry": Quiet()}
    outbox = Outbox(ways, Two("hello", "again"), Policy(), **more)
    for each in range(number):
        fired = firing("hello", "again", at=desk.now())
        desk.make_due(f"k:u{each}", fired)
        outbox.admit(outbox.make(f"k:u{each}", fired, desk.now(), ""))
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        while outbox.waiting:  # noqa: ASYNC110 - time is virtual
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    return trio.current_time() - began


async def test_one_account_has_one_rate(autojump_clock: MockClock) -> None:
    assert 9 <= await seconds_for(5, "shop") <= 10.5
    assert 4 <= await seconds_for(5, "") <= 5.5
