"""Finds the links in the HTML of a mail, and changes where they lead; all else stays as it is written, to the letter.

Theory of operation. Of a mail's HTML nothing is certain: it is filled in, and may be broken. So it is neither parsed
into a tree nor written anew, but read as the tokenizer of the HTML standard reads it (WHATWG, 13.2.5): tags with their
attributes, comments, and elements whose content is no markup. Where that depends on the tree (`_LOST`), which a mail
has no use for, the reading ends, and what follows is left alone: a link that is not changed does no harm.
"""

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.entities import html5
from typing import NamedTuple
from urllib.parse import urlsplit

Change = Callable[[str], str]
"""Given the address of a link, gives the one to write instead; the same leaves the link as it is."""

_MARKUP = re.compile(r"<(?:(!--)|(!\[CDATA\[)|([!?]|/[^a-zA-Z])|/?([a-zA-Z][^\t\n\f\r />]*))")
_COMMENT_END = re.compile(r"--!?>")
_NEXT = re.compile(r"[\t\n\f\r /]*")
_NAME = re.compile(r"[^\t\n\f\r />][^\t\n\f\r />=]*")
_EQUALS = re.compile(r"[\t\n\f\r ]*=[\t\n\f\r ]*")
_BARE = re.compile(r"[^\t\n\f\r >]*")
_REFERENCE = re.compile(r"&(?:#[^;&\s]*;?|[a-zA-Z][a-zA-Z0-9]*[;=]?)")
_WEB = re.compile(r"[\x00-\x20]*https?://", re.IGNORECASE)
_OWN_PAGE = re.compile(r"(?:^|/)(?:unsubscribe|preferences)(?:/|$)")

_QUOTES = frozenset({'"', "'"})
_LINKS = frozenset({"a", "area"})
_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
"""Elements whose content is no markup."""
_LOST = frozenset({"frameset", "math", "plaintext", "select", "svg"})
"""Elements in which the tree decides how the text is read."""


class _Value(NamedTuple):
    """The value of an attribute: where it begins and ends, quotes among it, and what is written between them."""

    start: int
    stop: int
    text: str


def relinked(html: str, change: Change) -> str:
    """HTML in which the `href` of each link to the web leads where `change` says."""
    pieces, copied = [], 0
    for value in _targets(html):
        address = _unescaped(value.text)
        if not _WEB.match(address):
            continue
        changed = change(address)
        if changed != address:
            quote = '"' if html[value.start] not in _QUOTES else html[value.start]
            pieces += [html[copied : value.start], quote, escape(changed), quote]
            copied = value.stop
    return "".join([*pieces, html[copied:]])


def is_way_out(address: str) -> bool:
    """Whether an address is where people unsubscribe or choose: nothing may stand between them and that."""
    try:
        return _OWN_PAGE.search(urlsplit(address).path) is not None
    except ValueError:  # no address at all
        return False


def _targets(html: str) -> Iterator[_Value]:
    """The values of the first `href` of each link, in order."""
    at = 0
    while (found := _MARKUP.search(html, at)) is not None:
        comment, data, odd, name = found.groups()
        if comment:
            after = _after_comment(html, found.end())
        elif data:
            return
        elif odd:
            after = html.find(">", found.end() - 1) + 1
        else:
            attributes, after = _attributes(html, found.end())
            tag = name.lower()
            if after and html[found.start() + 1] != "/":
                if tag in _LINKS and "href" in attributes:
                    yield attributes["href"]
                after = _after_content(html, tag, after)
        if not after:
            return
        at = after


def _after_comment(html: str, at: int) -> int:
    """Where a comment ends whose content begins there; 0: it does not."""
    for empty in (">", "->"):
        if html.startswith(empty, at):
            return at + len(empty)
    end = _COMMENT_END.search(html, at)
    return end.end() if end else 0


def _after_content(html: str, tag: str, at: int) -> int:
    """Where markup goes on after a tag: behind what it says is none; 0: nowhere that is certain."""
    if tag in _LOST:
        return 0
    if tag not in _RAW:
        return at
    end = re.compile(rf"</{tag}(?=[\t\n\f\r />])", re.IGNORECASE).search(html, at)
    if end is None or (tag == "script" and "<!--" in html[at : end.start()]):
        return 0
    return end.start()


def _attributes(html: str, at: int) -> tuple[dict[str, _Value], int]:
    """The attributes of a tag whose name ends there, the first of each name; and where the tag ends, 0: nowhere."""
    found: dict[str, _Value] = {}
    while True:
        at = _end(_NEXT, html, at)
        if html.startswith(">", at):
            return found, at + 1
        name = _NAME.match(html, at)
        if name is None:
            return found, 0
        at = name.end()
        if equals := _EQUALS.match(html, at):
            value = _value(html, equals.end())
            if value is None:
                return found, 0
            found.setdefault(name[0].lower(), value)
            at = value.stop
        else:
            found.setdefault(name[0].lower(), _Value(at, at, ""))


def _value(html: str, at: int) -> _Value | None:
    """The value of an attribute that begins there; None: its quotes are not closed."""
    quote = html[at : at + 1]
    if quote not in _QUOTES:
        stop = _end(_BARE, html, at)
        return _Value(at, stop, html[at:stop])
    stop = html.find(quote, at + 1)
    return None if stop < 0 else _Value(at, stop + 1, html[at + 1 : stop])


def _end(pattern: re.Pattern[str], html: str, at: int) -> int:
    """Where what matches there ends."""
    found = pattern.match(html, at)
    return at if found is None else found.end()


def _unescaped(text: str) -> str:
    """What the value of an attribute says: `&copy=1` in an address is a parameter, and no sign (WHATWG, 13.2.5.73)."""
    return _REFERENCE.sub(lambda found: _referred(found[0]), text)


def _referred(reference: str) -> str:
    if reference.startswith("&#") or reference[1:] in html5:
        return unescape(reference)
    return reference
