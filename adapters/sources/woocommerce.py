"""WooCommerce's webhooks: orders and customers. There are none for carts.

Their shapes are those of its REST API: https://woocommerce.github.io/woocommerce-rest-api-docs. An order is made before
it is paid, and told again whenever it changes. It counts as `Order Completed` once: when it is made, if it is paid then
or is to be paid on delivery or by transfer, and else when it is paid; until then it is a `Checkout Started`. Who buys
as a guest is known by the address of the bill, as an anonymous id.
"""

from typing import Any

from adapters.signing import Post
from adapters.sources.commerce import (
    MOST_PRODUCTS,
    Body,
    Told,
    Who,
    id_at,
    identify,
    known,
    money,
    objects,
    sum_of,
    text_at,
    track,
)
from adapters.sources.instants import BadInstant, instant
from engine.core.events import Millis

_ORDERED = {"processing", "completed", "on-hold"}
_AT_THE_TILL = {"pending", "checkout-draft"}
_ENDED = {"cancelled": "Order Cancelled", "refunded": "Order Refunded"}
_PAID_LATER = {"bacs", "cheque", "cod"}
"""Ways to pay that make an order one though nothing is paid yet."""

_FRESH: Millis = 23 * 3_600_000
"""So long after it was paid an order is told as paid: the engine knows a message again for 24 hours."""


def is_ping(post: Post) -> bool:
    """Whether this is what is sent, unsigned, when a webhook is made; it is made only if the answer is 200."""
    head, _, number = post.body.partition(b"=")
    return head == b"webhook_id" and number.isdigit() and post.shown("X-WC-Webhook-Signature") is None


def read_woocommerce(post: Post, body: Body) -> Told:
    """What a webhook says; nothing, where it is of a topic that no trigger could use.

    Raises:
        NotGenuine: it does not name its topic.

    """
    match post.header("X-WC-Webhook-Topic"):
        case "order.created" | "order.restored":
            return _order(body, new=True)
        case "order.updated":
            return _order(body, new=False)
        case "customer.created" | "customer.updated":
            return _customer(body)
    return Told()


def _order(body: Body, *, new: bool) -> Told:
    email = text_at(body, "billing.email")
    user_id = id_at(body, "customer_id")
    who = Who(user_id, None if user_id else email)
    traits = {
        "email": email,
        "first_name": text_at(body, "billing.first_name"),
        "last_name": text_at(body, "billing.last_name"),
        "country": text_at(body, "billing.country"),
    }
    event, stamp = _event(body, new=new)
    order = id_at(body, "id")
    once = None if event == "Order Updated" else f"woocommerce:{event}:{text_at(body, 'order_key') or order}"
    return Told(who, (identify(who, traits), track(who, event, _content(body, order), once)), at=text_at(body, stamp))


def _event(body: Body, *, new: bool) -> tuple[str, str]:
    """What an order is told as, and the field that says when that happened."""
    status = text_at(body, "status") or ""
    if status in _ENDED:
        return _ENDED[status], "date_modified_gmt"
    if new and status in _AT_THE_TILL:
        return "Checkout Started", "date_created_gmt"
    if new and status in _ORDERED:
        return "Order Completed", "date_created_gmt"
    if status in _ORDERED and body.get("payment_method") not in _PAID_LATER and _just_paid(body):
        return "Order Completed", "date_paid_gmt"
    return "Order Updated", "date_modified_gmt"


def _just_paid(body: Body) -> bool:
    try:
        paid, changed = (instant(text_at(body, field), field) for field in ("date_paid_gmt", "date_modified_gmt"))
    except BadInstant:
        return False
    return changed - paid < _FRESH


def _content(body: Body, order: str | None) -> dict[str, Any]:
    lines = objects(body, "line_items")
    return {
        "order_id": order,
        "status": text_at(body, "status"),
        "products": [_product(line) for line in lines[:MOST_PRODUCTS]],
        "subtotal": sum_of(line.get("subtotal") for line in lines),
        "revenue": sum_of(line.get("total") for line in lines),
        "total": money(body.get("total")),
        "shipping": money(body.get("shipping_total")),
        "tax": money(body.get("total_tax")),
        "discount": money(body.get("discount_total")),
        "coupon": next((text_at(each, "code") for each in objects(body, "coupon_lines")), None),
        "currency": text_at(body, "currency"),
    }


def _product(line: Body) -> dict[str, Any]:
    return known(
        {
            "product_id": id_at(line, "product_id"),
            "sku": text_at(line, "sku"),
            "name": text_at(line, "name"),
            "variant": id_at(line, "variation_id"),
            "price": money(line.get("price")),
            "quantity": line.get("quantity"),
        }
    )


def _customer(body: Body) -> Told:
    who = Who(id_at(body, "id"))
    traits = {
        "email": text_at(body, "email"),
        "first_name": text_at(body, "first_name", "billing.first_name"),
        "last_name": text_at(body, "last_name", "billing.last_name"),
        "country": text_at(body, "billing.country"),
    }
    return Told(who, (identify(who, traits),))
