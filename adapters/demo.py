"""The shoppers of the demo: what each does and when, sent through the sidecar's own websocket."""

import time
from collections.abc import Mapping
from itertools import count, cycle
from typing import Any, NamedTuple

import trio

from adapters.client import Client, connected

BETWEEN = 5.0
"""Seconds from one shopper's arrival to the next one's."""


_EASTERNMOST = 12
"""Hours ahead of UTC."""


class Act(NamedTuple):
    """One thing a shopper does, so many seconds after the one before."""

    after: float
    event: str
    properties: Mapping[str, Any]


class Shopper(NamedTuple):
    """A shopper, by first name, and what she does."""

    name: str
    acts: tuple[Act, ...]
    hour: int = 12
    """What hour it is where she lives."""
    consents: bool = True
    """Whether she agrees to be written to."""


def _product(product_id: str, product: str, price: float) -> dict[str, Any]:
    return {"product_id": product_id, "product": product, "price": price}


def _cart(cart_id: str, *items: Mapping[str, Any]) -> dict[str, Any]:
    return {"cart_id": cart_id, "items": items, "total": sum(item["price"] for item in items)}


TENT_2 = _product("tent-2", "Tent for two", 211)
TENT_3 = _product("tent-3", "Tent for three", 289)
BOOTS = _product("boots", "Hiking boots", 129.5)
SOCKS = _product("socks", "Wool socks", 18.5)
LAMP = _product("lamp", "Camping lamp", 79)

SHOPPERS = (
    Shopper(
        "ada",  # leaves a cart behind
        (
            Act(0, "product_viewed", BOOTS | {"time_spent": 12}),
            Act(2, "cart_updated", _cart("c-ada", BOOTS, SOCKS)),
        ),
    ),
    Shopper(
        "grace",  # looks long and goes
        (Act(0, "product_viewed", LAMP | {"time_spent": 45}),),
    ),
    Shopper(
        "edsger",  # cannot decide between two tents
        (
            Act(0, "product_viewed", TENT_2 | {"time_spent": 20}),
            Act(2, "product_viewed", TENT_3 | {"time_spent": 25}),
        ),
    ),
    Shopper(
        "barbara",  # buys in time, and hears nothing of her cart
        (
            Act(0, "cart_updated", _cart("c-barbara", SOCKS)),
            Act(3, "order_completed", {"cart_id": "c-barbara", "order_id": "o-1", "total": 18.5}),
        ),
    ),
    Shopper(
        "katherine",  # comes back to the same product
        (
            Act(0, "product_viewed", BOOTS | {"time_spent": 8}),
            Act(3, "product_viewed", BOOTS | {"time_spent": 19}),
        ),
        hour=0,  # at night: her mail is held until the morning
    ),
    Shopper(
        "radia",  # leaves a cart behind, and has not agreed to hear of it
        (Act(0, "cart_updated", _cart("c-radia", SOCKS, LAMP)),),
        consents=False,
    ),
    Shopper(
        "joan",  # has unsubscribed, and leaves a cart behind
        (
            Act(0, "Unsubscribed", {}),
            Act(1, "cart_updated", _cart("c-joan", BOOTS)),
        ),
    ),
    Shopper(
        "margaret",  # stops at the till
        (
            Act(0, "cart_updated", _cart("c-margaret", TENT_2, LAMP)),
            Act(2, "checkout_started", {"cart_id": "c-margaret"}),
        ),
    ),
    Shopper(
        "hedy",  # becomes a good customer
        (
            Act(0, "order_completed", {"order_id": "o-2", "total": 211}),
            Act(2, "order_completed", {"order_id": "o-3", "total": 289}),
        ),
    ),
)


async def stream(url: str, write_key: str) -> None:
    """Let shoppers come, one after another and round and round, each as somebody new."""
    async with connected(url, write_key, linger=0) as client, trio.open_nursery() as nursery:
        for number, shopper in zip(count(1), cycle(SHOPPERS)):
            nursery.start_soon(_visit, client, shopper, f"{shopper.name}-{number}")
            await trio.sleep(BETWEEN)


async def _visit(client: Client, shopper: Shopper, user_id: str) -> None:
    await client.send({"type": "identify", "userId": user_id, "traits": traits_of(shopper, time.time())})
    for act in shopper.acts:
        await trio.sleep(act.after)
        call = {"type": "track", "userId": user_id, "event": act.event, "properties": act.properties}
        await client.send(call)


def traits_of(shopper: Shopper, now: float) -> dict[str, Any]:
    """What is known of a shopper at `now`, in seconds since the epoch."""
    return {
        "email": f"{shopper.name}@shop.example",
        "first_name": shopper.name.title(),
        "timezone": zone_where(shopper.hour, now),
        "consent": {"marketing": shopper.consents},
    }


def zone_where(hour: int, now: float) -> str:
    """A time zone in which it is that hour of the day, `now` being seconds since the epoch."""
    east = (hour - int(now // 3_600)) % 24
    east -= 24 * (east > _EASTERNMOST)
    return f"Etc/GMT{-east:+d}"  # whose names count the hours to the west
