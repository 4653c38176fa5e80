"""Nothing that was recorded is lost, and nothing counts twice, whatever the network and the sidecar do."""

from typing import TYPE_CHECKING

from tests.browser.shop import GRANTED, KEY, PRODUCT, Shop, Visitor, anonymous_id, eventually, kept, turn, waiting

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

CART = "{cart_id: 'c1', product_id: '7001', name: 'Tent for two', price: 211.5, quantity: 1}"
LATER = 11_000
"""Milliseconds after which a page sends what others have left."""
READABLE = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}


def answering(tab: "Page", *answers: tuple[int, dict[str, str]]) -> list[str]:
    """Let the first requests be answered so, and the others by the sidecar; gives the bodies of the first."""
    bodies: list[str] = []

    def answer(route: "Route") -> None:
        if len(bodies) == len(answers):
            route.continue_()
            return
        status, headers = answers[len(bodies)]
        bodies.append(route.request.post_data or "")
        route.fulfill(status=status, headers=READABLE | headers, json={"success": False, "error": "not now"})

    tab.route("**/v1/batch", answer)
    return bodies


def ids_of(visitor: Visitor) -> list[str]:
    """The ids of all events that were sent, as often as they were."""
    return [each["messageId"] for batch in visitor.sent for each in batch]


def leave_nothing(tab: "Page") -> bool:
    """Let so much time pass that the page sends what others have left."""
    tab.clock.run_for(LATER)
    return not waiting(tab)


def test_a_cart_is_sent_until_it_is_taken_and_fires_once_for_the_right_person(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    refused = answering(tab, (500, {}), (429, {"Retry-After": "1"}))
    tab.evaluate(f"impel.identify('edsger', {{email: 'edsger@shop.example'}}); impel.add({CART})")
    eventually(lambda: shop.fired("edsger")["cart_left"], tab)
    eventually(lambda: not waiting(tab))
    assert len(refused) == 2
    assert len(set(ids_of(visitor)[-6:])) == 2, "the same two events, three times"
    assert shop.count("edsger", "Product Added") == 1
    assert shop.fired("edsger") == {"cart_left": 1}
    assert shop.person(me)["user"] == "edsger"


def test_retry_after_is_heeded_by_all_tabs(shop: Shop, visitor: Visitor) -> None:
    visitor.context.clock.install()
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    refused = answering(tab, (503, {"Retry-After": "600"}))
    tab.evaluate("impel.track('held')")
    eventually(lambda: refused, tab)
    tab.wait_for_function("localStorage['impel.wait']")
    other = visitor.open(shop.url + "/tent")
    tab.clock.run_for(590_000)
    other.evaluate("0")
    assert shop.count(me, "held") == 0
    assert shop.count(me, "page") == 1
    tab.clock.run_for(20_000)
    eventually(lambda: (shop.count(me, "held"), shop.count(me, "page")) == (1, 2), tab)


def test_what_is_refused_is_not_sent_again_and_the_next_is_taken(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    warnings: list[str] = []
    tab.on("console", lambda message: warnings.append(message.text))
    refused = answering(tab, (400, {}))
    tab.evaluate("impel.track('poison')")
    eventually(lambda: refused and not waiting(tab), tab)
    tab.evaluate("impel.track('sound')")
    eventually(lambda: shop.count(me, "sound"), tab)
    assert visitor.names.count("poison") == 1
    assert any("not now" in warning for warning in warnings), warnings


def test_a_wrong_key_is_said_on_the_console(shop: Shop, visitor: Visitor) -> None:
    script = f'<script src="{shop.sidecar}/impel.js" data-key="wrong" {GRANTED} defer></script>'
    tab = visitor.context.new_page()
    warnings: list[str] = []
    tab.on("console", lambda message: warnings.append(message.text))
    tab.goto(shop.serve_whole("/wrong", f"<!doctype html>{script}"))
    eventually(lambda: any("this needs a write key" in warning for warning in warnings), tab)
    assert waiting(tab) == 0


def test_what_was_recorded_in_a_tab_that_is_closed_at_once_arrives(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    tab.evaluate("impel.track('last_word')")
    tab.close()
    eventually(lambda: shop.count(me, "last_word"))


def test_requests_outlive_their_page(shop: Shop, visitor: Visitor) -> None:
    noting = """window.outliving = [];
        window.fetch = new Proxy(fetch, {apply(target, self, [address, options]) {
            window.outliving.push(options.keepalive); return Reflect.apply(target, self, [address, options]);
        }})"""
    visitor.context.add_init_script(noting)
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    assert tab.evaluate("outliving") == [True]


def test_what_was_recorded_before_another_page_is_opened_arrives_once(shop: Shop, visitor: Visitor) -> None:
    visitor.context.clock.install()
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    for number in range(5):
        tab.evaluate("number => { impel.track('step', {number}); location.search = number; }", number)
        tab.wait_for_url(f"**?{number}")
    tab.clock.pause_at(tab.evaluate("Date.now()") / 1000 + 1)
    eventually(lambda: (shop.count(me, "page"), shop.count(me, "step")) == (6, 5))
    eventually(lambda: leave_nothing(tab))
    assert sorted(told["number"] for name, told in shop.events(me) if name == "step") == list(range(5))


def test_what_happens_offline_is_sent_when_the_browser_is_online_again(shop: Shop, visitor: Visitor) -> None:
    visitor.context.clock.install()
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    tab.clock.pause_at(tab.evaluate("Date.now()") / 1000 + 1)  # from here on nothing happens by a timer
    visitor.context.set_offline(True)
    tab.evaluate("impel.track('underground')")
    turn(tab, "hidden")
    turn(tab, "visible")
    tab.clock.run_for(5_000)
    assert "underground" not in visitor.names
    visitor.context.set_offline(False)
    eventually(lambda: shop.count(me, "underground"), tab)
    assert visitor.names.count("underground") == 1


def test_a_sidecar_that_cannot_be_reached_is_asked_again(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    tab.route("**/v1/batch", lambda route: route.abort(), times=1)
    tab.evaluate("impel.track('kept')")
    eventually(lambda: shop.count(me, "kept"), tab)
    assert visitor.names.count("kept") == 2, "the one that got nowhere is noted too"


def test_a_request_that_is_never_answered_is_given_up_and_sent_again(shop: Shop, visitor: Visitor) -> None:
    visitor.context.clock.install()
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    tab.route("**/v1/batch", lambda _: None, times=1)
    tab.evaluate("impel.track('hung')")
    eventually(lambda: "hung" in visitor.names, tab)
    assert shop.count(me, "hung") == 0
    tab.clock.run_for(31_000)
    eventually(lambda: leave_nothing(tab), tab)
    assert shop.count(me, "hung") == 1


def test_a_page_finishes_what_an_earlier_one_could_not_send(shop: Shop, visitor: Visitor) -> None:
    visitor.context.clock.install()
    address = shop.serve("/tent", PRODUCT)
    tab = visitor.open(address)
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    refused = answering(tab, (503, {"Retry-After": "60"}))
    tab.evaluate("impel.track('left_behind')")
    eventually(lambda: refused, tab)
    tab.wait_for_function("localStorage['impel.wait']")
    tab.close()
    next_tab = visitor.open(address)
    eventually(lambda: leave_nothing(next_tab))
    assert shop.count(me, "left_behind") == 1


def test_several_tabs_send_each_event_once(shop: Shop, visitor: Visitor) -> None:
    address = shop.serve("/tent", PRODUCT)
    tabs = [visitor.open(address) for _ in range(3)]
    me = anonymous_id(tabs[0])
    for number in range(30):
        tabs[number % 3].evaluate("number => impel.track('step', {number})", number)
    eventually(lambda: shop.count(me, "step") == 30 and not waiting(tabs[0]), tabs[0])
    assert len(ids_of(visitor)) == len(set(ids_of(visitor)))


def test_the_queue_keeps_the_newest_five_hundred(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "page"))
    visitor.context.set_offline(True)
    tab.evaluate("for (let number = 0; number < 520; number += 1) impel.track('step', {number})")
    assert waiting(tab) == 500
    visitor.context.set_offline(False)
    eventually(lambda: not waiting(tab), tab)
    sent = [each["properties"]["number"] for batch in visitor.sent for each in batch if each.get("event") == "step"]
    assert sorted(sent) == list(range(20, 520))


def test_what_is_a_day_old_is_not_sent_any_more(shop: Shop, visitor: Visitor) -> None:
    address = shop.serve("/tent", PRODUCT)
    visitor.open(address).close()
    tab = visitor.context.new_page()
    tab.goto(shop.serve("/empty", "", said=""))
    for hours in (22, 24):
        stale = (
            f"JSON.stringify({{type: 'track', event: 'h{hours}', anonymousId: 'old-{hours}', messageId: '{hours}'}})"
        )
        tab.evaluate(f"localStorage['impel.queue.' + (Date.now() - {hours} * 3.6e6) + '.{hours}'] = {stale}")
    tab.goto(address)
    eventually(lambda: shop.count("old-22", "h22"), tab)
    assert [name for name in kept(tab) if name.endswith(".24")] == []
    assert "h24" not in visitor.names


def test_nothing_of_it_throws_into_the_page(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    me = anonymous_id(tab)
    tab.evaluate("""() => {
        const around = {}; around.around = around;
        for (const name of [undefined, null, "", 5, {}]) impel.track(name);
        impel.track("circular", around); impel.track("huge", {text: "x".repeat(40000)});
        impel.identify(null, {plan: "vip"}); impel.identify({}); impel.reset(); impel.page(); impel.add(); impel.cart();
    }""")
    tab.evaluate("impel.track('after')")
    eventually(lambda: shop.count(anonymous_id(tab), "after"))
    assert shop.count(me, "huge") == 0
    assert KEY not in str(shop.events(me))


def test_a_browser_that_keeps_nothing_is_served_for_as_long_as_the_page_lives(shop: Shop, visitor: Visitor) -> None:
    shut = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('shut', 'SecurityError') }})"
    visitor.context.add_init_script(shut)
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    tab.evaluate("impel.track('shut_out')")
    eventually(lambda: "shut_out" in visitor.names, tab)
    [me] = {each["anonymousId"] for batch in visitor.sent for each in batch}
    eventually(lambda: shop.count(me, "shut_out"))
