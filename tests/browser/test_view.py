"""What the script records by itself: pages, how long they are visible, how far they are scrolled, and clicks."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser.shop import PRODUCT, Shop, Visitor, anonymous_id, eventually, turn, waiting

if TYPE_CHECKING:
    from playwright.sync_api import Page

START = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def stopped(visitor: Visitor) -> Visitor:
    """A visitor whose clock stands still until a test moves it."""
    visitor.context.clock.install(time=START)
    visitor.context.clock.pause_at(START + timedelta(seconds=1))
    return visitor


def pass_by(tab: "Page", seconds: float) -> None:
    tab.clock.run_for(round(seconds * 1000))


def arrive(tab: "Page") -> None:
    """Let what was recorded gather, and arrive."""
    pass_by(tab, 0.2)
    eventually(lambda: not waiting(tab))


def viewed(shop: Shop, user_id: str) -> list[float]:
    return [told["time_spent"] for name, told in shop.events(user_id) if name == "page_viewed"]


def test_a_page_is_told_when_it_begins_and_without_its_query(shop: Shop, visitor: Visitor) -> None:
    home = shop.serve("/home", "<h1>Home</h1><a href='/list?token=secret'>All</a>")
    shop.serve("/list", "<h1>All</h1>")
    tab = visitor.open(home + "?email=ada@shop.example")
    tab.click("a")
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page") == 2)
    first, second = [told for name, told in shop.events(me) if name == "page"]
    assert first == {"url": home, "path": "/home", "title": "Shop", "referrer": ""}
    assert second == {"url": shop.url + "/list", "path": "/list", "title": "Shop", "referrer": home}


def test_what_a_page_shows_is_an_event_with_numbers_as_numbers_and_ids_as_text(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "product_viewed"))
    assert ("product_viewed", {"product_id": "7001", "price": 211.5}) in shop.events(me)


def test_half_a_minute_on_a_product_fires_a_trigger_while_the_page_is_open(shop: Shop, stopped: Visitor) -> None:
    tab = stopped.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    arrive(tab)
    pass_by(tab, 29.8)
    pass_by(tab, 0.001)
    arrive(tab)
    eventually(lambda: shop.fired(me)["long_look"])
    told = [told for name, told in shop.events(me) if name == "page_viewed" and told["time_spent"] > 30]
    assert told == [{"path": "/tent", "product_id": "7001", "price": 211.5, "time_spent": 30.001, "scroll_depth": 0}]


def test_time_counts_only_while_the_page_is_visible(shop: Shop, stopped: Visitor) -> None:
    tab = stopped.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    arrive(tab)
    pass_by(tab, 3.8)
    turn(tab, "hidden")
    arrive(tab)
    pass_by(tab, 3600)
    turn(tab, "visible")
    pass_by(tab, 6.1)
    arrive(tab)
    assert sorted(viewed(shop, me)) == [4, 10.001]


def test_a_page_opened_in_the_background_is_viewed_when_it_is_first_seen(shop: Shop, visitor: Visitor) -> None:
    hidden = 'Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true})'
    visitor.context.add_init_script(hidden)
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    tab.evaluate("impel.track('marked')")
    eventually(lambda: visitor.sent, tab)
    assert visitor.names == ["marked"]
    turn(tab, "visible")
    eventually(lambda: shop.count(anonymous_id(tab), "product_viewed"))


def test_scrolling_tells_the_deepest_mark_and_each_once(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    tab.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.55 - innerHeight)")
    eventually(lambda: scrolls(shop, me) == [50])
    tab.evaluate("scrollTo(0, 0)")
    tab.evaluate("scrollTo(0, 1e6)")
    eventually(lambda: scrolls(shop, me) == [50, 100])


def scrolls(shop: Shop, user_id: str) -> list[int]:
    return [told["scroll_depth"] for name, told in shop.events(user_id) if name == "page_scrolled"]


def test_a_click_on_or_within_a_marked_element_is_an_event(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    tab.click("h1")
    tab.click("button b")
    eventually(lambda: shop.count(me, "size_guide_opened"))
    assert shop.events(me)[-1] == ("size_guide_opened", {"path": "/tent", "place": "top", "in_stock": True})


def test_a_page_that_a_script_changes_is_a_view_of_its_own(shop: Shop, stopped: Visitor) -> None:
    tab = stopped.open(shop.serve("/app", "<h1>App</h1>"))
    me = anonymous_id(tab)
    arrive(tab)
    pass_by(tab, 4.8)
    tab.evaluate("history.pushState({}, '', '/app/two'); document.title = 'Two'")
    tab.evaluate("history.replaceState({}, '', '/app/two#part')")
    pass_by(tab, 3)
    arrive(tab)
    tab.evaluate("history.back()")
    tab.wait_for_url("**/app")
    pass_by(tab, 1)
    arrive(tab)
    eventually(lambda: shop.count(me, "page") == 3, tab)
    events = sorted((each for batch in stopped.sent for each in batch), key=lambda each: each["timestamp"])
    told = [each["properties"] for each in events]
    assert [(each.get("event", each["type"])) for each in events] == [
        "page",
        "page_viewed",
        "page",
        "page_viewed",
        "page",
    ]
    assert [each["path"] for each in told] == ["/app", "/app", "/app/two", "/app/two", "/app"]
    assert (told[1]["time_spent"], told[2]["title"], told[2]["referrer"]) == (5, "Two", shop.url + "/app")
