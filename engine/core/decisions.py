"""What comes out of the core: the decisions, as values."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from engine.core.events import Millis, Scalar


class Firing(msgspec.Struct, frozen=True):
    """A trigger fired for a user.

    `at` is the instant of the step at which it fired, however late the process that noticed. `id` is stable: the same
    firing has the same id in every run over the same inputs, live, simulated, replayed or recovered, and it does not
    change when identities are merged.
    """

    id: str
    trigger: str
    user: str
    at: Millis
    per: Scalar | None = None
    event: int | None = None
    """`seq` of the event whose step it was; None where time alone brought it about."""
    messages: tuple[str, ...] = ()
    """Names of the messages that are due."""
    version: str = ""
    """Of the trigger's text: what was the same trigger to the shop bears the same."""
    variant: str = ""
    """Which of the trigger's variants the person has; empty where it has none."""
    after: tuple[Millis, ...] = ()
    """How long after `at` each of the messages is due, ms; empty: all are at once."""


def message_ids(firing: Firing) -> Iterator[tuple[str, str]]:
    """The idempotency keys of the messages that a firing makes due, each with its message's name.

    A message that comes again in a later step of one firing bears a number from the second time on.
    """
    times: Counter[str] = Counter()
    for message in firing.messages:
        times[message] += 1
        again = f":{times[message]}" if times[message] > 1 else ""
        yield f"{firing.id}:{message}{again}", message
