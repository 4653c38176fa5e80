"""What a mail says that came back: that one of ours was not delivered (RFC 3464), or is complained of (RFC 5965).

Only reports that were made for machines are read (`multipart/report`, RFC 6522). That a mail is late is no bounce, nor
is an answer by a machine, nor a receipt for reading. By the status of a recipient who was not reached (RFC 3463, 3)

    4.*                              soft: in the end it was given up, but the address may be good
    5.1.7, 5.1.8                     soft: it is the sender's address that was not liked
    5.2.2, 5.2.3                     soft: the mailbox is full, or the mail too large for it
    5.3.*, 5.4.5 to 5.4.7            soft: their system, or the way there
    5.5.1 to 5.5.5, 5.6.*, 5.7.*     soft: how or what we send; who is blocked has not lost all of its readers
    any other 5.*                    hard: there is nobody at that address

Where a server says no more than `5.0.0`, as Exim does, what the other side answered counts.
"""

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, message_from_string
from email.message import Message
from typing import NamedTuple

from adapters.feedback.report import BOUNCED, SPAM

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<!\d)([45]\d\d)(?![\d.])")
_SOFT = re.compile(r"4\..+|5\.(?:1\.[78]|2\.[23]|3\.\d+|4\.[567]|5\.[1-5]|6\.\d+|7\.\d+)")
_VAGUE = re.compile(r"[45]\.0\.0")
_FULL = "552"
"""Answered without a status: more than the recipient has room for (RFC 5321, 4.2.3)."""

_COMPLAINTS = frozenset({"abuse", "fraud"})
_WHERETO = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "In-Reply-To", "References")
_WHOSE = ("Message-ID", "Return-Path")


class Notice(NamedTuple):
    """What a report says of one of our mails."""

    event: str
    soft: bool
    addresses: tuple[str, ...]
    """Of those who were not reached, or have complained, as far as it is said."""
    traces: str
    """The headers in which the mail's token may stand."""


def read(mail: bytes) -> Notice | None:
    """What a mail says; None: nothing of ours that has come to nothing."""
    report = message_from_bytes(mail)
    if report.get_content_type() != "multipart/report" or not report.is_multipart():
        return None
    traces = [*_headers(report, _WHERETO)]
    found: Notice | None = None
    for part in _parts(report):
        match part.get_content_type():
            case "message/delivery-status":
                found = _undelivered(_parts(part)) or found
                traces += (value for block in _parts(part) for value in _headers(block, ("Original-Envelope-Id",)))
            case "message/feedback-report":
                found = _complained(_parts(part)) or found
                traces += (value for block in _parts(part) for value in _headers(block, ("Original-Mail-From",)))
            case "message/rfc822" | "message/rfc822-headers" | "text/rfc822-headers":
                traces += _headers(_returned(part), _WHOSE)
    return None if found is None else found._replace(traces=" ".join(traces))


def _undelivered(blocks: Iterable[Message]) -> Notice | None:
    failed = [block for block in blocks if _value(block, "Action").lower() == "failed"]
    if not failed:
        return None
    addresses = dict.fromkeys(each for block in failed for each in _recipients(block))
    soft = all(_is_soft(_status(block)) for block in failed)
    return Notice(BOUNCED, soft, tuple(addresses), "")


def _complained(blocks: Iterable[Message]) -> Notice | None:
    for block in blocks:
        if _value(block, "Feedback-Type").lower() in _COMPLAINTS:
            addresses = [address.strip(" <>") for address in _headers(block, ("Original-Rcpt-To",))]
            return Notice(SPAM, soft=False, addresses=tuple(addresses), traces="")
    return None


def _status(block: Message) -> str:
    """The status of a recipient; what their server answered, where that says more."""
    status, answered = _value(block, "Status").split("(")[0].strip(), _value(block, "Diagnostic-Code")
    if _STATUS.fullmatch(status) and not _VAGUE.fullmatch(status):
        return status
    if (said := _STATUS.search(answered)) and not _VAGUE.fullmatch(said[0]):
        return said[0]
    if reply := _REPLY.search(answered):
        return "5.2.2" if reply[1] == _FULL else f"{reply[1][0]}.0.0"
    return status


def _is_soft(status: str) -> bool:
    """Whether an address may be good all the same; what is no status says nothing against it."""
    return _STATUS.fullmatch(status) is None or _SOFT.fullmatch(status) is not None


def _recipients(block: Message) -> Iterator[str]:
    """The address that we have written to, if it is said, and the one at which it ended: `rfc822; ann@shop.example`."""
    for name in ("Original-Recipient", "Final-Recipient"):
        address = _value(block, name).rpartition(";")[2].strip(" <>")
        if address:
            yield address


def _returned(part: Message) -> Message:
    """The headers of the mail that is sent back."""
    inner = _parts(part)
    if inner:
        return inner[0]
    text = part.get_payload(decode=True)
    return message_from_string(text.decode("utf-8", "replace") if isinstance(text, bytes) else "")


def _parts(mail: Message) -> list[Message]:
    parts = mail.get_payload()
    return [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []


def _headers(mail: Message, names: Iterable[str]) -> Iterator[str]:
    return (str(value) for name in names for value in mail.get_all(name, []))


def _value(block: Message, name: str) -> str:
    """The value of a field, on one line; empty where it is missing."""
    return " ".join(str(block.get(name, "")).split())
