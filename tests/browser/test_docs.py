"""What docs/sources.md says of the page, done to the letter, under the policy it shows and no wider one."""

import re
from pathlib import Path

from engine.language.files import load
from tests.browser.shop import KEY, Shop, Visitor, anonymous_id, eventually

SECTION = re.split(r"^## ", (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8"), flags=re.MULTILINE)
[PAGE] = [text for text in SECTION if text.startswith("The page\n")]


def block(kind: str, where: str) -> str:
    """The fenced block of a kind with that in it."""
    [found] = [text for text in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if where in text]
    return str(found)


def put_up(shop: Shop, path: str, tag: str, calls: str = "") -> str:
    """A page with that tag, what the section marks up, and a script of the shop's own with these calls."""
    policy = "default-src 'none'; " + block("text", "script-src").strip().replace("script-src", "script-src 'self'")
    tag = tag.replace("https://impel.shop.example", shop.sidecar).replace("BROWSER_KEY", KEY)
    own = shop.serve_whole(f"{path}.js", f"{calls}\n;")
    content = f'<!doctype html><title>Shop</title>{tag}<script src="{own}" defer></script>{block("html", "<main")}'
    policy = policy.replace("https://impel.shop.example", shop.sidecar)
    return shop.serve_whole(path, content, Content_Security_Policy=policy)


def test_the_one_line_is_silent_until_the_page_passes_consent_on(shop: Shop, visitor: Visitor) -> None:
    silent = visitor.open(put_up(shop, "/docs/silent", block("html", 'KEY" defer')))
    silent.click("button")
    silent.close()
    address = put_up(shop, "/docs/consent", block("html", 'KEY" defer'), block("js", "consent"))
    tab = visitor.open(address)
    eventually(lambda: shop.count(anonymous_id(tab), "product_viewed"), tab)
    assert visitor.names == ["page", "product_viewed"]


def test_what_the_section_marks_up_and_calls_arrives_as_it_says(shop: Shop, visitor: Visitor) -> None:
    tab = visitor.open(put_up(shop, "/docs/granted", block("html", "data-consent"), block("js", "impel.track")))
    tab.click("text=Sizes")
    tab.click("text=Buy")
    tent = {"product_id": "7001", "price": 211.5}
    eventually(lambda: shop.count("ada", "Product Added") == 2, tab)
    events = shop.events("ada")
    assert ("product_viewed", {"product": "Tent for two", **tent}) in events
    assert ("size_guide_opened", {"path": "/docs/granted", "place": "top"}) in events
    assert ("Product Added", {"path": "/docs/granted", "cart_id": "c1", **tent}) in events
    assert ("Product Added", {"cart_id": "c1", "name": "Tent for two", "quantity": 1, **tent}) in events
    assert ("coupon_entered", {"coupon": "WELCOME", "cart_id": "c1"}) in events
    assert ("cart_updated", {"cart_id": "c1", "total": 211.5, "items": [tent]}) in events
    assert shop.person("ada")["traits"] == {"email": "ada@shop.example"}


def test_its_triggers_check() -> None:
    loaded = load({"docs/sources.md": block("yaml", "triggers")})
    assert [each.name for each in loaded.triggers] == ["long_look", "cart_left"]
    assert loaded.warnings == ()
