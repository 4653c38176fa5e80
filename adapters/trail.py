"""What leads from a mail back to its message: its image, its links, and the address to which it comes back.

Each bears a token of its own kind: signed, so that nobody else can make one, and under a salt of its own, so that none
is good for anything else. The address in the token of a link is ours alone to choose: `/c/` redirects nowhere else.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from typing import NamedTuple

from itsdangerous import BadData, Signer, URLSafeTimedSerializer
from werkzeug.urls import iri_to_uri

from adapters.hyperlinks import is_way_out, relinked

GOOD_FOR = 366 * 86_400
"""Seconds for which images and links are: people come back to old mails."""

_FIRING, _MARK = 16, 10
"""Bytes of the token of an address: a firing's id, and as much of the signature as there is room for."""

TOKEN_LENGTH = 42
"""Letters of it: small ones and digits, for some servers change large ones."""

_TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{42}(?![a-z0-9])", re.IGNORECASE)
_LONGEST_LINK = 2_000
"""A longer address is not sure to be followed everywhere: the link stays as it is."""

_TRIED = 8
_OFTEN = 10
"""A message of that name may come so often in one firing."""

_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


class Click(NamedTuple):
    """A link of a message, by its id, and where it leads."""

    message: str
    target: str


class Trail:
    """Makes and reads the tokens; without a public address, those of addresses only."""

    def __init__(self, key: str, public_url: str = "") -> None:
        self._opens = _timed(key, "opened")
        self._clicks = _timed(key, "clicked")
        self._returns = Signer(key, salt="returned", digest_method=sha256).derive_key()
        self._public = public_url.rstrip("/")

    # Opens and clicks --------------------------------------------------------------------------------------------

    def tracked(self, html: str, message: str, *, opens: bool, clicks: bool) -> str:
        """The HTML of a message, by its id, by which it is seen that it is opened, or its links followed."""
        if clicks:
            html = relinked(html, lambda address: self._link(message, address))
        if not opens:
            return html
        address = f"{self._public}/o/{self._opens.dumps(message)}.gif"
        image = f'<img src="{escape(address)}" width="1" height="1" alt="" style="border:0">'
        ends = list(_BODY_END.finditer(html))
        at = ends[-1].start() if ends else len(html)
        return html[:at] + image + html[at:]

    def _link(self, message: str, address: str) -> str:
        try:
            target = iri_to_uri(address)
        except ValueError:  # no address at all
            return address
        link = f"{self._public}/c/{self._clicks.dumps([message, target])}"
        return address if is_way_out(target) or len(link) > _LONGEST_LINK else link

    def opened(self, token: str) -> str | None:
        """The id of the message whose image it is; None where the token is not ours, or too old."""
        try:
            return str(self._opens.loads(token, max_age=GOOD_FOR))
        except BadData:
            return None

    def clicked(self, token: str) -> Click | None:
        """The link that it is; None where the token is not ours, or too old."""
        try:
            return Click(*self._clicks.loads(token, max_age=GOOD_FOR))
        except BadData:
            return None

    # What comes back ---------------------------------------------------------------------------------------------

    def token(self, message: str) -> str | None:
        """The token of a message, by its id, which fits before an @; None for one that is of no firing."""
        firing = message.partition(":")[0]
        try:
            raw = bytes.fromhex(firing)
        except ValueError:
            return None
        if len(raw) != _FIRING or raw.hex() != firing:
            return None
        return base64.b32encode(raw + self._mark(message)).decode().rstrip("=").lower()

    def returned(self, text: str, names: Iterable[str]) -> str | None:
        """The id of the message whose token stands in a text; `names` are those that messages may have.

        There is no room for a message's name beside its firing: it is found by trying which one was signed. Of many
        tokens, which no report has, the first few are looked at.
        """
        for found in list(dict.fromkeys(_TOKEN.findall(text)))[:_TRIED]:
            try:
                raw = base64.b32decode(found.upper() + "=" * (-len(found) % 8))
            except binascii.Error:
                continue
            firing, mark = raw[:_FIRING].hex(), raw[_FIRING:]
            for message in _messages(firing, names):
                if hmac.compare_digest(self._mark(message), mark):
                    return message
        return None

    def _mark(self, message: str) -> bytes:
        return hmac.digest(self._returns, message.encode(), sha256)[:_MARK]


def _timed(key: str, salt: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt=salt, signer_kwargs={"digest_method": sha256})


def _messages(firing: str, names: Iterable[str]) -> Iterable[str]:
    """The ids that messages of a firing may have, as `engine.core.decisions` makes them, the likely ones first."""
    known = sorted(names)
    yield from (f"{firing}:{name}" for name in known)
    yield from (f"{firing}:{name}:{again}" for again in range(2, _OFTEN + 1) for name in known)
