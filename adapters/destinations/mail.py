"""A mail, as RFC 5322 and RFC 2369 want it written, and those who take in many of them.

Gmail and Yahoo ask bulk senders for one-click unsubscribing (RFC 8058), a From of the sender's own, a Date and a
Message-ID. Feedback-ID is by what Gmail's Postmaster Tools tell apart who is complained of: `message:trigger::sender`
(support.google.com/mail/answer/6254652: the last of 5 to 15 characters, no value twice). No person wrote the mail, so
none should be answered by a machine (RFC 3834, 5: `Auto-Submitted: auto-generated`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from engine.runtime.ports import Delivery, Rejected

# Lines as long as RFC 5322 allows: when the library folds a long address in List-Unsubscribe, it encodes it,
# and then no mail reader finds it.
_POLICY = SMTP.clone(max_line_length=990, cte_type="7bit")
_USER = "{{ user }}"
_SENDER_ID = slice(15)
_SHORTEST_SENDER_ID = 5


def compose(delivery: Delivery, sender: Address, unsubscribe: tuple[str, ...], *, identity: str = "") -> EmailMessage:
    """Make the mail out of the fields `to`, `subject`, `text` and `html` of a delivery.

    `unsubscribe` holds https and mailto addresses in which `{{ user }}` stands for the user, percent-encoded; where the
    delivery has a field `unsubscribe`, that is the https address, and where that is empty nobody can unsubscribe. The
    Message-ID is `identity`, or made of the delivery's id, and so the same at every attempt.

    Raises:
        Rejected: it has no address, no content, or an address that is not one.

    """
    mail = EmailMessage(_POLICY)
    mail["From"] = sender
    mail["To"] = recipient(delivery.data)
    mail["Subject"] = _one_line(str(delivery.data.get("subject", "")))
    mail["Date"] = format_datetime(datetime.now(UTC))
    identity = identity or sha256(delivery.id.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{identity}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Feedback-ID"] = _feedback_id(delivery, sender)
    own = delivery.data.get("unsubscribe")
    others = tuple(address for address in unsubscribe if not address.startswith("https:"))
    if own != "":
        _add_unsubscribe(mail, delivery.user, unsubscribe if own is None else (str(own), *others))
    _add_content(mail, delivery)
    return mail


def recipient(data: Mapping[str, Any]) -> Address:
    """The one address a mail goes to.

    Raises:
        Rejected: there is none, or it cannot be written as one ASCII address.

    """
    written = str(data.get("to") or "").strip()
    if not written:
        raise Rejected("no address")
    try:
        address = parse_address(written)
    except ValueError:
        raise Rejected("the address in `to` is not one e-mail address") from None
    if not address.username.isascii():
        raise Rejected("the address in `to` has letters before the @ that need SMTPUTF8")
    return address


def parse_address(written: str) -> Address:
    """Read `name@shop.example` or `A Name <name@shop.example>`; a domain is put into ASCII.

    Raises:
        ValueError: it is not exactly one address.

    """
    if not written.isprintable():
        raise ValueError("it is more than one line of text")
    before, bracket, after = written.rpartition("<")
    spec = after.removesuffix(">") if bracket else written
    if bracket and not after.endswith(">"):
        raise ValueError("a bracket is not closed")
    try:
        plain = Address(addr_spec=spec)
        domain = plain.domain.encode("idna").decode("ascii")
        if not plain.username or not domain:
            raise ValueError("a part of the address is missing")
        return Address(before.strip('" '), plain.username, domain)
    except (MessageError, UnicodeError, IndexError) as error:
        raise ValueError(str(error)) from None


def _one_line(text: str) -> str:
    """A header is one line: what follows a line break in it would be read as a header of its own."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _feedback_id(delivery: Delivery, sender: Address) -> str:
    """What a mail has in common with many others; nothing in it says whose it is."""
    domain = re.sub(r"[^A-Za-z0-9.-]", "-", sender.domain)[_SENDER_ID].rstrip(".-").ljust(_SHORTEST_SENDER_ID, "-")
    message, trigger = (re.sub(r"[^A-Za-z0-9_.-]", "-", each) for each in (delivery.message, delivery.trigger))
    return f"{message}:{trigger if trigger != message else ''}::{domain}"


def _add_unsubscribe(mail: EmailMessage, user: str, addresses: tuple[str, ...]) -> None:
    """Add List-Unsubscribe (RFC 2369) and, with an https address, the promise of one click (RFC 8058)."""
    if not addresses:
        return
    filled = [address.replace(_USER, quote(user, safe="")) for address in addresses]
    mail["List-Unsubscribe"] = ", ".join(f"<{address}>" for address in filled)
    if any(address.startswith("https:") for address in addresses):
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _add_content(mail: EmailMessage, delivery: Delivery) -> None:
    text, html = (str(delivery.data.get(field) or "") for field in ("text", "html"))
    if not text and not html:
        raise Rejected(f"{delivery.message} has neither `text` nor `html`")
    if text:
        mail.set_content(text, cte="quoted-printable")
        if html:
            mail.add_alternative(html, subtype="html", cte="quoted-printable")
    else:
        mail.set_content(html, subtype="html", cte="quoted-printable")
