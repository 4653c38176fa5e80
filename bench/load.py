"""A load as a shop would send it, made up, and the same for the same seed.

Shoppers come for visits of about eight events, half a minute apart, and stay away for a while between them. Events bear
about 230 bytes of properties and unique message ids; one in a hundred comes in up to half a minute after it happened.
"""

import heapq
import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from ruamel.yaml import YAML

from engine.core.program import Program
from engine.language.compiler import compile_triggers
from engine.language.files import load

Form = Literal["json", "msgpack"]

DAY = 86_400_000
RETENTION = 90 * DAY
START = 1_767_225_600_000
"""When the load begins, ms: 2026-01-01."""

VISIT = 8
"""Events of a visit, on average."""

NAMES = {
    "product_viewed": 60,
    "product_list_viewed": 12,
    "products_searched": 8,
    "product_added": 8,
    "cart_viewed": 6,
    "product_removed": 2,
    "checkout_started": 2,
    "order_completed": 2,
}
"""How often each event happens, in percent."""

_PAUSE, _LATE, _LATEST = 30_000, 0.01, 30_000
_CATEGORIES = ("tents", "tarps", "stoves", "lamps", "boots", "bags", "ropes", "knives", "maps", "food")
_SET = Path(__file__).with_name("core.yaml")


class Call(msgspec.Struct, rename="camel", gc=False):
    """One event on the wire. `properties` stay raw for the core, which decides itself what to read of them."""

    user_id: str
    event: str
    message_id: str
    timestamp: int
    received_at: int
    properties: msgspec.Raw


class Read(msgspec.Struct, rename="camel"):
    """The same event, read whole: what the floor decodes."""

    user_id: str
    event: str
    message_id: str
    timestamp: int
    received_at: int
    properties: dict[str, Any]


class Frame(NamedTuple):
    """Events that are sent together: the bytes, and when the first of them was received."""

    received_at: int
    body: bytes


class Product(NamedTuple):
    """Something to buy."""

    id: str
    category: str
    price: float


# Triggers -------------------------------------------------------------------------------------------------------------


def triggers(count: int) -> str:
    """A trigger file with so many triggers: the first of `core.yaml`, and copies over events of other names."""
    written = _SET.read_text("utf-8")
    content = YAML(typ="safe").load(written)
    copies = [content, *(_renamed(content, copy) for copy in range(2, 2 + (count - 1) // len(content["triggers"])))]
    chosen = dict(islice(((name, each) for copy in copies for name, each in copy["triggers"].items()), count))
    segments = {name: state for copy in copies for name, state in copy["segments"].items()}
    return msgspec.json.encode({"triggers": chosen, "segments": segments}).decode()


def _renamed(content: Any, copy: int) -> Any:
    """The same set over other events, traits and segments, none of which the load has."""
    text = msgspec.json.encode(content).decode()
    # `inactive` looks at every event, whatever its name
    text = text.replace("inactive for 30d", "product_viewed then no product_viewed within 30d")
    names = [*NAMES, *content["triggers"], *content["segments"], "profile.status"]
    return msgspec.json.decode(re.sub(rf"\b({'|'.join(names)})\b", rf"\1_{copy}", text))


def program(count: int) -> Program:
    """So many triggers, compiled."""
    loaded = load({"core.yaml": triggers(count)})
    return compile_triggers(loaded.triggers, loaded.segments, retention=RETENTION, history_after=DAY)


def mentions(text: str) -> float:
    """How many triggers of a file mention an event of the load, on average."""
    content = msgspec.json.decode(text)
    segments = content["segments"]
    mentioned = 0
    for trigger in content["triggers"].values():
        said = f"{trigger['when']} {trigger.get('if', '')}"
        said += "".join(segments[name] for name in re.findall(r'in segment "(\w+)"', said))
        known = NAMES if "inactive" in said else [name for name in NAMES if re.search(rf"\b{name}\b", said)]
        mentioned += sum(NAMES[name] for name in known)
    return mentioned / sum(NAMES.values())


# Events ---------------------------------------------------------------------------------------------------------------


class Shoppers:
    """So many users, of whom each comes every `apart` ms or so; gives frames in order of arrival, without end."""

    def __init__(self, users: int, apart: int, seed: int, form: Form = "msgpack") -> None:
        self.names = [f"user-{each}" for each in range(users)]
        self._rng = random.Random(seed)
        self._apart = apart
        self._coming = [(START + int(self._rng.random() * apart), each) for each in range(users)]
        self._orders = [0] * users
        self._encode = msgspec.json.encode if form == "json" else msgspec.msgpack.encode
        self._products = [
            Product(f"sku-{each:05}", _CATEGORIES[each % 10], round(self._rng.uniform(5, 400), 2))
            for each in range(1_000)
        ]
        heapq.heapify(self._coming)

    def frames(self, events: int, size: int = 100) -> Iterator[Frame]:
        """So many events more, in frames of `size`."""
        for begin in range(0, events, size):
            calls = [self.next() for _ in range(min(size, events - begin))]
            yield Frame(calls[0].received_at, self._encode(calls))

    def next(self) -> Call:
        """The next event."""
        now, user = self._coming[0]
        stays = self._rng.random() > 1 / VISIT
        pause = self._rng.expovariate(1 / (_PAUSE if stays else self._apart))
        heapq.heapreplace(self._coming, (now + 1 + int(pause), user))
        call = self._call(now, user)
        self._orders[user] += call.event == "order_completed"
        return call

    def _call(self, now: int, user: int) -> Call:
        rng = self._rng
        (name,) = rng.choices(_EVENTS, cum_weights=_CUMULATED)
        late = rng.random() < _LATE
        return Call(
            user_id=self.names[user],
            event=name,
            message_id=f"ajs-next-{rng.getrandbits(128):032x}",
            timestamp=now - int(rng.random() * _LATEST) if late else now,
            received_at=now,
            properties=msgspec.Raw(self._encode(self._properties(name, user))),
        )

    def _properties(self, name: str, user: int) -> dict[str, Any]:
        product = self._rng.choice(self._products)
        cart = f"cart-{user}-{self._orders[user]}"
        if name in {"order_completed", "checkout_started"}:
            about: dict[str, Any] = {"order_id": cart, "total": product.price, "currency": "EUR", "coupon": None}
        else:
            about = {"product_id": product.id, "category": product.category, "price": product.price, "quantity": 1}
        return about | {
            "cart_id": cart,
            "url": f"https://shop.example/{product.category}/{product.id}",
            "referrer": "https://search.example/?q=camping",
            "title": f"{product.category.title()} for long walks",
            "screen": "1440x900",
            "language": "en",
        }


_EVENTS = list(NAMES)
_CUMULATED = [sum(list(NAMES.values())[: each + 1]) for each in range(len(NAMES))]
