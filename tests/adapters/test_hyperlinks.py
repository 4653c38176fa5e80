"""Where links lead is all that is changed, whatever the HTML: read by an HTML parser before and after."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from adapters.hyperlinks import is_way_out, relinked

PIECES = re.findall(
    "[^¦]+",
    """\
<a href='https://x.example/?a=1&b=2'>¦<a href="http://x.example">¦<A HREF=https://x.example/p>¦</a>¦<a ¦\
<area href='https://x.example/map'>¦<a data-href='https://x.example'>¦<a title='>' href='https://x.example'>¦\
<a href='https://x.example/1' href='https://x.example/2'>¦<a-b href='https://x.example'>¦\
<a/href='https://x.example'/>¦<a href='mailto:ann@shop.example'>¦<a href='#top'>¦<a href='/cart'>¦<a href>¦\
<a href=>¦<img src='https://x.example'>¦<!--¦-->¦--!>¦<!-->¦<!--->¦<!¦<?¦</¦>¦<![CDATA[¦]]>¦<!doctype html>¦\
<!--[if mso]>¦<![endif]-->¦<style>¦</style>¦<script>¦</script>¦<title>¦</title >¦<textarea>¦</textarea/¦\
<svg>¦</svg>¦<math>¦<select>¦</select>¦<plaintext>¦<noscript>¦</noscript>¦<iframe>¦</iframe>¦<table>¦<td>¦\
</table>¦<p title="¦'¦"¦=¦ ¦\n¦x¦&copy=1¦&amp;¦&#65;¦<¦<b¦<p class=k¦/¦<xmp>¦</xmp>¦<template>¦</template>¦\
<body>¦</body>¦</html>¦<frameset>¦<noembed>¦</noembed>¦\x00¦\x0c¦é\
""",
)
HTML = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text("<>!-/a hrefHREF='\"=:xhtps&;", max_size=60)
)


def nodes(html: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """All that a document holds, in order; the address of a link to the web by itself."""
    root = LexborHTMLParser(html).root
    assert root is not None
    for node in root.traverse(include_text=True):
        if node.tag in {"-text", "-comment"}:
            yield str(node.tag), node.html or ""
            continue
        attributes = dict(node.attributes)
        address = str(attributes.get("href") or "").lstrip("".join(map(chr, range(0x21)))).lower()
        if node.tag in {"a", "area"} and address.startswith(("https://", "http://")):
            yield "address", str(attributes.pop("href"))
        yield str(node.tag), attributes


def addresses(html: str) -> list[Any]:
    return [content for kind, content in nodes(html) if kind == "address"]


@given(HTML)
@example("<svg><title><b x='</title><a href=\"https://x.example\">'>")
@example("<script><!--<script></script><a href='https://x.example'>")
@example("<![CDATA[ > <b title=']]> <a href=\"https://x.example\">'>")
def test_only_where_links_lead_is_changed(html: str) -> None:
    changed = relinked(html, lambda _: "https://t.example/c/1?a=\"'&<b>")
    before, after = list(nodes(html)), list(nodes(changed))
    assert [each for each in before if each[0] != "address"] == [each for each in after if each[0] != "address"]
    assert len(addresses(html)) == len(addresses(changed))
    rewritten = [new for old, new in zip(addresses(html), addresses(changed), strict=True) if old != new]
    assert set(rewritten) <= {"https://t.example/c/1?a=\"'&<b>"}


@given(st.text("aA1&;=xcopyltamp?<>' /\t\n\x00", max_size=30))
@example("&copy=1&lt2&ampx;&notit;&#x41;&#65;")
def test_what_is_told_of_a_link_is_what_a_reader_would_follow(written: str) -> None:
    told: list[str] = []

    def note(address: str) -> str:
        told.append(address)
        return address

    html = f'<p><a href="https://x.example/{written}">'
    assert relinked(html, note) == html
    assert [each.replace("\x00", "\ufffd") for each in told] == addresses(html)


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ("<a href='https://x.example/?id=1&copy=2'>", "https://x.example/?id=1&copy=2"),
        ("<a href='https://x.example/?a=1&amp;b=2'>", "https://x.example/?a=1&b=2"),
        ("<p title='a > b'><A\nHREF = https://x.example/>", "https://x.example/"),
        ("<!--[if mso]><p><![endif]--><a href=' https://x.example'>", " https://x.example"),
        ("<style>a > b {}</style><a href='https://x.example'>", "https://x.example"),
        ("<a href='&#104;ttps://x.example'>", "https://x.example"),
    ],
)
def test_a_link_is_found(html: str, address: str) -> None:
    assert addresses(relinked(html, lambda each: "https://t.example" if each == address else each)) == [
        "https://t.example"
    ]


def test_where_people_leave_is_known_from_elsewhere() -> None:
    assert is_way_out("https://shop.example/impel/unsubscribe/abc.def")
    assert is_way_out("https://shop.example/unsubscribe?u=1")
    assert is_way_out("https://shop.example/preferences/x")
    assert not is_way_out("https://shop.example/how-to-unsubscribe")
    assert not is_way_out("https://[shop.example/unsubscribe")
