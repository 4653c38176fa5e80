"""MJML, links that bear where they come from, carts and favourites."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.content import Messages
from adapters.content.links import marked
from adapters.destinations.returns import TrackingSettings
from adapters.destinations.smtp import SmtpSettings
from engine.core.decisions import Firing
from engine.core.events import Track, encode
from engine.core.user import User
from engine.runtime.context import context
from engine.runtime.favourites import WINDOW
from engine.runtime.ports import Rejected
from tests.adapters.test_content import ANN, errors, render
from tests.runtime.rig import compiled

MJML = """\
destination: mail
subject: Hello
mjml: |
  <mjml><mj-body><mj-section><mj-column>
  {% for item in cart.items %}<mj-text>{{ item.product }}</mj-text>{% endfor %}
  <mj-button href="https://shop.example/cart?id={{ per }}">Back</mj-button>
  </mj-column></mj-section></mj-body></mjml>
"""
CART = {"name": "cart_updated", "ts": 5, "properties": {"products": [{"product": "Tent & <pole>"}]}}
SEEN: Mapping[str, Any] = {"profile": ANN, "cart": CART, "per": "c1", "trigger": "left", "id": "f1:m"}


def test_mjml_becomes_html_and_text() -> None:
    fields = render(MJML, SEEN)
    assert "mjml" not in fields
    assert "<!doctype html>" in fields["html"].lower()
    assert "Tent &amp; &lt;pole&gt;" in fields["html"]
    assert "Tent & <pole>" in fields["text"]
    assert "Back (https://shop.example/cart?id=c1)" in fields["text"], "a reader sees the address as it is written"


def test_what_is_no_mjml_is_told_when_the_files_are_loaded() -> None:
    (wrong,) = errors(MJML.replace("mj-section", "mj-secton"))
    assert wrong == "messages/m.yaml:3: MJML has no `mj-secton`; did you mean `mj-section`?"
    (wrong,) = errors(MJML.replace("</mj-column>", ""))
    assert "this is not MJML" in wrong
    assert "exclude each other" in errors(MJML + "html: <p>x</p>\n")[0]
    assert "`utm` is true or false" in errors(MJML + "utm: sometimes\n")[0]


def test_what_turns_out_to_be_no_mjml_fails_the_message() -> None:
    # right as it stands, and unbalanced when the logic has had its say
    text = MJML.replace("<mj-text>", "{% if cart %}<mj-text>{% endif %}").replace(
        "</mj-text>", "{% unless cart %}</mj-text>{% endunless %}"
    )
    with pytest.raises(Rejected, match="MJML"):
        render(text, SEEN)


def test_links_bear_where_they_come_from() -> None:
    html = render(MJML, SEEN)["html"]
    (address,) = re.findall(r'href="(https://shop[^"]*)"', html)
    query = urlsplit(address.replace("&amp;", "&")).query
    assert parse_qs(query) == {
        "id": ["c1"],
        "utm_source": ["impel"],
        "utm_medium": ["email"],
        "utm_campaign": ["left"],
        "utm_content": ["m"],
        "impel_id": ["f1:m"],
    }
    assert "utm_" not in render(MJML + "utm: false\n", SEEN)["html"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://x.example/">', '<a href="https://x.example/?a=b%20c">'),
        ("<A class='k' HREF='http://x.example/p#top'>", "<A class='k' HREF='http://x.example/p?a=b%20c#top'>"),
        ('<a href="https://x.example/?q=1&amp;r=2">', '<a href="https://x.example/?q=1&amp;r=2&amp;a=b%20c">'),
        ('<a href="https://x.example/?utm_source=other">', None),
        ('<a href="mailto:ann@shop.example">', None),
        ('<img src="https://x.example/i.png"><link href="https://x.example/c.css">', None),
    ],
)
def test_each_kind_of_link(html: str, expected: str | None) -> None:
    assert marked(html, {"a": "b c", "empty": ""}) == (html if expected is None else expected)
    assert marked(html, {}) == html


def someone(*events: tuple[str, int, dict[str, Any]]) -> User:
    user = User("k:u", compiled("triggers: {left: {when: cart then no order within 1h}}"))
    for seq, (name, at, properties) in enumerate(events):
        user.observe(Track(seq, name, at, encode(properties)), at)
    return user


def seen_by(user: User, per: str | None = None) -> dict[str, Any]:
    return context(user, Firing("f", "left", "u", user.clock, per=per))


def test_the_favourite_is_what_is_looked_at_most_and_of_two_the_latest() -> None:
    looks = [("product_viewed", n, {"category": name, "of": {"brand": name}}) for n, name in enumerate("abbca")]
    user = someone(*looks, ("order_completed", 9, {"category": "c"}), ("order_completed", 9, {"category": "c"}))
    favourite = seen_by(user)["favourite"]
    assert (favourite["category"], favourite["of.brand"]) == ("a", "a")
    with pytest.raises(KeyError):
        favourite["colour"]


def test_what_was_looked_at_long_ago_is_no_favourite() -> None:
    for ages, favourite in (((0, 0), "new"), ((1, 1), "old")):
        old = [("cta_clicked", at, {"hero": "old"}) for at in ages]
        user = someone(*old, ("cta_clicked", WINDOW, {"hero": "new"}))
        assert seen_by(user)["favourite"]["hero"] == favourite


def test_the_cart_is_the_latest_of_that_value_and_is_listed_by_either_name() -> None:
    user = someone(
        ("cart_updated", 1, {"cart_id": "a", "items": [1]}),
        ("Cart Viewed", 2, {"cart_id": "b", "products": [2]}),
        ("product_viewed", 3, {"items": "none"}),
    )
    assert seen_by(user)["cart"]["properties"] == {"cart_id": "b", "products": [2]}
    assert seen_by(user, "a")["cart"]["properties"] == {"cart_id": "a", "items": [1]}
    assert seen_by(user, "z")["cart"] is None


TRACKED = "destination: mail\nsubject: Hi\nhtml: <p>Hi</p>\n"


@pytest.mark.parametrize(
    ("more", "wanted", "tracked"),
    [
        ("", {"opens": True}, True),
        ("", {"clicks": True}, True),
        ("", {}, False),
        ("tracking: false\n", {"opens": True}, False),
        ("purpose: transactional\n", {"opens": True}, False),
        ("purpose: transactional\ntracking: true\n", {"opens": True}, True),
    ],
)
def test_a_message_is_tracked_where_destination_file_and_person_let_it(
    more: str, wanted: dict[str, bool], tracked: bool
) -> None:
    mail = SmtpSettings(host="a", sender="shop@shop.example", tracking=TrackingSettings(**wanted))
    messages = Messages.load({"messages/m.yaml": TRACKED + more}, {"mail": mail})
    seen = {"profile": ANN, "id": "f:m", "tracking": True}
    assert messages.render("m", seen).get("tracking", False) is tracked
    assert "tracking" not in messages.render("m", seen | {"tracking": False})


def test_to_track_where_nothing_can_be_is_a_mistake() -> None:
    (wrong,) = errors(TRACKED + "tracking: true\n")
    assert wrong.startswith(
        "messages/m.yaml:4: `mail` does not track: say `tracking: {opens: true, clicks: true}` of it"
    )
    (wrong,) = errors(TRACKED + "tracking: often\n")
    assert wrong.startswith("messages/m.yaml:4: `tracking` is true or false")


def test_nobody_unsubscribes_from_what_is_transactional() -> None:
    seen = {"profile": ANN, "unsubscribe_url": "https://shop.example/unsubscribe/x"}
    assert render(TRACKED, seen)["unsubscribe"] == "https://shop.example/unsubscribe/x"
    assert render(TRACKED + "purpose: transactional\n", seen)["unsubscribe"] == ""
