"""Whatever a template asks for, and whatever visitors give it, filling it in ends soon, with an error that says why."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.utils.html import strip_tags

from adapters.content import Messages
from adapters.content.bounds import LARGEST, STEPS
from adapters.content.markup import loose, mended, without_comments, without_tags
from adapters.content.plaintext import plain_text
from engine.runtime.ports import Rejected
from tests.adapters.test_content import event, render

GIVEN: Mapping[str, Any] = {
    "text": "x" * 10_000,
    "long": "x" * (LARGEST - 1_000),
    "broken": "<a " * 16_000,
    "many": 10**12,
    "list": ["a", "b"] * 5_000,
    "dates": [f"2026-01-01 10:00:00.{number:06}" for number in range(2_000)],
}
FILES = {
    "itself": "{% include 'itself' %}",
    "twice": "{% render 'twice' %}{% render 'twice' %}",
    **{f"laugh{number}": f"{{% render 'laugh{number + 1}' %}}" * 10 for number in range(9)},
    **{f"smile{number}": f"{{% include 'smile{number + 1}' %}}" * 10 for number in range(9)},
    "laugh9": "",
    "smile9": "",
}
STEPPED, SIZED, DEEP = "more than 20,000 steps", "at most 50,000 characters or items", "maximum context depth"


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many functions are called meanwhile, Python's own among them."""
    calls = [0]

    def count(_frame: object, what: str, _arg: object) -> None:
        calls[0] += what in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def in_data(template: str) -> str:
    return f"destination: crm\ndata:\n  x: |\n    {template}\n"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for a in (1..1000) %}{% for b in (1..1000) %}{{ a }}{% endfor %}{% endfor %}", STEPPED),
        ("{% for a in (1..900) %}{{ a }}{% endfor %}" * 30, STEPPED),
        ("{% for a in event.list %}{% if true %}{% endif %}{% endfor %}", STEPPED),
        ("{% for a in (1..event.many) %}{% endfor %}", STEPPED),
        ("{% for a in (1..event.many) reversed %}{% endfor %}", STEPPED),
        ("{% assign r = (1..1000000000000) %}{% for a in r limit: 1 offset: 999999999 %}{% endfor %}", STEPPED),
        ("{% for a in (1..99999999999999999999999) %}{% endfor %}", STEPPED),
        ("{% tablerow a in (1..event.many) %}{% endtablerow %}", STEPPED),
        ("{% for a in (1..2000) %}{% render 'laugh9' %}{% endfor %}", STEPPED),
        ("{% render 'laugh9' for event.list as each %}", STEPPED),
        ("{% render 'laugh0' %}", STEPPED),
        ("{% include 'smile0' %}", STEPPED),
        ("{% include 'itself' %}", DEEP),
        ("{% render 'twice' %}", DEEP),
        ("{{ (1..event.many) | join: ',' }}", SIZED),
        ("{{ event.text | replace: 'x', event.text }}", SIZED),
        ("{{ event.text | replace: '', event.text }}", SIZED),
        ("{{ event.text | split: '' | join: event.text }}", SIZED),
        ("{% assign s = 'x' %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}", SIZED),
        (
            "{% assign l = event.text | split: 0 %}{% for i in (1..60) %}{% assign l = l | concat: l %}{% endfor %}",
            SIZED,
        ),
        ("{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}", SIZED),
        (
            "{% assign s = 'x' %}{% for i in (1..60) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}",
            "output",
        ),
        ("{% for i in (1..60) %}{{ event.text }}{% endfor %}", "output stream limit reached"),
        ("{{ event.list | uniq | size }}", STEPPED),
        ("{% for i in (0..1999) %}{{ event.dates[i] | date: '%Y' }}{% endfor %}", STEPPED),
        ("{% for i in (1..100) %}{{ event.broken | strip_html | size }}{% endfor %}", STEPPED),
        ("{% for i in (1..100) %}{{ event.long | split: '' | size }}{% endfor %}", STEPPED),
        ("{% for i in (1..100) %}{{ event.long | escape | url_encode | size }}{% endfor %}", STEPPED),
        ("".join(f"{{% assign v{number} = 1 %}}" for number in range(3_000)), STEPPED),
    ],
)
def test_a_nasty_template_fails_after_a_bounded_amount_of_work(template: str, said: str) -> None:
    messages = Messages.load({"messages/m.yaml": in_data(template), **FILES}, {"crm"})
    context = {"event": event("e", **GIVEN)}
    with counted() as calls, pytest.raises(Rejected, match=said) as caught:
        messages.render("m", context)
    assert calls[0] < 25 * STEPS
    place = str(caught.value).partition(": ")[0]
    assert place in {"messages/m.yaml:4", *(f"{name}:1" for name in FILES)}
    assert len(str(caught.value)) < 200


def test_a_mail_with_a_cart_of_a_hundred_things_is_within_bounds() -> None:
    items = [{"product": f"Tent {number}", "price": 211, "quantity": 2} for number in range(100)]
    row = (
        "{% for item in cart.items %}{% assign n = item.quantity | default: 1 %}<tr><td>{{ item.product }}</td>"
        "<td>{% if n > 1 %}{{ n }} x {% endif %}{{ item.price | times: n }}</td></tr>{% endfor %}"
    )
    text = f"destination: mail\nsubject: Yours\nhtml: '<table>{row}</table>'\n"
    found = render(text, {"profile": {"email": "a@shop.example"}, "cart": event("cart", items=items)})
    assert found["html"].count("<tr>") == 100


def test_the_fields_of_a_message_share_its_steps() -> None:
    fields = "".join(f"  x{number}: '{{% for a in (1..900) %}}{{{{ a }}}}{{% endfor %}}'\n" for number in range(20))
    messages = Messages.load({"messages/m.yaml": f"destination: crm\ndata:\n{fields}"}, {"crm"})
    with pytest.raises(Rejected, match=STEPPED):
        messages.render("m", {})


def test_each_message_has_its_own_steps() -> None:
    messages = Messages.load({"messages/m.yaml": in_data("{% for a in (1..4000) %}{% endfor %}")}, {"crm"})
    for _ in range(10):
        assert messages.render("m", {}) == {"x": "\n"}


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("{% for i in (1..11) %}<a {% endfor %}", "its HTML has 11 `<` that begin no tag: write each as `&lt;`"),
        ("{{ event.broken | safe }}", "its HTML has 16,000 `<` that begin no tag"),
        ("{% for i in (1..40) %}{{ event.quotes | safe }}{% endfor %}", "output stream limit"),
    ],
)
def test_html_that_no_mail_program_would_show_is_refused(html: str, said: str) -> None:
    given = {**GIVEN, "quotes": '"' * 10_000}
    text = f"destination: mail\nsubject: s\nhtml: |\n  {html}\n"
    with pytest.raises(Rejected, match=said):
        render(text, {"profile": {"email": "a@shop.example"}, "event": event("e", **given)})


def test_mjml_that_grows_too_large_is_refused() -> None:
    row = "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>"
    body = f"<mjml><mj-body>{{% for i in (1..700) %}}{row}{{% endfor %}}</mj-body></mjml>"
    text = f"destination: mail\nsubject: s\nmjml: |\n  {body}\n"
    with pytest.raises(Rejected, match="characters; at most 200,000 are sent"):
        render(text, {"profile": {"email": "a@shop.example"}})


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a <b>big</b> tent</p>", "a big tent"),
        ("a < b and c > d", "a < b and c > d"),
        ("1 <2<p>3</p>", "1 <23"),
        ("a<!-- b -->c", "ac"),
        ("a<!-- <b> -->c<!-- d", "ac"),
        ("<style>p {}</style>x<SCRIPT a='b'>if (a) {}</SCRIPT>y<script>z", "xy"),
        ("Tom &amp; Ann<br/>", "Tom &amp; Ann"),
        ("<a href='x' title='y'>z</a >", "z"),
    ],
)
def test_tags_are_stripped_from_html_of_any_kind(html: str, text: str) -> None:
    assert without_tags(html) == text


TAGS = st.sampled_from(["<p>", "</p>", "<b class='x'>", "</b>", "<br/>", "<!-- c -->", "<style>p {}</style>"])
BROKEN = st.text(st.sampled_from("<>!-/a s&'\""), max_size=60)


@given(st.lists(TAGS | st.text(st.characters(exclude_characters="<>&"), max_size=5)).map("".join))
def test_of_sound_html_the_same_is_left_as_by_a_real_reader(html: str) -> None:
    assert without_tags(html) == strip_tags(html)


@given(BROKEN)
def test_mended_html_has_no_comment_and_no_tag_that_does_not_end(html: str) -> None:
    sound = mended(html)
    assert loose(sound) == 0
    assert without_comments(sound).count("<!--") == 0
    assert mended(sound) == sound
    assert plain_text(sound) == plain_text(html)
