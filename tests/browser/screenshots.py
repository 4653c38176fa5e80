"""Take the pictures in docs/images, from the running demo: `make screenshots`.

It plays the newcomer: agrees, puts something into the cart, waits for the mail, and reads it.
"""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.adapters.running import started

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_ROOT = Path(__file__).parents[2]
_IMAGES = _ROOT / "docs" / "images"
_WIDE, _PHONE = {"width": 1360, "height": 820}, {"width": 390, "height": 780}
_REMINDER = "Sam, your cart is still here"
_PATIENCE = 30_000
"""Milliseconds; the demo's cart is given up after ten seconds."""


def main() -> None:
    """Start the demo, and take all of them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("there is no `chromium` in the path; Debian's package of that name is enough")
    _IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        config = Path(folder) / "config"
        config.symlink_to(_ROOT / "config")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with started(config, command="demo", IMPEL_DATA=f"{folder}/data") as (_, url):
            _take_all(browser, url)
        browser.close()


def _take_all(browser: "Browser", url: str) -> None:
    page = browser.new_page(viewport=_WIDE)
    page.set_default_timeout(_PATIENCE)
    page.goto(f"{url}/shop/")
    page.get_by_role("button", name="Yes, write to me").click()
    page.goto(f"{url}/shop/product/boots")
    page.get_by_role("button", name="Put into the cart").click()
    page.frame_locator(".beside iframe").get_by_text(_REMINDER).wait_for()
    page.locator("#toast").wait_for(state="hidden")
    _take(page, "shop")
    _read_mail(page, url)
    page.get_by_text("Why?").click()
    page.get_by_text("It passed:").wait_for()
    _take(page, "inbox")
    phone = browser.new_page(viewport=_PHONE)
    _read_mail(phone, url)
    _take(phone, "inbox-phone")


def _read_mail(page: "Page", url: str) -> None:
    page.goto(f"{url}/inbox")
    page.get_by_role("button", name=_REMINDER).click()
    page.frame_locator("#shown iframe").get_by_text("You left something behind").wait_for()


def _take(page: "Page", name: str) -> None:
    page.screenshot(path=_IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
