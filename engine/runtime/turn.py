"""A turn: what one user does with one input, or with a deadline that is reached."""

from typing import NamedTuple

import msgspec
import structlog
import trio

from engine.core.decisions import Firing
from engine.core.events import Input, Millis
from engine.core.identity import Changes
from engine.core.user import User
from engine.runtime.journal import Receipt
from engine.runtime.records import Dispatch
from engine.runtime.versions import Versions

_log = structlog.get_logger()


class Linking(NamedTuple):
    """What a turn changes in who is who. Such turns are taken in the order of arrival over all users."""

    changes: Changes
    absorbed: str
    """Canonical id of the user who enters this one's timeline, if any."""
    before: trio.Event
    """Set when the linking turn before this one was taken."""
    taken: trio.Event
    """To be set when this one is."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """An input, or, without one, a deadline reached or new trigger files to be taken up."""

    number: int
    now: Millis
    item: Input | None = None
    receipt: Receipt | None = None
    """Settled when the turn is durable."""
    linking: Linking | None = None
    dispatch: Dispatch | None = None
    """The message whose outcome the input is."""


def take_turn(
    user: User, versions: Versions, number: int, now: Millis, item: Input | None, *, absorbed: User | None = None
) -> list[Firing]:
    """Take the turn `number`, the same live as when it is taken again from the journal; without an item, settle.

    A turn that fails is a fault of the engine: it is logged, decides nothing, and neither the user nor others stop.
    """
    try:
        fired = versions.take_up(user, number)
        if absorbed is not None:
            fired += versions.take_up(absorbed, number)
        return fired + (user.wake(now) if item is None else user.observe(item, now, absorbed))
    except Exception:  # noqa: BLE001 - said above
        _log.exception("turn failed")
        return []
