"""What is to come back of mails sent here: that they were opened, their links followed, or that they did not arrive."""

import re
from typing import Literal

import msgspec

from adapters.destinations.mail import parse_address
from adapters.secrets import Secret
from adapters.trail import TOKEN_LENGTH

TOKEN = "{{ token }}"  # noqa: S105 - the place of one, no secret
_PORTS = {"tls": 993, "starttls": 143}
_LONGEST = 64
"""Octets before the @ (RFC 5321, 4.5.3.1.1)."""


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked at, of messages and people whom nothing speaks against."""

    opens: bool = False
    """An image of one pixel at the end of the HTML."""
    clicks: bool = False
    """Links lead by way of `/c/TOKEN`."""

    def __bool__(self) -> bool:
        """Whether anything is."""
        return self.opens or self.clicks


class ImapSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mailbox in which mails arrive that came back. It is looked into every minute."""

    host: str
    username: str
    password: Secret
    port: int = 0
    """0: 993 with TLS from the start, else 143."""
    security: Literal["tls", "starttls"] = "tls"
    folder: str = "INBOX"
    ca_file: str = ""
    """Certificates to trust instead of the system's."""

    @property
    def at(self) -> int:
        """The port."""
        return self.port or _PORTS[self.security]


class BounceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where mails come back to, which is the sender on their envelope."""

    address: str
    """`bounces+{{ token }}@shop.example`, or one address for all; then a bounce must name the mail's Message-ID."""
    imap: ImapSettings | None = None
    """Without one, `impel bounces` is handed them."""

    def __post_init__(self) -> None:
        filled = self.address.replace(TOKEN, "x" * TOKEN_LENGTH)
        try:
            local = parse_address(filled).username
        except ValueError as error:
            raise ValueError(f"address: not an e-mail address: {error}") from None
        if not re.fullmatch(r"[A-Za-z0-9.+_=-]+@[A-Za-z0-9.-]+", filled):
            raise ValueError("address: `bounces+{{ token }}@shop.example`, without a name or brackets")
        if len(local) > _LONGEST:
            room = _LONGEST - TOKEN_LENGTH
            raise ValueError(f"address: beside `{TOKEN}`, {room} characters before the @ are the most")

    def sender(self, token: str) -> str:
        """The sender on the envelope of a mail."""
        return self.address.replace(TOKEN, token)
