"""Lists of who is not to be written to, which a service keeps for a whole account: read on from poll to poll.

Each list has a place of its own: the span of time whose entries are being read, and the page of them. A poll takes some
pages of each list. When a list is read to its end, the next span begins a little before the end of this one, for what
is entered late; what is told twice is recognised. A list that cannot be read keeps its place, and does not hold up the
others.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from adapters.feedback.polling import Polled
from adapters.feedback.report import Report
from engine.core.events import Millis
from engine.runtime.ports import DeliveryError, Rejected

PAGES = 20
"""Of a list, in one poll."""
LATE: Millis = 600_000
"""How much later than it happened something may be entered."""

_log = structlog.get_logger()


class Place(msgspec.Struct, frozen=True):
    """How far a list was read."""

    since: Millis = 0
    until: Millis = 0
    """0: as far as it goes when it is read next."""
    page: str = ""
    """As the service calls it; empty: the first."""


class Page(NamedTuple):
    """What stood on a page."""

    reports: Sequence[Report]
    following: str
    """The page after it; empty: there is none."""


Turn = Callable[[Place], Awaitable[Page]]
"""Reads the page at a place; raises as `Service.ask` does."""


async def read_on(lists: Mapping[str, Turn], cursor: str, now: Millis) -> Polled:
    """Read some pages of each list, from where a cursor has them.

    Raises:
        DeliveryError: nothing at all could be read; the first failure.

    """
    reading, failures = _Reading(_places(cursor), now), []
    for name, turn in lists.items():
        try:
            await reading.read(name, turn)
        except DeliveryError as failure:
            failures.append(failure)
            _log.warning("a list of who is not to be written to could not be read", list=name, reason=str(failure))
    if failures and not reading.moved:
        raise failures[0]
    return Polled(reading.reports, msgspec.json.encode(reading.places).decode())


class _Reading:
    """One poll."""

    def __init__(self, places: dict[str, Place], now: Millis) -> None:
        self.places = places
        self.reports: list[Report] = []
        self.moved = False
        self._now = now

    async def read(self, name: str, turn: Turn) -> None:
        place = self.places.get(name, Place())
        place = replace(place, until=place.until or self._now)
        for _ in range(PAGES):
            try:
                page = await turn(place)
            except Rejected:
                if place.page:  # which the service knows no more: the span is begun anew
                    self._move(name, replace(place, page=""))
                raise
            self.reports += [each for each in page.reports if each.address]
            if not page.following:
                self._move(name, Place(since=max(place.until - LATE, place.since)))
                return
            place = replace(place, page=page.following)
            self._move(name, place)

    def _move(self, name: str, place: Place) -> None:
        self.places[name], self.moved = place, True


def _places(cursor: str) -> dict[str, Place]:
    """The places that a cursor tells; of one that cannot be read, as of another version, none: all is read anew."""
    try:
        return msgspec.json.decode(cursor, type=dict[str, Place])
    except msgspec.DecodeError:
        return {}
