"""Whether a machine opened a mail, or followed its link, and no person: as far as that can be known.

It can be known of those that say so, and of two whose User-Agent has become known:

    Apple's Mail Privacy Protection     `Mozilla/5.0` and nothing more: every mail is fetched, whether read or not
    Gmail, before it shows a mail       one that no browser has (sparkpost.com/blog/gmail-prefetching-images, of 2022)

Gmail's and Yahoo's image proxies fetch when a person opens the mail, and count as that person. Scanners that pass for
a browser cannot be told from one; so opens are an estimate, and clicks a better one.
"""

import re
from collections.abc import Mapping

_APPLE = "Mozilla/5.0"
_GMAIL = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"

_SAYS_SO = re.compile(  # Cubot makes telephones
    r"(?<!cu)bot\b|crawler|spider|scanner|link ?preview|barracuda|mimecast|proofpoint|facebookexternalhit|slurp",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)
_PURPOSE = ("sec-purpose", "purpose", "x-purpose", "x-moz")
"""Headers by which browsers say that they fetch what nobody has asked for yet."""


def is_machine(headers: Mapping[str, str]) -> bool:
    """Whether the headers of a request, whose names are in small letters, are a machine's."""
    agent = headers.get("user-agent", "").strip()
    if agent == _APPLE or agent.endswith(_GMAIL) or _SAYS_SO.search(agent):
        return True
    return any(_AHEAD.search(headers.get(name, "")) for name in _PURPOSE)
