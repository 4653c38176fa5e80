"""How Klaviyo is told what is past: in bulk, marked `backfill`, so that it is recorded and starts no flow.

`POST /api/event-bulk-create-jobs` takes 1,000 events or 5 MB. Where one of them repeats a `unique_id` of its profile
and metric, the request fails as a whole, and so it does for whatever else is wrong with one. So what is in a request
that was refused, or of which nobody knows how it ended, is told one by one by `POST /api/events`, which records of
events with one `unique_id` only the first and says of each what is wrong with it. (Reference of the Events API,
revision 2026-07-15.)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import trio

from adapters.destinations.klaviyo_events import entry, single, together
from adapters.destinations.service import Request, Service
from engine.runtime.account import Account
from engine.runtime.ports import Delivery, Pace, Rejected, Turns, Unavailable, Unclear

_MOST = 1_000
_BYTES = 5_000_000 - 200
"""Of the events in a request, which has a few more around them."""
_BURST = 7
_PACE = Pace(concurrency=1, rate=(150 - _BURST) / 60, burst=_BURST)
"""10 requests a second and 150 a minute, for an account: what may go at once counts in both."""

_SINGLY = 4
"""Requests at a time, of those for one event each: what is sent to people goes between them."""


class _Entry(NamedTuple):
    delivery: Delivery
    written: bytes


class History:
    """Tells one account what is past."""

    def __init__(self, service: Service, base: str) -> None:
        self._service = service
        self._single = f"{base}/api/events"
        self._bulk = f"{base}/api/event-bulk-create-jobs"
        self._account = Account([_PACE])

    async def record(self, deliveries: Sequence[Delivery], account: Turns) -> dict[str, str]:
        """Tell of messages; gives the ids of those that were refused, and why.

        Requests for one event take turns of `account`; those for many have a rate of their own.

        Raises:
            Unavailable: some may not have been told of; they may all be told again later.
            Unclear: the same.

        """
        entries, refused = dict[str, _Entry](), dict[str, str]()
        for delivery in deliveries:
            try:
                entries[delivery.id] = _Entry(delivery, entry(delivery))
            except Rejected as problem:
                refused[delivery.id] = str(problem)
        for batch in _batches(entries):
            if len(batch) == 1 or not await self._told_together(batch):
                refused |= await self._tell_singly([each.delivery for each in batch], account)
        return refused

    async def _told_together(self, batch: Sequence[_Entry]) -> bool:
        request = Request(self._bulk, together([each.written for each in batch]), {})
        async with self._account.attempt():
            try:
                await self._service.make(request)
            except (Rejected, Unclear):
                return False
        return True

    async def _tell_singly(self, batch: Sequence[Delivery], account: Turns) -> dict[str, str]:
        refused, failed, waiting = dict[str, str](), list[Unavailable | Unclear](), iter(batch)

        async def work() -> None:
            for delivery in waiting:
                if failed:
                    return
                try:
                    async with account.attempt():
                        await self._service.make(Request(self._single, single(delivery, past=True), {}))
                except Rejected as problem:
                    refused[delivery.id] = str(problem)
                except (Unavailable, Unclear) as problem:
                    failed.append(problem)

        async with trio.open_nursery() as nursery:
            for _ in range(_SINGLY):
                nursery.start_soon(work)
        if failed:
            raise failed[0]
        return refused


def _batches(entries: Mapping[str, _Entry]) -> Iterator[list[_Entry]]:
    """In order, so many together as fit into a request; what is too large for any comes alone."""
    batch, size = list[_Entry](), 0
    for each in entries.values():
        length = len(each.written) + 1
        if batch and (len(batch) == _MOST or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    if batch:
        yield batch
