"""Links in mails bear where they come from: UTM parameters and the message's id, by which what follows is known.

A link that has UTM parameters of its own, and any that is no web address, is left as it is.
"""

import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import quote, urlsplit

_LINK = re.compile(r"""(<a\b[^>]*?\bhref\s*=\s*)(["'])(https?://.*?)\2""", re.IGNORECASE | re.DOTALL)

ID = "impel_id"
"""The parameter with the message's id."""


def marked(html: str, parameters: Mapping[str, str]) -> str:
    """HTML whose links bear the parameters; those that are empty are left out."""
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value)

    def mark(found: re.Match[str]) -> str:
        address = unescape(found[3])
        parts = urlsplit(address)
        own = re.search(r"/(?:unsubscribe|preferences)/[^/]+$", parts.path)
        if not added or own or "utm_" in parts.query or f"{ID}=" in parts.query:
            return found[0]
        query = f"{parts.query}&{added}" if parts.query else added
        return f"{found[1]}{found[2]}{escape(parts._replace(query=query).geturl())}{found[2]}"

    return _LINK.sub(mark, html)
