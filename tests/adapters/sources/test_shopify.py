"""Shopify's webhooks, in a sidecar that runs: who has done what, and who may be written to."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from werkzeug.exceptions import TooManyRequests

from adapters.sources.intake import Intake
from engine.runtime.arrivals import Arrival
from tests.adapters.running import Sidecar, running
from tests.adapters.sources.payloads import (
    CART,
    CHECKOUT,
    CONSENT,
    CUSTOMER,
    CUSTOMER_RECORD,
    ORDER,
    REFUND,
    TOKEN,
)
from tests.adapters.sources.shop import Shop, config, signature

WHO = str(CUSTOMER)
BOB = str(CUSTOMER_RECORD["id"])


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=config(tmp_path)) as one:
        yield one


@pytest.fixture
def shop(sidecar: Sidecar) -> Shop:
    return Shop(sidecar)


async def person(sidecar: Sidecar, user_id: str = WHO) -> dict[str, Any]:
    answer = await sidecar.user(user_id)
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def firings(sidecar: Sidecar, user_id: str = WHO) -> list[dict[str, Any]]:
    """What has fired for a person, once something has, nothing is pending, and its message has left."""
    with trio.fail_after(10):
        while True:
            told = await person(sidecar, user_id)
            found: list[dict[str, Any]] = told["firings"]
            if found and not told["pending"] and all(each["messages"][0]["state"] == "accepted" for each in found):
                return found
            await trio.lowlevel.checkpoint()


async def may_write(sidecar: Sidecar, user_id: str) -> bool | None:
    user = await sidecar.service.person(user_id)
    stance = None if user is None else user.sending.consents.get("marketing")
    return None if stance is None else stance.granted


@pytest.mark.parametrize("order", [["carts/create", "checkouts/create"], ["checkouts/create", "carts/create"]])
async def test_a_cart_left_fires_once_for_the_right_person_whichever_webhook_comes_first(
    sidecar: Sidecar, shop: Shop, order: Sequence[str]
) -> None:
    payloads = {"carts/create": CART, "checkouts/create": CHECKOUT}
    for topic in order:
        assert (await shop.says(topic, payloads[topic])).json() == {"success": True}
    [fired] = await firings(sidecar)
    assert (fired["trigger"], fired["per"]) == ("cart_left", TOKEN)
    assert (await person(sidecar))["traits"]["email"] == "john@example.com"


async def test_a_webhook_that_is_answered_with_500_and_then_429_is_sent_again_and_counts_once(
    sidecar: Sidecar, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.says("checkouts/create", CHECKOUT)
    faults: list[Exception] = [RuntimeError("a fault"), TooManyRequests()]
    statuses: list[int] = []
    take = Intake.take

    async def failing(intake: Intake, arrivals: Sequence[Arrival], source: str, rejected: int = 0) -> None:
        if faults:
            fault = faults.pop(0)
            statuses.append(getattr(fault, "code", None) or 500)
            raise fault
        await take(intake, arrivals, source, rejected)
        if len(statuses) == 2:
            statuses.append(500)
            raise RuntimeError("taken, and the answer is lost")

    monkeypatch.setattr(Intake, "take", failing)
    assert (await shop.says("carts/update", CART)).status_code == 200
    assert statuses == [500, 429, 500]
    assert len(await firings(sidecar)) == 1
    assert (await sidecar.events(WHO)).count("Product Added") == 1


async def test_an_order_in_time_keeps_quiet(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("carts/update", CART)
    await shop.says("orders/create", ORDER)
    await trio.sleep(0.2)
    assert (await person(sidecar))["firings"] == []


async def test_a_cart_is_told_with_its_products_exact_ids_and_total(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("carts/update", CART)
    [event] = (await person(sidecar, TOKEN))["recent"]
    assert event["event"] == "Product Added"
    assert event["properties"] == {
        "cart_id": TOKEN,
        "currency": "USD",
        "total": 59.97,
        "products": [
            {
                "product_id": "788032119674292922",
                "sku": "example-shirt-s",
                "name": "Example T-Shirt",
                "brand": "Acme",
                "price": 19.99,
                "quantity": 3,
            }
        ],
    }


async def test_a_cart_that_is_emptied_is_no_cart_that_holds_something(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("carts/create", CART | {"line_items": []})
    await shop.says("carts/update", CART)
    await shop.says("carts/update", CART | {"line_items": []})
    assert await sidecar.events(TOKEN) == ["Product Added", "Product Removed"]


async def test_the_key_behind_a_cart_token_is_no_part_of_it(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("carts/create", CART | {"token": f"{TOKEN}?key=824bdj25"})
    await shop.says("checkouts/create", CHECKOUT)
    assert await sidecar.events(WHO) == ["Product Added", "Checkout Started"]


async def test_an_order_its_payment_and_its_refund_are_told_of_the_customer(sidecar: Sidecar, shop: Shop) -> None:
    for topic, payload in [("orders/create", ORDER), ("orders/paid", ORDER), ("refunds/create", REFUND)]:
        assert (await shop.says(topic, payload)).json() == {"success": True}
    refund, _, order = (await person(sidecar))["recent"]
    assert await sidecar.events(WHO) == ["Order Completed", "Order Updated", "Order Refunded"]
    assert order["properties"] | {"products": len(order["properties"]["products"])} == {
        "order_id": "820982911946154508",
        "checkout_id": "123123123",
        "cart_id": TOKEN,
        "subtotal": 404.95,
        "revenue": 404.95,
        "total": 414.95,
        "shipping": 10.0,
        "tax": 0.0,
        "discount": 20.0,
        "coupon": "TENOFF",
        "currency": "USD",
        "status": "paid",
        "products": 1,
    }
    assert (refund["properties"]["order_id"], refund["properties"]["total"]) == ("820982911946154508", 89.99)


async def test_a_refund_that_comes_before_its_order_finds_the_customer(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("refunds/create", REFUND)
    await shop.says("orders/create", ORDER | {"cart_token": None})
    assert sorted(await sidecar.events(WHO)) == ["Order Completed", "Order Refunded"]


async def test_a_buyer_without_an_account_is_known_by_the_cart(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("checkouts/create", CHECKOUT | {"customer": None})
    told = await person(sidecar, TOKEN)
    assert told["traits"] == {
        "email": "example@email.com",
        "first_name": "Bob",
        "last_name": "Biller",
        "country": "US",
    }


async def test_an_order_without_a_customer_is_one_persons(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("orders/create", ORDER | {"customer": None})
    assert await sidecar.events(TOKEN) == ["Order Completed"]
    assert (await sidecar.user(f"shopify-order-{ORDER['id']}")).status_code == 404


async def test_an_order_of_very_many_products_is_taken(sidecar: Sidecar, shop: Shop) -> None:
    line = ORDER["line_items"][0] | {"title": "x" * 100}
    answer = await shop.says("orders/create", ORDER | {"line_items": [line] * 400})
    assert answer.json() == {"success": True}
    [event] = (await person(sidecar))["recent"]
    assert len(event["properties"]["products"]) == 100


async def test_an_order_is_placed_when_the_shop_was_triggered(sidecar: Sidecar, shop: Shop) -> None:
    an_hour_ago = sidecar.service.now() - 3_600_000
    stamp = datetime.fromtimestamp(an_hour_ago / 1_000, UTC).isoformat(timespec="milliseconds")
    await shop.says("orders/create", ORDER, **{"X-Shopify-Triggered-At": stamp})
    user = await sidecar.service.person(WHO)
    assert user is not None
    assert [(each.name, each.ts) for each in user.recent(9)] == [("Order Completed", an_hour_ago)]


async def test_topics_that_no_trigger_could_use_are_taken_and_passed_over(sidecar: Sidecar, shop: Shop) -> None:
    answer = await shop.says("products/update", {"id": 788032119674292922, "title": "Example T-Shirt"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})


async def test_what_is_genuine_and_cannot_be_used_does_not_cost_the_webhook(sidecar: Sidecar, shop: Shop) -> None:
    answer = await shop.says("customers/update", {"id": None, "email": "a@x.example"})
    assert answer.status_code == 200
    assert "needs a `userId`" in answer.json()["rejected"][0]["reason"]


async def test_what_is_not_signed_by_the_shop_is_refused_and_nothing_of_it_taken(sidecar: Sidecar) -> None:
    body = b'{"id": 7, "email": "a@x.example"}'
    headers = {"X-Shopify-Topic": "customers/create", "X-Shopify-Hmac-Sha256": signature(body)}
    for content, shown in [(body.replace(b"7", b"8"), headers), (body, {"X-Shopify-Topic": "customers/create"})]:
        answer = await sidecar.stranger.post("/webhook/shopify", content=content, headers=shown)
        assert answer.status_code == 401
        assert (await sidecar.client.post("/webhook/shopify", content=content, headers=shown)).status_code == 401
    assert (await sidecar.user("7")).status_code == (await sidecar.user("8")).status_code == 404


async def test_a_secret_may_be_changed_while_it_runs(sidecar: Sidecar, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another")
    assert (await shop.says("customers/create", CUSTOMER_RECORD)).status_code == 401
    (tmp_path / "secret").unlink()
    assert (await shop.says("customers/create", CUSTOMER_RECORD)).status_code == 503


async def test_events_may_be_called_otherwise(sidecar: Sidecar) -> None:
    await Shop(sidecar, "renamed").says("carts/update", CART)
    assert await sidecar.events(TOKEN) == ["cart_updated"]


def consent(state: str, at: str | None) -> dict[str, Any]:
    return CONSENT | {"email_marketing_consent": {"state": state, "opt_in_level": None, "consent_updated_at": at}}


async def test_a_customer_consents_and_withdraws_by_what_the_shop_says(sidecar: Sidecar, shop: Shop) -> None:
    topic = "customers_email_marketing_consent/update"
    await shop.says("customers/create", CUSTOMER_RECORD)
    assert await may_write(sidecar, BOB) is None
    for state, says in [("not_subscribed", None), ("subscribed", True), ("unsubscribed", False), ("pending", False)]:
        await shop.says(topic, consent(state, None if state == "subscribed" else "2026-01-02T10:00:00Z"))
        assert await may_write(sidecar, BOB) is says


async def test_an_older_yes_that_is_told_late_goes_over_no_later_no(sidecar: Sidecar, shop: Shop) -> None:
    topic = "customers_email_marketing_consent/update"
    await shop.says(topic, consent("unsubscribed", "2026-01-02T10:00:00Z"))
    for at in ("2026-01-02T09:59:59Z", None):
        await shop.says(topic, consent("subscribed", at))
        assert await may_write(sidecar, BOB) is False
    await shop.says(topic, consent("subscribed", "2026-01-02T10:00:01Z"))
    assert await may_write(sidecar, BOB) is True


async def test_who_unsubscribed_in_a_mail_is_not_subscribed_again_by_what_the_shop_still_holds(
    sidecar: Sidecar, shop: Shop
) -> None:
    record = CUSTOMER_RECORD | consent("subscribed", "2026-01-02T10:00:00Z")
    await shop.says("customers/update", record)
    assert await may_write(sidecar, BOB) is True
    said = {"userId": BOB, "granted": False, "source": "mail"}
    assert (await sidecar.stranger.post("/v1/consent", json=said, headers=sidecar.admin)).is_success
    await shop.says("customers/update", record)
    assert await may_write(sidecar, BOB) is False


@pytest.mark.parametrize(("accepts", "says"), [(True, True), (False, False), (None, None)])
async def test_older_versions_of_the_api_say_it_with_accepts_marketing(
    sidecar: Sidecar, shop: Shop, *, accepts: bool | None, says: bool | None
) -> None:
    stamp = {"accepts_marketing_updated_at": "2026-01-02T10:00:00Z"}
    await shop.says("customers/create", CUSTOMER_RECORD | stamp | {"accepts_marketing": accepts})
    assert await may_write(sidecar, BOB) is says


async def test_the_box_at_the_till_grants_and_takes_nothing_back(sidecar: Sidecar, shop: Shop) -> None:
    await shop.says("orders/create", ORDER)
    assert await may_write(sidecar, WHO) is True
    await shop.says("orders/create", ORDER | {"id": 1, "buyer_accepts_marketing": False})
    assert await may_write(sidecar, WHO) is True
