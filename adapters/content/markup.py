"""HTML as text: what is read in one pass, whatever it says, for Python's own reader takes ages over what is broken."""

import re

_TAG = re.compile(r"<(/?)([a-zA-Z!?][^\s<>/]*)[^<>]*>")
_LOOSE = re.compile(r"<(?![^<>]*>)")
_UNSEEN = frozenset({"script", "style"})


def without_tags(html: str) -> str:
    """The text between tags, but for that of scripts and styles, and without comments."""
    pieces, at, unseen = list[str](), 0, ""
    html = without_comments(html)
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if not unseen:
            pieces.append(html[at : tag.start()])
            unseen = name if name in _UNSEEN and not tag[1] else ""
        elif name == unseen and tag[1]:
            unseen = ""
        at = tag.end()
    if not unseen:
        pieces.append(html[at:])
    return "".join(pieces)


def without_comments(html: str) -> str:
    """HTML without its comments; one that is not closed goes to the end."""
    pieces, at = list[str](), 0
    while (begin := html.find("<!--", at)) >= 0:
        pieces.append(html[at:begin])
        end = html.find("-->", begin + 2)  # `<!-->` is one, too
        at = len(html) if end < 0 else end + 3
    pieces.append(html[at:])
    return "".join(pieces)


def loose(html: str) -> int:
    """How many `<` begin no tag."""
    return len(_LOOSE.findall(without_comments(html)))


def mended(html: str) -> str:
    """HTML without comments, in which each `<` that begins no tag is written as it should be."""
    return _LOOSE.sub("&lt;", without_comments(html))
