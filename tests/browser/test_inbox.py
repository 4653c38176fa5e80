"""The inbox page in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from tests.adapters.running import started, write_config

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SETTINGS = "destinations: {mail: {kind: inbox}, site: {kind: inbox}}\n"
TRIGGERS = """
triggers:
  left:
    when: cart then no order within 24h
    steps: [{send: reminder}, {after: 48h, send: again}]
  looked: {when: view, cooldown: 1m, send: advice}
"""
HOSTILE = "<script>fetch('/stolen')</script><img src=x onerror=fetch('/stolen')>"
MESSAGES = {
    "reminder": 'destination: mail\nsubject: Your cart\ntext: t\nhtml: "<html><head></head><body>'
    f'<h1>Hello {{{{ recent.cart[0].item }}}}</h1>{HOSTILE}</body></html>"\n',
    "again": "destination: mail\nsubject: Still your cart\ntext: Only text\n",
    "advice": "destination: site\ndata: {show: advice, seconds: 45}\n",
}
KEYS = {"IMPEL_WRITE_KEY": "write", "IMPEL_SANDBOX_KEY": "sand", "IMPEL_ADMIN_TOKEN": "admin"}


class Reader(NamedTuple):
    """Somebody who looks at the page; `asked` are the addresses that the browser has asked for."""

    page: "Page"
    url: str
    asked: list[str]

    def enter(self, token: str = "admin") -> None:  # noqa: S107 - a test's
        self.page.goto(f"{self.url}/inbox?space=sandbox")
        self.page.get_by_label("Admin token").fill(token)
        self.page.get_by_role("button", name="Open the inbox").click()

    def happen(self, event: str, **properties: object) -> None:
        """Let something happen in the sandbox to somebody who may be written to."""
        traits = {"email": "ann@shop.example", "consent": {"marketing": True}}
        for path, more in (("identify", {"traits": traits}), ("track", {"event": event, "properties": properties})):
            httpx.post(f"{self.url}/v1/{path}", json={"userId": "u1"} | more, auth=("sand", "")).raise_for_status()


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = write_config(tmp_path_factory.mktemp("inbox"), SETTINGS, TRIGGERS, MESSAGES)
    with started(config, **KEYS) as (_, url):
        yield url


@pytest.fixture
def reader(browser: "Browser", sidecar: str) -> Iterator[Reader]:
    with browser.new_context() as context:
        yield reading(context, sidecar)


def reading(context: "BrowserContext", sidecar: str) -> Reader:
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(10_000)
    return Reader(page, sidecar, asked)


def test_a_day_passes_at_a_click_and_the_mail_is_there_with_its_reason(reader: Reader) -> None:
    reader.happen("cart", item="Boots")
    reader.enter()
    reader.page.get_by_role("button", name="+ 1 day").click()
    reader.page.get_by_role("button", name="Your cart sent").click()
    shown = reader.page.locator("#shown")
    assert "left fired" in shown.inner_text()
    assert reader.page.frame_locator("#shown iframe").locator("h1").inner_text() == "Hello Boots"
    shown.get_by_text("Why?").click()
    shown.get_by_text("cart then no order within 24h").first.wait_for()
    assert "It passed: delay, until" in shown.inner_text()
    held = reader.page.get_by_role("button", name="again held")
    held.click()
    shown.get_by_text("It has not been written").wait_for()
    assert "Held until" in shown.inner_text()


def test_a_mail_runs_no_script(reader: Reader) -> None:
    reader.happen("cart", item="Boots")
    reader.enter()
    reader.page.get_by_role("button", name="+ 1 day").click()
    reader.page.get_by_role("button", name="Your cart sent").first.click()
    reader.page.frame_locator("#shown iframe").locator("h1").wait_for()
    assert any("/inbox/mail/" in each for each in reader.asked)
    assert not any("stolen" in each for each in reader.asked)


def test_data_is_a_table_and_what_shoppers_say_is_only_text(reader: Reader) -> None:
    httpx.post(f"{reader.url}/v1/track", json={"userId": HOSTILE, "event": "view"}, auth=("sand", ""))
    identify = {"userId": HOSTILE, "traits": {"consent": {"marketing": True}}}
    httpx.post(f"{reader.url}/v1/identify", json=identify, auth=("sand", ""))
    reader.happen("view")
    reader.enter()
    reader.page.get_by_role("button", name="advice sent u1").first.click()
    assert reader.page.locator("#shown table").inner_text().split() == ["show", "advice", "seconds", "45"]
    reader.page.get_by_text(HOSTILE).first.wait_for()
    assert not any("stolen" in each for each in reader.asked)


def test_a_wrong_token_is_told_and_a_right_one_stays_in_the_tab(reader: Reader) -> None:
    reader.enter("guessed")
    reader.page.get_by_text("That is not it.").wait_for()
    assert reader.page.locator("#panes").is_hidden()
    reader.enter()
    reader.page.locator("#panes").wait_for()
    reader.page.reload()
    reader.page.locator("#panes").wait_for()
    assert not any("admin" in each for each in reader.asked), "no address bears the token"
    assert reader.page.context.cookies() == []


def test_on_a_phone_a_message_takes_the_whole_screen_and_there_is_a_way_back(browser: "Browser", sidecar: str) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        reader = reading(context, sidecar)
        reader.happen("view")
        reader.enter()
        entry = reader.page.get_by_role("button", name="advice sent u1").first
        entry.click()
        assert entry.is_hidden()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert reader.page.evaluate(overflow) == 0
        reader.page.get_by_role("button", name="All messages").click()
        assert entry.is_visible()
        assert reader.page.evaluate(overflow) == 0
