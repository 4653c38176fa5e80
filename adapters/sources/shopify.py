"""Shopify's webhooks: carts, checkouts, orders, refunds and customers.

Their shapes: https://shopify.dev/docs/api/webhooks. A cart says of nobody whose it is; a checkout and an order bear the
token of their cart. So the token is an anonymous id, and whatever names both it and the customer links the two: what
was done with the cart is the customer's, whichever webhook comes first. A refund names only its order; so each order is
another anonymous id.

A cart's webhook tells what the cart holds, not what was added to it: one that holds something is told as `Product
Added`, one that holds nothing any more as `Product Removed`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.signing import Post
from adapters.sources.commerce import (
    MOST_PRODUCTS,
    Body,
    Said,
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
from adapters.sources.mapping import find

_STATES = {"subscribed": True, "unsubscribed": False}
"""States of `email_marketing_consent` in which a person has said something."""


def read_shopify(post: Post, body: Body) -> Told:
    """What a webhook says; nothing, where it is of a topic that no trigger could use.

    Raises:
        NotGenuine: it does not name its topic.

    """
    topic = post.header("X-Shopify-Topic")
    if topic not in _READERS:
        return Told()
    return _READERS[topic](body, topic)._replace(at=post.shown("X-Shopify-Triggered-At"))


def _cart(body: Body, topic: str) -> Told:
    lines = objects(body, "line_items")
    if not lines and topic == "carts/create":
        return Told()
    who = Who(anonymous_id=_token(body, "token"))
    content = {
        "cart_id": who.anonymous_id,
        "products": _products(lines),
        "total": sum_of(line.get("line_price") for line in lines),
        "currency": text_at(lines[0], "line_price_set.shop_money.currency_code") if lines else None,
    }
    return Told(who, (track(who, "Product Added" if lines else "Product Removed", content),))


def _checkout(body: Body, topic: str) -> Told:
    who = Who(id_at(body, "customer.id"), _token(body, "cart_token") or text_at(body, "token"))
    calls = [identify(who, _traits(body))]
    if topic == "checkouts/create":
        content = _sums(body) | {
            "checkout_id": text_at(body, "token"),
            "value": money(body.get("total_price")),
            "checkout_url": text_at(body, "abandoned_checkout_url"),
        }
        calls.append(track(who, "Checkout Started", content))
    return Told(who, tuple(calls), _ticked(body))


def _order(body: Body, topic: str) -> Told:
    user_id, cart, order = id_at(body, "customer.id"), _token(body, "cart_token"), id_at(body, "id")
    marks = [mark for mark in (cart, _mark(order)) if mark is not None]
    who = Who(user_id, marks[0] if marks else None)
    content = _sums(body) | {
        "order_id": order,
        "checkout_id": text_at(body, "checkout_token"),
        "shipping": money(find(body, "total_shipping_price_set.shop_money.amount")),
        "status": text_at(body, "financial_status"),
        "reason": text_at(body, "cancel_reason"),
    }
    traits = _traits(body)
    calls = [identify(Who(user_id, mark), traits) for mark in (marks if user_id else marks[:1])]
    return Told(who, (*calls, track(who, _ORDERS[topic], content)), _ticked(body))


def _refund(body: Body, _topic: str) -> Told:
    order = id_at(body, "order_id")
    who = Who(anonymous_id=_mark(order))
    payments = objects(body, "transactions")
    lines = [
        line | {"quantity": each.get("quantity")}
        for each in objects(body, "refund_line_items")
        if isinstance(line := each.get("line_item"), dict)
    ]
    content = {
        "order_id": order,
        "total": sum_of(each.get("amount") for each in payments if each.get("kind") == "refund"),
        "currency": text_at(payments[0], "currency") if payments else None,
        "products": _products(lines),
    }
    return Told(who, (track(who, "Order Refunded", content),))


def _customer(body: Body, _topic: str) -> Told:
    who = Who(id_at(body, "id"))
    return Told(who, (identify(who, _traits({"customer": body})),), _consent(body))


def _consent_alone(body: Body, _topic: str) -> Told:
    who = Who(id_at(body, "customer_id"))
    return Told(who, (), _consent(body))


def _consent(customer: Body) -> Said | None:
    """What a customer's record says; `accepts_marketing` is what older versions of the API have for it."""
    state = find(customer, "email_marketing_consent.state")
    if state in _STATES:
        return Said(_STATES[state], text_at(customer, "email_marketing_consent.consent_updated_at"))
    accepts = customer.get("accepts_marketing")
    if isinstance(accepts, bool) and state is None:
        return Said(accepts, text_at(customer, "accepts_marketing_updated_at"))
    return None


def _ticked(body: Body) -> Said | None:
    """Whether the buyer ticked the box at the till: who did not has not taken anything back.

    The box counts as of when the checkout or order was made, however often that is told again.
    """
    return Said(granted=True, at=text_at(body, "created_at")) if body.get("buyer_accepts_marketing") is True else None


def _traits(body: Body) -> dict[str, Any]:
    """What is known of the buyer: of the customer, and at the till of one who has no account yet."""
    return {
        "email": text_at(body, "customer.email", "email", "contact_email"),
        "first_name": text_at(body, "customer.first_name", "billing_address.first_name", "shipping_address.first_name"),
        "last_name": text_at(body, "customer.last_name", "billing_address.last_name", "shipping_address.last_name"),
        "country": text_at(
            body,
            "customer.default_address.country_code",
            "billing_address.country_code",
            "shipping_address.country_code",
        ),
    }


def _sums(body: Body) -> dict[str, Any]:
    return {
        "cart_id": _token(body, "cart_token"),
        "products": _products(objects(body, "line_items")),
        "subtotal": money(body.get("subtotal_price")),
        "total": money(body.get("total_price")),
        "revenue": money(body.get("subtotal_price")),
        "tax": money(body.get("total_tax")),
        "discount": money(body.get("total_discounts")),
        "coupon": next((text_at(each, "code") for each in objects(body, "discount_codes")), None),
        "currency": text_at(body, "currency"),
    }


def _products(lines: Sequence[Body]) -> list[dict[str, Any]]:
    return [
        known(
            {
                "product_id": id_at(line, "product_id"),
                "sku": text_at(line, "sku"),
                "name": text_at(line, "title"),
                "brand": text_at(line, "vendor"),
                "variant": text_at(line, "variant_title"),
                "price": money(line.get("price")),
                "quantity": line.get("quantity"),
            }
        )
        for line in lines[:MOST_PRODUCTS]
    ]


def _token(body: Body, path: str) -> str | None:
    """A cart's token, without the key that it bears in the shop's pages.

    https://shopify.dev/changelog/cart-token-in-ajax-api-response-now-includes-key-param
    """
    found = text_at(body, path)
    return None if found is None else found.partition("?")[0]


def _mark(order: str | None) -> str | None:
    return None if order is None else f"shopify-order-{order}"


_ORDERS = {
    "orders/create": "Order Completed",
    "orders/paid": "Order Updated",
    "orders/updated": "Order Updated",
    "orders/fulfilled": "Order Updated",
    "orders/cancelled": "Order Cancelled",
}

_READERS: Mapping[str, Callable[[Body, str], Told]] = {
    "carts/create": _cart,
    "carts/update": _cart,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    **dict.fromkeys(_ORDERS, _order),
    "refunds/create": _refund,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers_email_marketing_consent/update": _consent_alone,
}
"""By topic."""
