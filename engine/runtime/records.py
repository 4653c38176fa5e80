"""What the runtime has written down: the values that cross the store's port, all of them immutable but the batch.

A *batch* is one transaction. It holds the turns that were taken since the one before, with all that came of them, so
that what is on disk is always the world between two turns: never an input without its decisions, nor the reverse.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from engine.core.decisions import Firing
from engine.core.events import Input, Millis
from engine.core.sending.suppression import Suppressed

DispatchState = Literal["due", "held", "sending", "accepted", "unconfirmed", "failed", "dropped"]

ENDED: frozenset[DispatchState] = frozenset({"accepted", "unconfirmed", "failed", "dropped"})
"""The states in which a message is not attempted by itself any more."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One turn of one user, as the journal keeps it: taken again in the same order, turns lead to the same state."""

    number: int
    """In the order of arrival over all users; of one user's turns, ascending."""
    name: str
    """Canonical id of the user."""
    now: Millis
    item: Input | None
    """None: a deadline was reached, or new trigger files were taken up."""
    horizon: Millis
    """The user's, after the turn."""
    absorbed: str = ""
    """Canonical id of the user who entered this one's timeline. Such a turn is never taken again from the journal, for
    its batch also holds the user as they are after it."""


class Save(NamedTuple):
    """A user as of their turn `number`, to be kept in place of what is kept of them."""

    name: str
    number: int
    version: int
    """Number of the version of the trigger files that the user has taken up."""
    horizon: Millis
    touched: Millis
    """When the last step was."""
    state: bytes
    chunk: bytes
    """Events to be kept beside those kept already; empty if there are none."""
    whole: bool
    """The chunk is all there is: those before it go."""
    bare: bool
    """An anonymous visitor of whom nothing but events is known, and who may be forgotten when these are."""


class Kept(NamedTuple):
    """What is kept of a user."""

    number: int
    version: int
    state: bytes
    chunks: tuple[bytes, ...]
    """In the order in which they were saved."""


class Person(NamedTuple):
    """A user who is kept, for the agenda."""

    name: str
    number: int
    horizon: Millis


class Version(msgspec.Struct, frozen=True):
    """A set of trigger, segment and message files that was in force from `at` on."""

    number: int
    at: Millis
    digest: str
    """Of the content, hexadecimal."""
    content: bytes


class Counted(NamedTuple):
    """What is counted, by variant of a version of a trigger."""

    trigger: str
    version: str
    variant: str
    """`holdout` for people who are held out, whatever variant they have."""
    what: str
    """`fired`, `exposed`, `held`, a state in which a message ends, `delivered`, `opened`, `clicked`, `converted`, or
    `revenue`, which is an amount."""
    gate: str = ""
    """Which gate of release held the message, or dropped it."""


class Count(NamedTuple):
    """How often something was counted, since when."""

    of: Counted
    amount: float
    since: Millis
    """When it was for the first time."""


class Violation(NamedTuple):
    """Where an event does not keep to the schema of its name."""

    event: str
    path: str
    """Of the value in the properties; empty for all of them."""
    keyword: str
    """Of the schema, such as `required`."""


class Dispatch(msgspec.Struct, frozen=True):
    """One message on its way, or what became of it. It changes by being replaced."""

    id: str
    """Idempotency key."""
    name: str
    """Canonical id of the user when it was decided."""
    message: str
    destination: str
    firing: Firing
    state: DispatchState = "due"
    reason: str = ""
    """Why it is in this state, without personal data; empty where that needs no reason."""
    attempts: int = 0
    begun: Millis | None = None
    """When the first attempt began."""
    doubtful: bool = False
    """Whether an attempt may have succeeded though nobody knows."""
    due: Millis = 0
    """Not attempted before this instant."""
    changed: Millis = 0
    """When it came into this state."""
    gate: str = ""
    """The gate of release that holds it, or dropped it."""
    held: tuple[str, ...] = ()
    """The gates that have held it so far."""
    arm: str = ""
    """The arm of its trigger under which it counts, as its firing does, whichever gate it ends at."""
    address: str = ""
    """The address that it was handed over for, as addresses are compared; empty before, and where it names none."""


def of(dispatch: Dispatch, what: str) -> Counted:
    """What is counted of a message."""
    firing = dispatch.firing
    return Counted(firing.trigger, firing.version, dispatch.arm, what, dispatch.gate)


class Decision(NamedTuple):
    """A firing, with what is needed to find it and to explain it."""

    name: str
    """Canonical id of the user."""
    version: int
    firing: Firing


class Published(NamedTuple):
    """A firing, or a message as it is since then, with the number of the commit that made it durable."""

    commit: int
    what: Decision | Dispatch


Place = tuple[str, str, str]
"""Address, channel and list of what is suppressed."""


class Mark(NamedTuple):
    """How far the store has got."""

    commits: int
    """Transactions so far."""
    number: int
    """The highest number given to a turn or version."""
    now: Millis
    """The latest instant; time does not go back behind it."""


@dataclass(slots=True)
class Batch:
    """One transaction; each part may be empty."""

    number: int = 0
    """The highest number given so far, to a turn or version; 0: as before."""
    now: Millis = 0
    """The latest instant so far; 0: as before."""
    version: Version | None = None
    entries: list[Entry] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """Ids that lead elsewhere from now on; a canonical id leads to itself."""
    decisions: list[Decision] = field(default_factory=list)
    dispatches: dict[str, Dispatch] = field(default_factory=dict)
    """New or changed, by id."""
    saves: list[Save] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Users of whom nothing is to be kept: absorbed, or forgotten."""
    suppressed: dict[Place, Suppressed | None] = field(default_factory=dict)
    """Addresses that are suppressed, and why; None: no longer."""
    counts: dict[Counted, float] = field(default_factory=dict)
    """What is to be added to what was counted."""
    linked: dict[int, Millis] = field(default_factory=dict)
    """Hashes of the ids of messages that linked ids, and when: they are recognised for 24 hours."""
    cursors: dict[str, str] = field(default_factory=dict)
    """How far those who are asked have told, by their names."""
    violations: dict[Violation, int] = field(default_factory=dict)
    """In how many events each was found."""
    journal_from: int = 0
    """Entries of the batches before this one, counted as `Mark.commits` does, are not needed any more: their users are
    saved. 0: as before."""

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.version
            or self.entries
            or self.links
            or self.suppressed
            or self.dispatches
            or self.saves
            or self.gone
            or self.journal_from
            or self.counts
            or self.cursors
            or self.violations
        )
