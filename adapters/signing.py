"""Whether a request is from whom it says: signatures over the raw bytes, compared in constant time."""

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

WINDOW = 300
"""Seconds."""


class NotGenuine(Exception):
    """The signature is missing, wrong, or of another time; the text says which."""


@dataclass(frozen=True)
class Post:
    """A request as it came: header names in any case, `url` as the service was told it, `now` in seconds."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: float
    method: str = "POST"

    def header(self, name: str) -> str:
        """A header's value.

        Raises:
            NotGenuine: it is missing.

        """
        found = self.shown(name)
        if found is None:
            raise NotGenuine(f"the header {name} is missing")
        return found

    def shown(self, name: str) -> str | None:
        """A header's value; None if it is missing."""
        wanted = name.lower()
        return next((value for found, value in self.headers.items() if found.lower() == wanted), None)

    def recent(self, seconds: float) -> None:
        """Refuse what was signed at another time.

        Raises:
            NotGenuine: it was.

        """
        if abs(self.now - seconds) > WINDOW:
            raise NotGenuine(f"it was signed more than {WINDOW} seconds from now")


Check = Callable[[Post, str], None]
"""Raises NotGenuine where a post was not signed with a secret."""


def same(shown: str, right: str) -> None:
    """Compare what is shown with what is right, in constant time.

    Raises:
        NotGenuine: they differ.

    """
    if not hmac.compare_digest(shown.strip().encode(), right.encode()):
        raise NotGenuine("the signature is wrong")


def digest(secret: str | bytes, signed: bytes) -> bytes:
    """HMAC-SHA256, raw."""
    return hmac.digest(secret.encode() if isinstance(secret, str) else secret, signed, sha256)


def base64_of(raw: bytes) -> str:
    """Base64, as text."""
    return base64.b64encode(raw).decode()


def seconds_of(stamp: str) -> float:
    """Seconds since the epoch, out of such a number or ISO 8601 text.

    Raises:
        NotGenuine: it is neither.

    """
    try:
        return float(stamp) if stamp.isdecimal() else datetime.fromisoformat(stamp).timestamp()
    except ValueError as error:
        raise NotGenuine("its timestamp is none") from error
