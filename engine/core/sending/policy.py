"""The rules of sending, as data. They are asked as they are now, whatever was in force at the firing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from engine.core.events import Millis

if TYPE_CHECKING:
    from engine.core.sending.suppression import Marks

_UTC = ZoneInfo("UTC")

Purpose = Literal["marketing", "transactional"]
Over = Literal["defer", "drop"]
Period = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask of a message."""

    purpose: Purpose = "marketing"
    """Transactional messages pass holdout, quiet hours, caps and fatigue, and do not count there."""
    channel: str = "email"
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    """What it costs of the fatigue budget."""
    over: Over = "defer"
    """Whether it waits where a cap or the budget is used up, or is dropped."""
    address: str = ""
    """The trait that must be there, for it holds the address; empty: none is needed."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `limit` messages within a rolling `span` or a calendar `period` of the person's own time zone.

    One of `span` and `period` is given. `channel`, `tag` and `trigger` narrow what it is about, and all of those that
    are given must be met; a cap without any is about every message.
    """

    limit: int
    span: Millis | None = None
    period: Period | None = None
    channel: str | None = None
    tag: str | None = None
    trigger: str | None = None

    text: str = ""
    """As the shop wrote it, for the reasons that are given."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day by the person's own clock, `[start, stop)`, in minutes from midnight, on some days of the week.

    Where `stop` is not after `start` it lasts into the next day; `days` (0: Monday) are those on which it starts.
    """

    start: int
    stop: int
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Fatigue:
    """The decaying budget of LANGUAGE.md, "Fatigue"."""

    budget: float
    half_life: Millis


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """Whose silence is consent."""

    region_trait: str = "country"
    """The trait that says by which law a person lives."""
    opt_out: frozenset[str] = frozenset()
    """Regions where silence is consent until the person objects; everywhere else they must opt in."""
    category: str = ""
    """The category of a consent manager that stands for the purpose; what was said last of either counts."""


@dataclass(frozen=True)
class Policy:
    """All rules of sending of one set of files."""

    messages: Mapping[str, Facts] = field(default_factory=dict)
    """By name; for others the defaults count."""
    suppressed: "Mapping[str, Marks]" = field(default_factory=dict)
    """By address, as `suppression.normal` has it, what is suppressed; it changes as addresses come and go."""
    zone: ZoneInfo = _UTC
    """The shop's; for a person whose profile names no other."""
    zone_trait: str = "timezone"
    """The trait that names a person's time zone."""
    quiet: tuple[Hours, ...] = ()
    """Nothing is sent in any of them."""
    windows: tuple[Hours, ...] = ()
    """Things are sent only in one of them; without any, always."""
    caps: tuple[Cap, ...] = ()
    """All of them must let a message pass."""
    fatigue: Fatigue | None = None
    consent: ConsentRule | None = None
    """None: the shop asks for consent elsewhere, and sends to nobody who has not given it."""
    tracking: ConsentRule | None = None
    """Whose silence lets it be seen what they do with a mail; None: theirs whose silence is consent to `consent`."""
    holdout: float = 0.0
    """Share of the people who get nothing but transactional messages."""
    holdouts: Mapping[str, float] = field(default_factory=dict)
    """By trigger, the share of the people who get nothing of what it sends."""

    @property
    def has_limits(self) -> bool:
        """Whether what was sent makes a difference to what may be."""
        return bool(self.caps or self.fatigue)

    def facts(self, message: str) -> Facts:
        """What the rules ask of a message."""
        return self.messages.get(message, _PLAIN)


_PLAIN = Facts()
