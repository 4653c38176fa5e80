"""A shop for tests: pages of an origin of their own that load the script from a real sidecar, and visitors to it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx

from tests.adapters.running import started, write_config

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request

SETTINGS = """
destinations: {kept: {kind: memory}}
write_keys: {storefront: {kind: browser, key: {env: STOREFRONT_KEY}, origins: [ORIGIN]}}
"""
TRIGGERS = """
triggers:
  cart_left:
    when: '"Product Added" then no ("Product Added" or "Order Completed") within 200ms'
    per: cart_id
    send: cart
  long_look: {when: 'page_viewed[exists(product_id) and time_spent > 30s]', cooldown: 1d, send: advice}
"""
MESSAGES = {
    "cart": "destination: kept\ndata: {name: '{{ event.name }}'}\n",
    "advice": "destination: kept\ndata: {product: '{{ event.product_id }}'}\n",
}
KEY = "key-of-the-pages"
GRANTED = 'data-consent="granted"'
PRODUCT = """
<main data-impel-view="product_viewed" data-impel-product-id="7001" data-impel-price="211.50">
  <h1>Tent for two</h1>
  <button data-impel="size_guide_opened" data-impel-place="top" data-impel-in-stock="true"><b>Sizes</b></button>
  <div style="height: 5000px"></div>
</main>
"""


@dataclass
class Shop:
    """Pages by path, each with its headers, and the sidecar beside them."""

    admin: Mapping[str, str]
    pages: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    url: str = ""
    sidecar: str = ""

    def serve(self, path: str, body: str, *, said: str = GRANTED, **headers: str) -> str:
        """Put up a page; `said` stands in its script's tag. Gives its address."""
        script = f'<script src="{self.sidecar}/impel.js" data-key="{KEY}" {said} defer></script>'
        return self.serve_whole(path, f"<!doctype html><title>Shop</title>{script}{body}", **headers)

    def serve_whole(self, path: str, content: str, **headers: str) -> str:
        """Put up a page as it stands, or a script."""
        self.pages[path] = content, {name.replace("_", "-"): value for name, value in headers.items()}
        return self.url + path

    def person(self, user_id: str) -> dict[str, Any]:
        """What the sidecar knows of a person."""
        answer = httpx.get(f"{self.sidecar}/admin/user", params={"id": user_id}, headers=self.admin)
        return dict(answer.json()) if answer.is_success else {"recent": [], "firings": []}

    def events(self, user_id: str) -> list[tuple[str, dict[str, Any]]]:
        """The person's events, oldest first."""
        return [(each["event"], each["properties"]) for each in reversed(self.person(user_id)["recent"])]

    def count(self, user_id: str, name: str) -> int:
        """How many events of that name the person has."""
        return sum(event == name for event, _ in self.events(user_id))

    def fired(self, user_id: str) -> Counter[str]:
        """How often each trigger has fired for the person."""
        return Counter(each["trigger"] for each in self.person(user_id)["firings"])


@dataclass
class Visitor:
    """Somebody with a browser; `sent` are the events of each request to the sidecar, `faults` what went wrong."""

    context: "BrowserContext"
    shop: Shop
    sent: list[list[dict[str, Any]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("request", self._note)
        self.context.on("weberror", lambda fault: self.faults.append(str(fault.error)))

    def _note(self, request: "Request") -> None:
        if request.url.endswith("/v1/batch"):
            self.sent.append(request.post_data_json["batch"])

    def open(self, address: str) -> "Page":
        """Open a page in a tab of its own."""
        tab = self.context.new_page()
        tab.goto(address)
        return tab

    @property
    def names(self) -> list[str]:
        """The names of all events that were sent."""
        return [each.get("event", each["type"]) for batch in self.sent for each in batch]


def kept(tab: "Page") -> dict[str, str]:
    """What the script keeps in the browser, by its names there."""
    found: dict[str, str] = tab.evaluate("Object.fromEntries(Object.entries(localStorage))")
    return {name.removeprefix("impel."): value for name, value in found.items() if name.startswith("impel.")}


def waiting(tab: "Page") -> int:
    """How many events wait in the browser."""
    return sum(name.startswith("queue.") for name in kept(tab))


def anonymous_id(tab: "Page") -> str:
    """By which the visitor is known."""
    return kept(tab)["id"]


def turn(tab: "Page", state: str) -> None:
    """Let the page be hidden, or visible again: headless tabs are always visible."""
    tab.evaluate(
        """state => {
            Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def eventually(is_so: Callable[[], object], tab: "Page | None" = None) -> None:
    """Wait until it is so; what a tab sends is noted, and answered by a test, only while something is asked of it."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        _note_all(tab)
        time.sleep(0.02)
    _note_all(tab)


def _note_all(tab: "Page | None") -> None:
    if tab is not None:
        tab.evaluate("0")


@contextmanager
def opened(folder: Path) -> Iterator[Shop]:
    """Run a shop and its sidecar, both on free ports."""
    shop = Shop({"Authorization": "Bearer token"})
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(shop)) as server:
        shop.url = f"http://localhost:{server.server_port}"
        config = write_config(folder, SETTINGS.replace("ORIGIN", shop.url), TRIGGERS, MESSAGES)
        with started(config, STOREFRONT_KEY=KEY, IMPEL_ADMIN_TOKEN="token") as (_, shop.sidecar):  # noqa: S106 - of this test
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
            yield shop
            server.shutdown()


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content, headers = shop.pages.get(self.path.partition("?")[0], ("", {}))
            self.send_response(200 if content else 404)
            kind = "text/javascript" if self.path.endswith(".js") else "text/html"
            for name, value in {"Content-Type": f"{kind}; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
