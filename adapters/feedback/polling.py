"""What is asked of services that do not tell by themselves, and what two of them share: windows, and rounds.

Theory of operation. What happened is asked for by windows of time, one after another without a gap, so that each thing
is told once. A service may show something late; so a window begins a little before the end of the one before it, and
what is told again by that is recognised by its id. That holds for 24 hours (`engine.core.repeats`): after a longer time
without a question windows do not overlap, and where nobody knows how far the service has told, the first goes back for
less than that.

Where a service is asked about one address after another, it goes in rounds, in the order of the addresses, a few at a
time. All of a round are asked about the window that ends when the round begins; so the place in the round is all that
must be remembered, whoever comes and goes meanwhile.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec
from msgspec.structs import replace

from adapters.feedback.report import Report
from adapters.sources.instants import BadInstant, instant
from engine.core.events import Millis
from engine.core.repeats import REMEMBERED
from engine.runtime.ports import DeliveryError, Rejected

OVERLAP: Millis = 30 * 60_000
"""For so long a service may keep to itself what has happened."""

_HOUR: Millis = 3_600_000
_FIRST = REMEMBERED - 2 * _HOUR
_LATEST = REMEMBERED - _HOUR

_Kind = TypeVar("_Kind")


class Polled(NamedTuple):
    """What a service told when it was asked."""

    reports: Sequence[Report]
    cursor: str
    """With what to ask the next time."""
    problem: DeliveryError | None = None
    """Why not all could be asked for that was to be; the rest is told when it is asked with the cursor."""


@runtime_checkable
class Poller(Protocol):
    """A way out through a service that can be asked what happened to messages, or who is not to be written to."""

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """What has happened since `cursor` was given, empty for the first time; what was told before may come again.

        `mailed` are the addresses that were lately sent something through this destination, the latest first.

        Raises:
            Unavailable, Rejected: as `Service.ask` does; to be asked again with the same cursor.

        """


def read_cursor(cursor: str, kind: type[_Kind]) -> _Kind:
    """What a cursor says; one that is empty, or cannot be read, says what the first says."""
    try:
        return msgspec.json.decode(cursor, type=kind)
    except msgspec.DecodeError:
        return kind()


def write_cursor(said: msgspec.Struct) -> str:
    """What `read_cursor` reads."""
    return msgspec.json.encode(said).decode()


def when(said: object) -> Millis:
    """An instant as a service writes it, ISO 8601 or milliseconds; 0 where it is none."""
    try:
        return instant(said, "at")
    except BadInstant:
        return 0


def objects(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list that an answer has under a name."""
    found = said.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def first(now: Millis) -> Millis:
    """From when on to ask where nobody knows how far a service has told."""
    return now - _FIRST


def overlapping(since: Millis, now: Millis) -> Millis:
    """From when on to ask, so that nothing is missed which was shown late, and nothing is told twice unrecognised."""
    return since - OVERLAP if now - since < _LATEST else since


class Round(msgspec.Struct, frozen=True):
    """How far a round has got."""

    since: Millis = 0
    """When the round before began; 0: there was none, and it is not said either from when on to ask."""
    began: Millis = 0
    after: str = ""
    """The address that was asked about last."""
    over: bool = True

    def going_on(self, now: Millis, every: Millis = 0) -> "Round":
        """This one, or, if it is over and has begun so long ago, the next."""
        if not self.over or now - self.began < every:
            return self
        return Round(self.began or self.since or first(now), now, over=False)


Ask = Callable[[str, Round], Awaitable[Sequence[Report]]]
"""Asks about one address, in a round."""

Question = Callable[[str, Mapping[str, str | int]], Awaitable[Mapping[str, Any]]]
"""Asks for what is at an address of the service, with a query; raises as calls do."""


async def ask_each(
    mailed: Sequence[str], before: Round, most: int, ask: Ask, *, now: Millis, every: Millis = 0
) -> tuple[list[Report], Round, DeliveryError | None]:
    """Go on with a round by up to so many addresses, or begin the next.

    Gives what was told, how far it got, and why no further. A round in which nobody was asked about has not begun. An
    address that the service refuses to be asked about holds up no other.
    """
    reports: list[Report] = []
    progress = before.going_on(now, every)
    if progress.over:
        return reports, before, None
    left = sorted(address for address in mailed if address > progress.after)
    if not left and not progress.after:
        return reports, before, None
    refused: list[Rejected] = []
    for address in left[:most]:
        try:
            reports += await ask(address, progress)
        except Rejected as problem:
            refused.append(problem)
        except DeliveryError as problem:
            unbegun = replace(before, since=before.since or progress.since)
            return reports, progress if progress.after else unbegun, problem
        progress = replace(progress, after=address)
    all_refused = refused and len(refused) == len(left[:most])
    return reports, replace(progress, over=len(left) <= most), refused[0] if all_refused else None
