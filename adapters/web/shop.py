"""The demo shop's pages, below `/shop/`: a few products, a cart, a till, and what a shopper agrees to.

Cart and shopper are kept by the browser. What the engine hears of them goes through `/impel.js`, as in any shop;
without that script the pages work, and nothing is heard.
"""

import time
from typing import Any, NamedTuple

import msgspec
from quart import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirection

from adapters.demo import BOOTS, LAMP, SOCKS, TENT_2, TENT_3, zone_where
from adapters.keys import Keys
from adapters.web.answers import refusal
from adapters.web.statics import static

SHOP = "/shop/"
"""Where it begins."""

_NOON = 12
_FILES = ("shop.js", "shop.css")
_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Product(NamedTuple):
    """Something to buy."""

    product_id: str
    product: str
    price: float
    said: str
    facts: tuple[str, ...]


PRODUCTS = {
    each.product_id: each
    for each in (
        Product(
            **TENT_2,
            said="Up in four minutes, and dry in a storm. Room for two, and for what two carry.",
            facts=("1.9 kg", "Two doors", "Sleeps two"),
        ),
        Product(
            **TENT_3,
            said="The same tent with a porch, for three people or for two and a dog.",
            facts=("2.6 kg", "One porch", "Sleeps three"),
        ),
        Product(
            **BOOTS,
            said="Leather that gets better with the years, on a sole that we replace.",
            facts=("560 g a boot", "Waterproof", "Can be resoled"),
        ),
        Product(
            **SOCKS,
            said="Merino wool, knitted without a seam. They are warm when wet.",
            facts=("78 % wool", "No seam", "Mended for free"),
        ),
        Product(
            **LAMP,
            said="Forty hours of warm light from one charge, and a hook to hang it by.",
            facts=("40 hours", "Dimmable", "USB-C"),
        ),
    )
}


def shop_routes(keys: Keys) -> Blueprint:
    """The routes; the pages bear the write key, as those of any shop do."""
    routes = Blueprint("shop", __name__, template_folder="templates")

    async def page(name: str, **what: Any) -> Response:
        text = await render_template(
            f"shop/{name}.html",
            products=PRODUCTS,
            catalog=msgspec.json.encode({key: each._asdict() for key, each in PRODUCTS.items()}).decode(),
            key=keys.write_key,
            timezone=zone_where(_NOON, time.time()),
            **what,
        )
        return Response(text, 200, _SAFE, content_type="text/html; charset=utf-8")

    @routes.get("/")
    async def root() -> Redirection:
        return redirect(SHOP)

    @routes.get("/shop/")
    async def front() -> Response:
        return await page("front")

    @routes.get("/shop/product/<product_id>")
    async def product(product_id: str) -> Response:
        if product_id not in PRODUCTS:
            return refusal(404, f"the shop has no product `{product_id}`")
        return await page("product", product=PRODUCTS[product_id])

    @routes.get("/shop/<any(cart, checkout, account):name>")
    async def other(name: str) -> Response:
        return await page(name)

    @routes.get("/shop/<any(products, tents, new, unsubscribe):name>")
    async def from_mail(name: str) -> Redirection:
        """Where the links in the demo's mails lead."""
        product_id = request.args.get("id", "")
        if name == "products" and product_id in PRODUCTS:
            return redirect(f"{SHOP}product/{product_id}")
        return redirect(f"{SHOP}account" if name == "unsubscribe" else SHOP)

    @routes.get("/shop/<name>")
    async def part(name: str) -> Response:
        return static(name, _FILES, _SAFE)

    return routes
