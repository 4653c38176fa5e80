"""The demo shop in a real browser, with the script that any shop uses: the newcomer's first minute."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from tests.adapters.running import started

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CONFIG = Path(__file__).parents[2] / "config"
WAIT = "within 10s"
"""What the demo's cart triggers wait; here a fraction of it."""

_CORNER = {"width": 1000, "height": 800}
"""Too narrow for the inbox beside the shop."""


class Demo(NamedTuple):
    """The demo, with carts that are given up sooner."""

    url: str
    admin: dict[str, str]

    def events_of(self, user: str) -> list[str] | None:
        """Ask what a shopper did, newest first; None where nobody is known by that id."""
        answer = httpx.get(f"{self.url}/admin/user", params={"id": user}, headers=self.admin)
        return [each["event"] for each in answer.json()["recent"]] if answer.is_success else None


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    config = tmp_path_factory.mktemp("demo") / "config"
    shutil.copytree(CONFIG, config)
    carts = config / "triggers" / "carts.yaml"
    carts.write_text(carts.read_text("utf-8").replace(WAIT, "within 300ms"), "utf-8")
    data = str(config.parent / "data")
    with started(config, command="demo", IMPEL_DATA=data, IMPEL_ADMIN_TOKEN="admin") as (_, url):  # noqa: S106 - a test
        yield Demo(url, {"Authorization": "Bearer admin"})


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    with browser.new_context(viewport=_CORNER) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        yield page


def agree(page: "Page", demo: Demo) -> str:
    """Enter the shop and agree to be written to; gives the shopper's id."""
    page.goto(f"{demo.url}/shop/")
    page.get_by_role("button", name="Yes, write to me").click()
    return str(json.loads(page.evaluate("localStorage['larch.shopper']"))["id"])


def fill_cart(page: "Page", demo: Demo) -> None:
    page.goto(f"{demo.url}/shop/product/boots")
    page.get_by_role("button", name="Put into the cart").click()


def test_the_first_minute_a_cart_is_left_and_its_mail_is_in_the_inbox(page: "Page", demo: Demo) -> None:
    agree(page, demo)
    fill_cart(page, demo)
    page.get_by_role("link", name="Inbox").click()
    page.get_by_role("button", name="Sam, your cart is still here").click()
    mail = page.frame_locator("#shown iframe")
    mail.get_by_text("You left something behind").wait_for()
    assert "Hiking boots" in mail.locator("table.items").inner_text()
    assert mail.get_by_text("Back to your cart").get_attribute("href").startswith("/shop/cart?id=cart-")
    assert "cart_abandoned" in page.locator("#shown").inner_text()
    with page.expect_popup() as opened:
        mail.get_by_text("Back to your cart").click()
    opened.value.get_by_text("To the till").wait_for()


def test_on_a_wide_screen_the_inbox_is_beside_the_shop(browser: "Browser", demo: Demo) -> None:
    with browser.new_context(viewport={"width": 1360, "height": 800}) as context:
        page = context.new_page()
        agree(page, demo)
        fill_cart(page, demo)
        page.frame_locator(".beside iframe").get_by_text("Sam, your cart is still here").wait_for()


def test_whoever_does_not_agree_is_not_seen(page: "Page", demo: Demo) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{demo.url}/shop/")
    page.get_by_role("button", name="No", exact=True).click()
    fill_cart(page, demo)
    page.goto(f"{demo.url}/shop/cart")
    page.get_by_text("Hiking boots").wait_for()
    assert not any("/v1/" in each for each in asked)


def test_an_order_in_time_is_heard_of_and_nothing_is_sent_of_the_cart(page: "Page", demo: Demo) -> None:
    user = agree(page, demo)
    page.goto(f"{demo.url}/shop/product/lamp")
    page.evaluate("change('socks', 1)")
    page.goto(f"{demo.url}/shop/checkout")
    with page.expect_response("**/v1/batch"):
        page.get_by_role("button", name="Order").click()
    page.get_by_text("Thank you.").wait_for()
    with page.expect_response(lambda answer: "/inbox/messages" in answer.url):
        page.get_by_role("link", name="Inbox").click()
    events = demo.events_of(user) or []
    assert [name for name in events if name in {"order_completed", "checkout_started", "cart_updated"}] == [
        "order_completed",
        "checkout_started",
        "cart_updated",
    ]


def test_who_takes_consent_back_is_not_written_to_and_not_heard_of_any_more(page: "Page", demo: Demo) -> None:
    user = agree(page, demo)
    page.goto(f"{demo.url}/shop/account")
    page.get_by_label("The shop may see").uncheck()
    with page.expect_response("**/v1/batch"):
        page.get_by_role("button", name="Save").click()
    page.get_by_text("The shop hears nothing of you").wait_for()
    assert page.evaluate("localStorage['impel.consent']") == "denied"
    before = demo.events_of(user)
    fill_cart(page, demo)
    page.goto(f"{demo.url}/shop/cart")
    page.get_by_text("Hiking boots").wait_for()
    assert demo.events_of(user) == before
    answer = httpx.get(f"{demo.url}/admin/user", params={"id": user}, headers=demo.admin)
    assert answer.json()["consents"]["marketing"]["granted"] is False
