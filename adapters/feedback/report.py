"""One thing that a service tells of a message, or of its reader, whichever way it was told."""

from dataclasses import dataclass
from datetime import UTC, datetime

from engine.core.events import Millis

DELIVERED, OPENED, CLICKED = "Email Delivered", "Email Opened", "Email Link Clicked"
BOUNCED, SPAM, UNSUBSCRIBED = "Email Bounced", "Email Marked as Spam", "Unsubscribed"


@dataclass(frozen=True)
class Report:
    """One thing that happened to a message, or that its reader did."""

    event: str
    at: Millis
    id: str
    """Of this report: the same when it is told again."""
    address: str = ""
    message: str = ""
    """Id of the message, where the service gives back what it was told with it."""
    link: str = ""
    machine: bool = False
    """A proxy opened or followed it, and no person."""
    soft: bool = False
    """A bounce that may be none the next time: the address stays good."""
    of: str = ""
    """The list that was unsubscribed from; empty: everything."""
    standing: bool = False
    """It is how things stand, and nothing that has just happened: it suppresses, and is no event of anybody's."""


def instant(text: str) -> Millis:
    """An ISO time, or one with a blank in place of the T, as UTC where it says no zone; 0 where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return 0
    zoned = found if found.tzinfo else found.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1_000)
