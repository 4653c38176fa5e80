"""WooCommerce's webhooks, in a sidecar that runs."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.adapters.running import Sidecar, running
from tests.adapters.sources.payloads import WOO_CUSTOMER, WOO_ORDER
from tests.adapters.sources.shop import Shop, config, signature


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=config(tmp_path)) as one:
        yield one


@pytest.fixture
def shop(sidecar: Sidecar) -> Shop:
    return Shop(sidecar, "woo")


def order(
    status: str, *, created: float = 0, paid: float | None = 0, changed: float = 0, **more: Any
) -> dict[str, Any]:
    """An order that was made, paid and changed so many hours ago."""

    def ago(hours: float | None) -> str | None:
        return None if hours is None else (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")

    stamps = {"date_created_gmt": ago(created), "date_paid_gmt": ago(paid), "date_modified_gmt": ago(changed)}
    return WOO_ORDER | stamps | {"status": status} | more


async def test_the_unsigned_ping_by_which_a_webhook_is_made_is_answered_with_200(sidecar: Sidecar) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ping = await sidecar.stranger.post("/webhook/woo", content="webhook_id=12", headers=form)
    assert ping.status_code == 200
    for wrong, path in [("webhook_id=x", "woo"), ("webhook_id=12&a=b", "woo"), ("webhook_id=12", "shopify")]:
        assert (await sidecar.stranger.post(f"/webhook/{path}", content=wrong, headers=form)).status_code == 401


async def test_a_delivery_over_http_1_0_is_answered(sidecar: Sidecar) -> None:
    body = json.dumps(WOO_CUSTOMER).encode()
    head = (
        "POST /webhook/woo HTTP/1.0\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-WC-Webhook-Topic: customer.created\r\n"
        f"X-WC-Webhook-Signature: {signature(body)}\r\n\r\n"
    )
    host, port = sidecar.url.removeprefix("http://").split(":")
    received = b""
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(head.encode() + body)
        with trio.fail_after(5):
            while not received.endswith(b"}"):
                received += await stream.receive_some()
    assert b" 200 " in received.splitlines()[0]
    assert (await sidecar.user("25")).json()["traits"]["email"] == "john.doe@example.com"


async def test_a_customer_is_known_by_what_the_shop_says(sidecar: Sidecar, shop: Shop) -> None:
    await shop.woo("customer.updated", WOO_CUSTOMER)
    assert (await sidecar.user("25")).json()["traits"] == {
        "email": "john.doe@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "country": "US",
    }


async def test_an_order_is_told_in_the_names_of_the_spec(sidecar: Sidecar, shop: Shop) -> None:
    assert (await shop.woo("order.created", order("processing"))).json() == {"success": True}
    [event] = (await sidecar.user("25")).json()["recent"]
    products = event["properties"].pop("products")
    assert event["event"] == "Order Completed"
    assert event["properties"] == {
        "order_id": "727",
        "status": "processing",
        "subtotal": 18.0,
        "revenue": 18.0,
        "total": 29.35,
        "shipping": 10.0,
        "tax": 1.35,
        "discount": 0.0,
        "currency": "USD",
    }
    assert products[0] == {"product_id": "93", "name": "Woo Single #1", "price": 3.0, "quantity": 2}
    assert products[1]["variant"] == "23"


async def test_an_order_is_completed_once_when_it_is_paid_however_often_it_changes(
    sidecar: Sidecar, shop: Shop
) -> None:
    await shop.woo("order.created", order("pending", created=3, paid=None, changed=3))
    await shop.woo("order.updated", order("processing", created=3, paid=2, changed=2))
    await shop.woo("order.updated", order("processing", created=3, paid=2, changed=1))
    assert await sidecar.events("25") == ["Checkout Started", "Order Completed"]
    await shop.woo("order.updated", order("completed", created=60, paid=59, changed=0))
    assert await sidecar.events("25") == ["Checkout Started", "Order Completed", "Order Updated"]


async def test_an_order_that_is_paid_by_transfer_is_completed_when_it_is_made(sidecar: Sidecar, shop: Shop) -> None:
    await shop.woo("order.created", order("on-hold", paid=None, payment_method="bacs"))
    await shop.woo("order.updated", order("processing", created=48, payment_method="bacs"))
    assert await sidecar.events("25") == ["Order Completed", "Order Updated"]


@pytest.mark.parametrize(("status", "event"), [("cancelled", "Order Cancelled"), ("refunded", "Order Refunded")])
async def test_an_order_ends_once(sidecar: Sidecar, shop: Shop, status: str, event: str) -> None:
    for _ in range(2):
        await shop.woo("order.updated", order(status))
    assert await sidecar.events("25") == [event]


async def test_a_delivery_counts_once_by_its_id(sidecar: Sidecar, shop: Shop) -> None:
    for _ in range(2):
        await shop.woo("order.updated", order("failed", paid=None), **{"X-WC-Webhook-Delivery-ID": "d1"})
    assert await sidecar.events("25") == ["Order Updated"]


async def test_a_guest_is_known_by_the_address_of_the_bill(sidecar: Sidecar, shop: Shop) -> None:
    await shop.woo("order.created", order("processing", customer_id=0))
    told = (await sidecar.user("john.doe@example.com")).json()
    assert [each["event"] for each in told["recent"]] == ["Order Completed"]


@pytest.mark.parametrize("topic", ["product.updated", "coupon.created", "order.deleted", "action.woocommerce_x"])
async def test_topics_that_no_trigger_could_use_do_not_cost_the_webhook(
    sidecar: Sidecar, shop: Shop, topic: str
) -> None:
    answer = await shop.woo(topic, {"id": 727})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
