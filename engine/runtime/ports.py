"""What the runtime asks of the world outside: ports, which adapters fill.

A destination tells three kinds of failure apart, because they ask for different things: `Rejected` (definite: do not
try again), `Unavailable` (definite: nothing was sent, try later) and `Unclear` (nobody knows whether it was sent).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from engine.core.events import Millis
from engine.core.sending.suppression import Suppressed
from engine.runtime.census import Seen
from engine.runtime.records import (
    Batch,
    Count,
    Counted,
    Dispatch,
    DispatchState,
    Entry,
    Kept,
    Mark,
    Person,
    Published,
    Version,
)

DAY: Millis = 86_400_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One rendered message on its way to one person."""

    id: str
    """Idempotency key: the same message has the same id at every attempt."""
    trigger: str
    user: str
    at: Millis
    """When its trigger fired."""
    message: str
    data: Mapping[str, Any]
    """The rendered fields of the message, as its destination wants them (for mail: to, subject, html, text)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the account at a destination allows."""

    concurrency: int = 4
    """Attempts at a time."""
    rate: float = 0
    """Attempts a second; 0: as many as come."""
    burst: int = 10
    """How many may go at once after a rest, where there is a rate."""
    account: str = ""
    """Destinations of one account share what it allows: of what they say, the least. Empty: it has this one only."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How a call behaves when an attempt does not succeed."""

    attempts: int = 5
    """How often a message is attempted, not counting attempts that failed for the whole account."""
    first_pause: float = 1.0
    """Seconds; pauses double, with full jitter."""
    longest_pause: float = 300.0
    """Seconds."""
    patience: Millis = DAY
    """How long after the first attempt another one may begin."""
    remembers: Millis = 0
    """For how long the other side recognises an idempotency key, so that a second delivery has no effect; 0: it does
    not, and a message that may have been sent is never sent again."""


class Destination(Protocol):
    """A way out."""

    @property
    def pace(self) -> Pace:
        """What the account allows."""

    def retries(self, message: str, /) -> Retries:
        """How the call for a message behaves."""

    async def send(self, delivery: Delivery, /) -> None:
        """Hand one message over.

        Raises:
            Rejected: the destination refused it for good.
            Unavailable: nothing was sent; try again, not before `retry_after` seconds where it says so.
            Unclear: it may or may not have been sent.

        """


class Turns(Protocol):
    """What an account allows, as those see it who have a request to make."""

    def attempt(self) -> AbstractAsyncContextManager[None]:
        """An attempt, which begins when the account allows it."""


@runtime_checkable
class Chronicle(Protocol):
    """A way out that can be told of messages of the past too, for the record: nothing is sent upon that."""

    def checked(self, delivery: Delivery, /) -> object:
        """See that it can be told of a message.

        Raises:
            Rejected: it cannot, for what the message says.

        """

    async def record(self, deliveries: Sequence[Delivery], account: Turns, /) -> Mapping[str, str]:
        """Tell it of messages; what it knows already it does not record twice.

        Returns:
            The ids of those that it refused, and why.

        Raises:
            Unavailable: some may not have been told of; tell them again later.
            Unclear: the same.

        """


class DeliveryError(Exception):
    """A message could not be handed over; the text says why, without personal data."""


class Rejected(DeliveryError):
    """Refused for good: do not try again."""


class Unavailable(DeliveryError):
    """Nothing was sent; it may be tried again."""

    def __init__(self, reason: str, retry_after: float | None = None, *, account: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds to wait as the destination asked, None where it did not say."""
        self.account = account
        """Whether every message to this destination would fare the same, and not only this one."""


class Unclear(DeliveryError):
    """The answer was lost: it may have been sent."""


class Renderer(Protocol):
    """Makes the fields of a message out of what is known about the person now."""

    @property
    def names(self) -> frozenset[str]:
        """All messages there are."""

    def destination_of(self, name: str) -> str:
        """The destination by which a message leaves."""

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Render `message` with what `engine.runtime.context` tells, and the `id` of the message.

        Raises:
            Rejected: the template fails; the text says where and why.

        """


class StoreError(Exception):
    """The store cannot be read or written; the text says what, where and what to do."""


class Store(Protocol):
    """Keeps everything. Pages come in lists, for recovery to show how far it is."""

    async def mark(self) -> Mark:
        """How far the store had got when it was opened; zeros for a new one."""

    async def write(self, batch: Batch) -> None:
        """Write all of it in one transaction: durable when this returns, and otherwise nothing of it.

        Raises:
            StoreError: it could not be written, for good: the process must not go on deciding.

        """

    async def load(self, name: str) -> Kept | None:
        """What is kept of a user; None where nothing is.

        Raises:
            StoreError: it cannot be read, or is damaged.

        """

    def versions(self) -> AsyncIterator[list[Version]]:
        """All versions of the trigger files that are kept, oldest first."""

    def links(self) -> AsyncIterator[list[tuple[str, str]]]:
        """All ids, each with the id that it leads to."""

    def linked(self) -> AsyncIterator[list[tuple[int, Millis]]]:
        """Hashes of the ids of messages that linked ids, and when, oldest first."""

    def suppressions(self) -> AsyncIterator[list[tuple[str, Suppressed]]]:
        """All addresses that are suppressed, one for each channel and list."""

    def journal(self) -> AsyncIterator[list[Entry]]:
        """The entries that are kept, in the order in which they were written; some may be saved already."""

    def people(self) -> AsyncIterator[list[Person]]:
        """All users who are kept."""

    def unended(self) -> AsyncIterator[list[Dispatch]]:
        """The messages that are not ended, in the order in which they were decided."""

    async def behind(self, version: int, after: str, limit: int) -> list[str]:
        """Up to `limit` users who have not taken up `version`, in the order of their names, those after `after`."""

    async def counts(self) -> list[Count]:
        """All that was counted."""

    async def events(self) -> list[Seen]:
        """What events there are, as `engine.runtime.census` counts them."""

    async def dispatch(self, dispatch_id: str) -> Dispatch | None:
        """A message, by its id."""

    async def dispatches(
        self, *, states: Collection[DispatchState] = (), name: str = "", limit: int = 100
    ) -> list[Dispatch]:
        """Messages, the latest change first; those in some states, or of one user, if given."""

    async def accepted_for(self, address: str, destination: str, since: Millis, until: Millis) -> Dispatch | None:
        """The message that a destination accepted last for an address, as addresses are compared, between two instants.

        None where there is none, or where it was handed over by a version that kept no address of it.
        """

    async def mailed(self, destination: str, since: Millis, limit: int) -> list[str]:
        """The addresses of the latest messages, up to `limit`, that a destination has accepted; the latest first."""

    async def cursor(self, name: str) -> str:
        """How far the one of that name, who is asked, has told; empty where that is not known."""

    async def changed(self, after: tuple[Millis, str], limit: int) -> list[Dispatch]:
        """Messages in the order of their last change, then of their ids, after such an instant and id."""

    async def published(self, after: int, upto: int, limit: int) -> list[Published]:
        """Firings, and messages as they were last written, of the commits after one up to another, in their order.

        At least all of one commit, if there is any, and no further one that would make it more than `limit`.
        """

    async def pruned(self) -> int:
        """The latest commit of which something is let go that `published` would have given; 0: of none."""

    async def prune(self, before: Millis, retained: Millis, linked: Millis, passed: int) -> list[str]:
        """Let go of a little of what is too old; to be called again and again, never while something is written.

        Args:
            before: events that were saved before this instant.
            retained: decisions, ended messages and superseded versions that are older.
            linked: what is kept of messages that linked ids and is older.
            passed: number of a version before which no turn is ever taken again: what it superseded may go.

        Returns:
            Some visitors of whom nothing else is known and who were last seen before `before`; they may be forgotten.

        """


class Telemetry(Protocol):
    """Is told what happens, to count and to time it; never who."""

    def counted(self, counted: Counted, amount: float) -> None:
        """A trigger fired, a message of it was held or has ended, or something came of it."""

    def turns(self, seconds: float, number: int) -> None:
        """So many inputs were routed and, where their users were awake, decided upon, in so long together."""

    def committed(self, seconds: float, turns: int) -> None:
        """So many turns were made durable together, in so long."""

    def late(self, seconds: float) -> None:
        """A deadline was settled so long after its instant."""

    def sent(self, destination: str, seconds: float) -> None:
        """A message was accepted so long after its trigger fired."""
