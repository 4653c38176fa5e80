"""Nothing is recorded, sent or kept without consent; and what was kept is forgotten when it is withdrawn."""

import pytest

from tests.browser.shop import GRANTED, PRODUCT, Shop, Visitor, anonymous_id, eventually, kept

ACT = "impel.track('acted'); impel.identify('ada'); impel.add({cart_id: 'c1'}); impel.reset()"
OFFLINE = "Object.defineProperty(navigator, 'onLine', {value: false, configurable: true})"
ONLINE = "Object.defineProperty(navigator, 'onLine', {value: true}); dispatchEvent(new Event('online'))"


def be_busy(visitor: Visitor, address: str) -> None:
    """Look at a page, scroll, click, call, and leave; then again."""
    for _ in range(2):
        tab = visitor.open(address)
        tab.click("button")
        tab.evaluate("scrollTo(0, 1e6)")
        tab.evaluate(ACT)
        tab.wait_for_function("scrollY > 0")
        tab.goto(address + "?again")
        tab.close(run_before_unload=True)


def test_without_consent_nothing_is_sent_and_nothing_is_kept(shop: Shop, visitor: Visitor) -> None:
    address = shop.serve("/silent", PRODUCT, said="")
    be_busy(visitor, address)
    tab = visitor.open(address)
    assert kept(tab) == {}
    tab.evaluate("impel.consent(true)")
    me = anonymous_id(tab)
    eventually(lambda: shop.count(me, "product_viewed"), tab)
    assert visitor.names == ["page", "product_viewed"], "only from the consent on"


def test_consent_is_remembered_on_the_next_page(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/first", "<h1>First</h1>", said=""))
    tab.evaluate("impel.consent(true)")
    me = anonymous_id(tab)
    tab.goto(shop.serve("/second", "<h1>Second</h1>", said=""))
    eventually(lambda: shop.count(me, "page") == 2)


def test_consent_withdrawn_empties_the_queue_and_forgets_who_it_was(shop: Shop, visitor: Visitor) -> None:
    visitor.context.add_init_script(OFFLINE)
    address = shop.serve("/tent", PRODUCT)
    tab = visitor.open(address)
    tab.evaluate("impel.identify('withdrawn')")
    assert {"id", "user"} <= kept(tab).keys()
    tab.evaluate("impel.consent(false)")
    assert kept(tab) == {"consent": "denied"}
    tab.evaluate(ONLINE)
    be_busy(visitor, address)
    assert visitor.sent == []
    assert kept(visitor.open(address)) == {"consent": "denied"}


def test_consent_given_in_one_tab_begins_the_view_in_the_others(shop: Shop, visitor: Visitor) -> None:
    address = shop.serve("/silent", PRODUCT, said="")
    one, _other = visitor.open(address), visitor.open(address)
    one.evaluate("impel.consent(true)")
    me = anonymous_id(one)
    eventually(lambda: shop.count(me, "product_viewed") == 2)


def test_consent_withdrawn_in_one_tab_is_withdrawn_in_the_others(shop: Shop, visitor: Visitor) -> None:
    one, other = (visitor.open(shop.serve("/tent", PRODUCT)) for _ in range(2))
    me = anonymous_id(one)
    eventually(lambda: shop.count(me, "page") == 2)
    one.evaluate("impel.consent(false)")
    other.click("button")
    other.evaluate(ACT)
    other.close(run_before_unload=True)
    assert kept(one) == {"consent": "denied"}
    assert set(visitor.names) == {"page", "product_viewed"}


@pytest.mark.parametrize("said", ["", GRANTED])
def test_global_privacy_control_is_silence_for_good(shop: Shop, visitor: Visitor, said: str) -> None:
    before = visitor.open(shop.serve("/tent", PRODUCT))
    assert "id" in kept(before)
    before.close()
    visitor.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    address = shop.serve("/private", PRODUCT, said=said)
    sent = len(visitor.sent)
    tab = visitor.open(address)
    tab.evaluate("impel.consent(true)")
    be_busy(visitor, address)
    assert kept(tab) == {}
    assert len(visitor.sent) == sent


def test_a_visitor_who_resets_is_somebody_else(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    first = anonymous_id(tab)
    tab.evaluate("impel.reset(); impel.track('after')")
    second = anonymous_id(tab)
    assert first != second
    eventually(lambda: shop.count(second, "after"))
    assert shop.count(first, "after") == 0


def test_a_second_person_at_the_same_browser_does_not_inherit_the_first_ones_id(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(shop.serve("/tent", PRODUCT))
    ids = []
    for user in ("first-person", "first-person", "second-person"):
        tab.evaluate("user => impel.identify(user)", user)
        ids.append(anonymous_id(tab))
    assert ids[0] == ids[1] != ids[2]
    tab.evaluate("impel.track('bought')")
    eventually(lambda: shop.count("second-person", "bought"))
    assert shop.count("first-person", "bought") == 0
