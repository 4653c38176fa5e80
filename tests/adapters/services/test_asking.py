"""Calls that send nothing and do no harm twice: what becomes of them is known, or they are to be made again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from adapters.destinations import build
from adapters.destinations.http import Answer
from adapters.destinations.service import Request, entries
from engine.runtime.ports import Unavailable
from tests.adapters.services import activecampaign, mailchimp, mandrill
from tests.adapters.services.test_contract import DELIVERY
from tests.adapters.services.vendor import Vendor
from tests.adapters.services.vendors import KEYS
from tests.simulators.base import Direct, Fault

THERE = "http://there.example"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


class Body(httpx.AsyncByteStream):
    """A body that comes in parts; after them, it goes on for ever or ends."""

    def __init__(self, *parts: bytes, ends: bool) -> None:
        self._parts = parts
        self._ends = ends

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        if not self._ends:
            await trio.sleep_forever()


async def asked(body: Body) -> Any:
    """What comes of a call whose answer has this body."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    async with build("m", mandrill.MAILS.settings(THERE), transport) as destination:
        answer = await destination.ask(Request(THERE, b"", {}))  # type: ignore[attr-defined]
        return answer.json


async def test_what_was_asked_for_is_read_whole_or_not_known(autojump_clock: MockClock) -> None:
    longer = b'["' + b"x" * (1 << 21), b'"]'
    (text,) = await asked(Body(*longer, ends=True))
    assert len(text) == 1 << 21
    with pytest.raises(Unavailable, match="no answer within 10 s"):
        await asked(Body(*longer, ends=False))
    with pytest.raises(Unavailable, match="not shorter than"):
        await asked(Body(*[b"x" * (1 << 22)] * 9, ends=True))


def test_a_list_that_is_none_is_not_taken_for_an_empty_one() -> None:
    assert entries([{"email": "a"}, 7]) == [{"email": "a"}, {}]
    for found in (b"", b"{}", b'"x"'):
        with pytest.raises(Unavailable):
            entries(Answer(200, {}, found).json)


UPDATED = replace(mailchimp.EVENTS, data={**mailchimp.EVENTS.data, "merge_fields": {"FNAME": "Ann"}})


@pytest.mark.parametrize("vendor", [UPDATED, activecampaign.ENROLMENTS], ids=lambda vendor: vendor.name)
@pytest.mark.parametrize(
    ("fault", "for_all", "pause"),
    [("429 in 7 s", True, 7), ("503", True, None), ("500", False, None), ("silence after", False, None)],
)
async def test_a_first_call_that_fails_leaves_nothing_unclear(
    vendor: Vendor, fault: Fault, pause: float | None, autojump_clock: MockClock, *, for_all: bool
) -> None:
    simulator = vendor.simulator()
    simulator.faults.append(fault)
    quick = msgspec.structs.replace(vendor.settings(THERE), timeout=1)
    async with build("there", quick, Direct(simulator)) as destination:
        with pytest.raises(Unavailable) as caught:
            await destination.send(replace(DELIVERY, data=vendor.data))
    assert (caught.value.account, caught.value.retry_after) == (for_all, pause)
    assert len(simulator.asked) == 1
    assert simulator.effects == []
