"""What leads from a mail back to its message: nobody else can make it, and each is good for one thing only."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from adapters.trail import GOOD_FOR, TOKEN_LENGTH, Click, Trail
from adapters.web.unsubscribing import Links

PUBLIC = "https://shop.example/impel"
FIRING = "0123456789abcdef" * 2
MESSAGE = f"{FIRING}:cart_reminder"
TRAIL = Trail("key", PUBLIC)
HTML = "<body><p>Hello</p><a href='https://shop.example/cart?id=1&amp;x=ä'>Cart</a></body></html>"


def parts(html: str) -> tuple[str, str]:
    """The tokens of the image and of the link."""
    image, link = re.search(r"/o/([^/]+)\.gif", html), re.search(r"/c/([^/'\"]+)['\"]", html)
    assert image
    assert link
    return image[1], link[1]


def tracked() -> str:
    return TRAIL.tracked(HTML, MESSAGE, opens=True, clicks=True)


def test_an_image_and_a_link_lead_back_to_their_message() -> None:
    opened, clicked = parts(tracked())
    assert TRAIL.opened(opened) == MESSAGE
    assert TRAIL.clicked(clicked) == Click(MESSAGE, "https://shop.example/cart?id=1&x=%C3%A4")
    assert tracked().endswith('style="border:0"></body></html>')


def test_each_can_be_left_out() -> None:
    assert TRAIL.tracked(HTML, MESSAGE, opens=False, clicks=False) == HTML
    assert "/c/" not in TRAIL.tracked(HTML, MESSAGE, opens=True, clicks=False)
    assert "/o/" not in TRAIL.tracked(HTML, MESSAGE, opens=False, clicks=True)


@pytest.mark.parametrize(
    "href",
    [
        "mailto:ann@shop.example",
        "#top",
        "/cart",
        "tel:+491",
        f"{PUBLIC}/unsubscribe/abc",
        f"{PUBLIC}/preferences/abc",
        "https://shop.example/unsubscribe?u=1",
        "https://[shop.example/",
        "https://shop.example/" + "".join(sha256(bytes([n])).hexdigest() for n in range(40)),
    ],
)
def test_what_must_lead_straight_there_is_left_alone(href: str) -> None:
    html = f'<a href="{href}">x</a>'
    assert TRAIL.tracked(html, MESSAGE, opens=False, clicks=True) == html


def test_a_token_is_good_for_nothing_else() -> None:
    opened, clicked = parts(tracked())
    leaving = Links("key", PUBLIC).of("k:u")["unsubscribe_url"].rpartition("/")[2]
    for read, others in (
        (TRAIL.opened, (clicked, leaving)),
        (TRAIL.clicked, (opened, leaving)),
        (Links("key", PUBLIC).read, (opened, clicked)),
        (Trail("another key", PUBLIC).opened, (opened,)),
        (Trail("another key", PUBLIC).clicked, (clicked,)),
    ):
        assert [read(token) for token in others] == [None] * len(others)


@given(st.data())
def test_a_token_of_which_one_bit_is_another_is_refused(data: st.DataObject) -> None:
    for token, read in zip(parts(tracked()), (TRAIL.opened, TRAIL.clicked), strict=True):
        # the last letter of base64 has bits that say nothing
        at = data.draw(st.integers(0, len(token) - 2))
        flipped = chr(ord(token[at]) ^ 1 << data.draw(st.integers(0, 6)))
        assert read(token[:at] + flipped + token[at + 1 :]) is None


def test_a_token_grows_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, clicked = parts(tracked())
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + GOOD_FOR - 60)
    assert TRAIL.opened(opened)
    assert TRAIL.clicked(clicked)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + GOOD_FOR + 60)
    assert TRAIL.opened(opened) is None
    assert TRAIL.clicked(clicked) is None


@given(st.text("abcdef_:0123456789", min_size=1, max_size=90), st.binary(min_size=16, max_size=16))
def test_an_address_leads_back_to_its_message_whatever_its_name(name: str, firing: bytes) -> None:
    message = f"{firing.hex()}:{name}"
    token = TRAIL.token(message)
    assert token is not None
    assert len(token) == TOKEN_LENGTH
    for written in (token, token.upper()):
        assert TRAIL.returned(f"<bounces+{written}@shop.example>", {"other", name}) == message


def test_the_second_message_of_a_name_in_one_firing_has_an_address_of_its_own() -> None:
    token = TRAIL.token(f"{MESSAGE}:2")
    assert TRAIL.returned(f"bounces+{token}@shop.example", {"other", "cart_reminder"}) == f"{MESSAGE}:2"


def test_what_bears_more_tokens_than_any_report_is_not_looked_through() -> None:
    token = TRAIL.token(MESSAGE)
    assert token is not None
    others = [TRAIL.token(f"{n:032x}:m") for n in range(7)]
    assert TRAIL.returned(" ".join(map(str, [*others, *others, token])), {"cart_reminder"}) == MESSAGE
    others = [TRAIL.token(f"{n:032x}:m") for n in range(8)]
    assert TRAIL.returned(" ".join(map(str, [*others, token])), {"cart_reminder"}) is None


@given(st.integers(0, TOKEN_LENGTH - 2), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_an_address_that_was_changed_leads_nowhere(at: int, letter: str) -> None:
    token = TRAIL.token(MESSAGE)
    assert token is not None
    changed = token[:at] + letter + token[at + 1 :]
    assert (TRAIL.returned(changed, {"cart_reminder"}) is None) is (changed != token)


def test_an_address_signed_by_another_leads_nowhere() -> None:
    assert TRAIL.returned(f"bounces+{Trail('another key').token(MESSAGE)}@shop.example", {"cart_reminder"}) is None
    assert TRAIL.returned("bounces@shop.example", {"cart_reminder"}) is None


@pytest.mark.parametrize("message", ["k1", "test-0123456789abcdef:test", f"{FIRING.upper()}:m", f"{FIRING[:-2]}:m"])
def test_what_is_of_no_firing_has_no_address(message: str) -> None:
    assert TRAIL.token(message) is None
