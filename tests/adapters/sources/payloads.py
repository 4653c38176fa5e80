"""What shops send, in the shapes and with the values of their own documentation, shorter by what is not looked at.

Shopify: the sample payloads of https://shopify.dev/docs/api/webhooks (2026-04); the cart is in `webhook_vectors.json`.
WooCommerce: https://woocommerce.github.io/woocommerce-rest-api-docs, "Orders" and "Customers" of v3.
"""

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("webhook_vectors.json").read_text())
CART: dict[str, Any] = json.loads(VECTORS["body"])
TOKEN = "eeafa272cebfd4b22385bc4b645e762c"  # noqa: S105 - a cart's
CUSTOMER = 603851970716743426

_ADDRESS = {"first_name": "Bob", "last_name": "Biller", "country": "United States", "country_code": "US"}
_USD = {"amount": "10.00", "currency_code": "USD"}

CHECKOUT: dict[str, Any] = {
    "token": "123123123",
    "cart_token": TOKEN,
    "email": "example@email.com",
    "gateway": None,
    "buyer_accepts_marketing": False,
    "created_at": "2021-12-31T19:00:00-05:00",
    "updated_at": "2021-12-31T19:00:00-05:00",
    "currency": "USD",
    "completed_at": None,
    "line_items": [
        {
            "product_id": 632910392,
            "quantity": 1,
            "sku": "IPOD2008PINK",
            "title": "IPod Nano - 8GB",
            "variant_id": 808950810,
            "variant_title": "Pink",
            "vendor": "Apple",
            "line_price": "199.00",
            "price": "199.00",
        }
    ],
    "abandoned_checkout_url": "https://checkout.local/548380009/checkouts/123123123/recover?key=example-secret-token",
    "discount_codes": [],
    "total_discounts": "0.00",
    "total_price": "421.88",
    "total_tax": "23.88",
    "subtotal_price": "398.00",
    "billing_address": _ADDRESS,
    "customer": {
        "id": CUSTOMER,
        "first_name": "John",
        "last_name": "Smith",
        "email": "john@example.com",
        "default_address": {"country_code": "CA"},
    },
}

ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "buyer_accepts_marketing": True,
    "cancel_reason": None,
    "cart_token": TOKEN,
    "checkout_token": "123123123",
    "contact_email": "jon@example.com",
    "created_at": "2021-12-31T19:00:00-05:00",
    "currency": "USD",
    "discount_codes": [{"code": "TENOFF", "amount": "10.00", "type": "fixed_amount"}],
    "email": "jon@example.com",
    "financial_status": "paid",
    "subtotal_price": "404.95",
    "total_discounts": "20.00",
    "total_price": "414.95",
    "total_shipping_price_set": {"shop_money": _USD, "presentment_money": _USD},
    "total_tax": "0.00",
    "updated_at": "2021-12-31T19:00:00-05:00",
    "billing_address": _ADDRESS,
    "customer": {"id": CUSTOMER, "first_name": "John", "last_name": "Smith", "email": "john@example.com"},
    "line_items": [
        {
            "id": 487817672276298554,
            "price": "89.99",
            "product_id": 788032119674292922,
            "quantity": 1,
            "sku": "SKU2006-001",
            "title": "Aviator sunglasses",
            "variant_title": None,
            "vendor": None,
        }
    ],
}

REFUND: dict[str, Any] = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": "2021-12-31T19:00:00-05:00",
    "user_id": 548380009,
    "refund_line_items": [{"id": 487817672276298627, "quantity": 1, "line_item": ORDER["line_items"][0]}],
    "transactions": [
        {"id": 245135271310201194, "kind": "refund", "status": "success", "amount": "89.99", "currency": "USD"}
    ],
}

CUSTOMER_RECORD: dict[str, Any] = {
    "id": 706405506930370084,
    "first_name": "Bob",
    "last_name": "Biller",
    "verified_email": True,
    "email": "bob@biller.com",
    "default_address": {"country_code": "CA"},
}

CONSENT: dict[str, Any] = {
    "customer_id": 706405506930370084,
    "email_address": "bob@biller.com",
    "email_marketing_consent": {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": None},
}

WOO_ORDER: dict[str, Any] = {
    "id": 727,
    "order_key": "wc_order_58d2d042d1d",
    "status": "processing",
    "currency": "USD",
    "date_created_gmt": "2017-03-22T19:28:02",
    "date_modified_gmt": "2017-03-22T19:28:08",
    "date_paid_gmt": "2017-03-22T19:28:08",
    "discount_total": "0.00",
    "shipping_total": "10.00",
    "total": "29.35",
    "total_tax": "1.35",
    "customer_id": 25,
    "billing": {"first_name": "John", "last_name": "Doe", "country": "US", "email": "john.doe@example.com"},
    "payment_method": "stripe",
    "line_items": [
        {
            "id": 315,
            "name": "Woo Single #1",
            "product_id": 93,
            "variation_id": 0,
            "quantity": 2,
            "subtotal": "6.00",
            "total": "6.00",
            "sku": "",
            "price": 3,
        },
        {
            "id": 316,
            "name": "Ship Your Idea &ndash; Color: Black, Size: M Test",
            "product_id": 22,
            "variation_id": 23,
            "quantity": 1,
            "subtotal": "12.00",
            "total": "12.00",
            "sku": "Bar3",
            "price": 12,
        },
    ],
    "coupon_lines": [],
}

WOO_CUSTOMER: dict[str, Any] = {
    "id": 25,
    "email": "john.doe@example.com",
    "first_name": "John",
    "last_name": "Doe",
    "role": "customer",
    "billing": {"first_name": "John", "last_name": "Doe", "country": "US", "email": "john.doe@example.com"},
}
