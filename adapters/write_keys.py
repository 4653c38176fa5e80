"""Write keys: by which events are sent, of what kind, from which pages, and how many of them a second.

A *server* key is a secret of the shop's own services. A *browser* key stands in pages for all to read; so it opens
nothing but the sending of events over HTTP, and is bound to the origins of the shop's pages. A *sandbox* key is for
events that are to stay apart.
"""

import secrets
from collections.abc import Collection
from math import ceil
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
import trio

from adapters.secrets import Secret
from engine.runtime.pacing import Pacing
from engine.runtime.ports import Pace

Kind = Literal["server", "browser", "sandbox"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class WriteKeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the `write_keys` in the settings."""

    kind: Kind = "server"
    key: Secret | None = None
    """Without one, a key is made and kept in the data folder, in `write_keys/NAME`."""
    origins: list[str] = []
    """Where a browser's pages come from, such as `https://shop.example`."""
    rate: Annotated[float, msgspec.Meta(ge=0)] = 0
    """Events a second; 0: as many as come."""

    def __post_init__(self) -> None:
        if self.kind == "browser" and not self.origins:
            raise ValueError("a browser key needs `origins:`, a list such as [https://shop.example]")
        if self.kind == "server" and self.origins:
            raise ValueError("a server key has no `origins:`; a key for pages is of `kind: browser`")
        for each in self.origins:
            origin = _origin_of(each)
            if each != origin:
                raise ValueError(
                    f"{each!r} is not an origin as browsers write it; {origin or 'https://shop.example'} is"
                )


class WriteKey:
    """One that is in force."""

    def __init__(
        self, name: str, secret: str, kind: Kind = "server", origins: Collection[str] = (), rate: float = 0
    ) -> None:
        self.name = name
        self.kind = kind
        self.origins = origins
        self._secret = secret
        self._pacing = Pacing(Pace(rate=rate, burst=ceil(rate)))

    def matches(self, shown: str | None) -> bool:
        """Whether it is what is shown, compared in constant time."""
        return same(shown, self._secret)

    @property
    def wait(self) -> float:
        """Seconds until it may send again."""
        return max(self._pacing.next - _now(), 0) / 1_000

    def sent(self, events: int) -> None:
        """It has sent so many, together: more than may go at once are taken whole, and waited for afterwards."""
        self._pacing.begin(_now(), events)


def same(shown: str | None, wanted: str) -> bool:
    """Whether a secret is the one that is wanted, compared in constant time; an empty one never is."""
    return bool(shown and wanted) and secrets.compare_digest(str(shown).encode(), wanted.encode())


def _origin_of(text: str) -> str:
    """The origin of an address as browsers write it in the header `Origin` (RFC 6454); empty where it has none."""
    try:
        parts = urlsplit(text.lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in _DEFAULT_PORTS or not host or not text.isascii():
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")


def _now() -> int:
    return int(trio.current_time() * 1_000)
