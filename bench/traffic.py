"""The load of `load.py` as an app streams it to the sidecar, in the present.

Of the events, 0.8 % are a `coupon_asked`, upon which a trigger fires at once, and 0.2 % a `help_asked`, upon which one
fires two seconds later, for nobody helps, and sends a message: a hundredth fires, beside what the ten triggers of
`core.yaml` make of the rest. A stated share comes from users who are asleep.
"""

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from bench.load import Shoppers, triggers
from bench.population import PROPERTIES, Past
from bench.sidecar import Sidecar
from bench.wire import Wire, send_all
from engine.core.events import Millis

SPAN: Millis = 2_000
"""Between a `help_asked` and the deadline by which nobody has helped."""

AT_ONCE = {"coupon": {"when": "coupon_asked"}}
LATER = {"unanswered": {"when": f"help_asked then no help_given within {SPAN}ms", "send": "note"}}
MESSAGES = {"note": "destination: site\ndata: {user: '{{ user }}'}\n"}

_COUPON, _HELP = 0.008, 0.002
_APART = 600_000
_TOGETHER = 100
_HOUR = 3_600_000
_NAMES = ("product_list_viewed", "product_viewed", "product_viewed", "products_searched", "product_viewed")


class Event(msgspec.Struct, rename="camel", tag_field="type", tag="track", gc=False):
    """One on the wire; until it is encoded, `timestamp` counts from when the load begins, in ms."""

    user_id: str
    event: str
    message_id: str
    timestamp: int
    properties: msgspec.Raw


def trigger_file(*more: dict[str, Any]) -> str:
    """The ten triggers of `core.yaml`, and some of the bench's own."""
    content = msgspec.json.decode(triggers(10))
    for each in more:
        content["triggers"] |= each
    return msgspec.json.encode(content).decode()


def names(users: int) -> list[str]:
    """Ids of the users who come all the time."""
    return [f"user-{each}" for each in range(users)]


def pasts(known: Iterable[str], now: Millis) -> list[Past]:
    """Five events each, a day and more ago: who is loaded has a history."""
    began = now - 48 * _HOUR
    return [Past(name, [(event, began + 30_000 * place) for place, event in enumerate(_NAMES)]) for name in known]


def sleepers(events: int, percent: float) -> list[str]:
    """Names of as many users as such a load wakes, and some more, since it draws them by lot."""
    return [f"sleeper-{each}" for each in range(int(events * percent / 100 * 1.2) + 100 if percent else 0)]


class Traffic:
    """Events of users who come all the time, and now and then one of somebody who is asleep."""

    def __init__(self, users: int, asleep: Sequence[str], percent: float, seed: int) -> None:
        self._shoppers = Shoppers(users, _APART, seed)
        self._asleep = iter(asleep)
        self._share = percent / 100
        self._draw = random.Random(seed)

    def events(self, instants: Sequence[float]) -> list[Event]:
        """One for each instant, in seconds from when the load begins."""
        return [self._event(int(at * 1_000)) for at in instants]

    def _event(self, at: Millis) -> Event:
        call, chance = self._shoppers.next(), self._draw.random()
        name = "coupon_asked" if chance < _COUPON else "help_asked" if chance < _COUPON + _HELP else call.event
        user = next(self._asleep) if self._draw.random() < self._share else call.user_id
        return Event(user, name, call.message_id, at, call.properties)


def frames(events: Sequence[Event], ends: Sequence[int], began: Millis) -> list[bytes]:
    """Frames of msgpack, each up to one of the `ends`; timestamps count from `began` on."""
    for event in events:
        event.timestamp += began
    encode = msgspec.msgpack.encode
    return [encode(events[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


async def awaken(sidecar: Sidecar, asleep: Sequence[str]) -> None:
    """Have an event from each of these users, so that they are in memory."""
    properties, now = msgspec.Raw(msgspec.msgpack.encode(msgspec.json.decode(PROPERTIES))), time.time_ns() // 1_000_000
    events = [Event(name, "product_viewed", f"awake-{name}", now, properties) for name in asleep]
    ends = split(len(events), _TOGETHER)
    await send_all(sidecar, [Wire(frames(events, ends, 0), sizes(ends))])


def split(events: int, size: int) -> list[int]:
    """The ends of frames of `size` over so many events; the last may be smaller."""
    return [*range(size, events, size), events]


def sizes(ends: Sequence[int]) -> list[int]:
    """How many events there are in frames that end there."""
    return [end - before for before, end in zip([0, *ends], ends, strict=False)]
