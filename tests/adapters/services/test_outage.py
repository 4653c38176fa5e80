"""Ten minutes without an answer while messages wait: all leave afterwards, each once, within the rate."""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build
from engine.core.sending.policy import Policy
from engine.runtime.outbox import Outbox
from tests.adapters.services.vendor import Vendor
from tests.adapters.services.vendors import KEYS, VENDORS
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Plain, Quiet
from tests.runtime.test_outbox import PROGRAM, context, firing
from tests.simulators.base import Direct

NUMBER = int(os.environ.get("IMPEL_OUTAGE_MESSAGES", "300"))
"""`make outage` plays it with the ten thousand."""

OUTAGE = 600
"""Seconds."""


class Saying(Plain):
    """A renderer that says the same of everybody."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__("hello")
        self._data = data

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        super().render(message, context)
        return self._data


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
async def test_all_leave_after_an_outage(
    vendor: Vendor, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    simulator, desk = vendor.simulator(), FakeDesk(PROGRAM)
    began = trio.current_time()
    answer = simulator.answer

    async def out_of_order(asked: Any) -> Any:
        if trio.current_time() < began + OUTAGE:
            return simulator.fail("503")
        return await answer(asked)

    monkeypatch.setattr(simulator, "answer", out_of_order)
    async with build(vendor.name, vendor.settings("http://there.example"), Direct(simulator)) as destination:
        outbox = Outbox(
            {"there": destination},
            Saying(vendor.data),
            Policy(),
            context=context,
            desk=desk,
            find=desk.find,
            telemetry=Quiet(),
            dice=lambda: 0.5,
        )
        for number in range(NUMBER):
            fired, name = firing("hello", at=desk.now()), f"k:u{number}"
            desk.make_due(name, fired)
            outbox.admit(outbox.make(name, fired, desk.now(), ""))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.run)
            while outbox.waiting:  # noqa: ASYNC110 - time is virtual
                await trio.sleep(60)
            nursery.cancel_scope.cancel()
    states = Counter(dispatch.state for dispatch in desk.known.values())
    assert states == {"accepted": NUMBER}
    assert len(simulator.effects) == NUMBER
    assert [str(each) for each in simulator.broken] == [], "it kept within the limits"
