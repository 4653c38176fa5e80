"""What a template may speak of."""

from typing import Any

from engine.core.decisions import Firing
from engine.core.events import decode
from engine.core.timeline import Recorded
from engine.core.user import User
from engine.runtime.favourites import Favourites, cart_of

RECENT = 20
"""How many of a user's latest events of each name a template may speak of."""

HISTORY = 5_000
"""How far back, in events, they and the one that fired are looked for."""


def context(user: User, firing: Firing) -> dict[str, Any]:
    """What a template may speak of.

    `event` is the event that fired, None where time alone did; `recent` leads from the name of an event to its latest
    occurrences, newest first, however much else happened since. An event is a mapping of `name`, `ts` and `properties`.
    `cart` is the latest event that lists a cart's items, and `favourite` the value that is looked at most, by property.
    """
    history = user.recent(HISTORY)
    recent: dict[str, list[dict[str, Any]]] = {}
    for record in history:
        latest = recent.setdefault(record.name, [])
        if len(latest) < RECENT:
            latest.append(_told(record))
    return {
        "user": firing.user,
        "trigger": firing.trigger,
        "per": firing.per,
        "event": next((_told(record) for record in history if record.seq == firing.event), None),
        "profile": user.profile,
        "recent": recent,
        "favourite": Favourites(history, user.clock),
        "cart": None if (cart := cart_of(history, firing.per)) is None else _told(cart),
    }


def _told(record: Recorded) -> dict[str, Any]:
    return {"name": record.name, "ts": record.ts, "properties": decode(record.properties)}
