"""The libraries for browsers, in a real one, by the lines that docs/sources.md gives for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.cart_left import CART, KEYS, CartShop, cart_shop, wait_until
from tests.browser.packages import bundled, needs_packages
from tests.browser.page import Page, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_SEND = """async ([url, key]) => {
  const headers = { Authorization: `Basic ${btoa(key + ":")}`, "X-Retry-Count": "1" }
  const body = JSON.stringify({ userId: "u1", event: "Looked" })
  try {
    const answer = await fetch(url + "/v1/t", { method: "POST", headers, body })
    return [answer.status, answer.headers.get("Retry-After")]
  } catch (fault) {
    return [fault.name, null]
  }
}"""

_BEACON = """([url, key]) => navigator.sendBeacon(
  `${url}/beacon/v1/batch?writeKey=${key}`,
  JSON.stringify({ batch: [{ type: "track", userId: "u1", event: "Left" }] }),
)"""


@pytest.fixture
def page() -> Iterator[Page]:
    with served() as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, page: Page) -> Iterator[CartShop]:
    with cart_shop(tmp_path, page.origin) as one:
        yield one


def sent(browser: "Browser", where: str, shop: CartShop, key: str, script: str = _SEND) -> Any:
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(where)
        return tab.evaluate(script, [shop.sidecar, KEYS[key]])


@needs_packages
@pytest.mark.parametrize(
    ("library", "path"),
    [
        ("Segment in the browser", "/v1/t"),
        ("Segment in the browser, in batches", "/v1/b"),
        ("RudderStack in the browser", "/v1/track"),
    ],
)
def test_a_cart_sent_by_a_library_becomes_one_mail_though_the_server_fails_first(
    browser: "Browser", page: Page, shop: CartShop, library: str, path: str
) -> None:
    page.script = bundled(shop.documented(library, "browser"))
    with browser.new_context() as context:
        context.new_page().goto(page.origin)
        shop.sends_one_mail_to_ada()
    assert {each.path for each in shop.front.told()} == {path}


@needs_packages
def test_what_could_not_be_sent_before_a_tab_was_closed_is_sent_from_the_next_page(
    browser: "Browser", page: Page, shop: CartShop
) -> None:
    code = shop.documented("Segment in the browser", "browser")
    with browser.new_context() as context:
        tab = context.new_page()
        page.script = bundled(code)
        context.route("**/v1/t", lambda route: route.abort())
        with tab.expect_event("requestfailed", lambda request: request.url.endswith("/v1/t")):
            tab.goto(page.origin)
        tab.goto("about:blank")
        context.unroute_all()
        assert CART not in shop.events("u1")
        page.script = bundled("".join(line for line in code.splitlines(keepends=True) if "track" not in line))
        tab.goto(page.origin)
        wait_until(lambda: any(each.status == 200 for each in shop.front.told()))
    assert shop.events("u1").count(CART) == 1


def test_a_page_of_the_key_s_origin_sends_and_one_of_another_is_stopped_by_the_browser(
    browser: "Browser", page: Page, shop: CartShop
) -> None:
    assert sent(browser, page.foreign, shop, "browser") == ["TypeError", None]
    assert shop.events("u1") == []
    assert sent(browser, page.origin, shop, "browser") == [200, None]
    assert shop.events("u1") == ["Looked"]


def test_a_page_reads_when_to_come_back(browser: "Browser", page: Page, shop: CartShop) -> None:
    assert sent(browser, page.origin, shop, "slow") == [200, None]
    status, after = sent(browser, page.origin, shop, "slow")
    assert status == 429
    assert 900 < int(after) <= 1_000


def test_a_beacon_arrives_though_it_can_set_no_header(browser: "Browser", page: Page, shop: CartShop) -> None:
    assert sent(browser, page.origin, shop, "browser", _BEACON)
    assert shop.until_seen("u1") == ["Left"]
