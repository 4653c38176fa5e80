"""Links in mails bear where they come from: UTM parameters and the message's id, by which what follows is known.

A link that has UTM parameters of its own, and any that is no web address, is left as it is; so is where people
unsubscribe or choose.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from adapters.hyperlinks import is_way_out, relinked

ID = "impel_id"
"""The parameter with the message's id."""


def marked(html: str, parameters: Mapping[str, str]) -> str:
    """HTML whose links bear the parameters; those that are empty are left out."""
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value)

    def mark(address: str) -> str:
        try:
            parts = urlsplit(address)
        except ValueError:  # such as a bracket that is not closed
            return address
        if is_way_out(address) or "utm_" in parts.query or f"{ID}=" in parts.query:
            return address
        return parts._replace(query=f"{parts.query}&{added}" if parts.query else added).geturl()

    return relinked(html, mark) if added else html
