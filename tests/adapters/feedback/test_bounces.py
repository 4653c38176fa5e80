"""What mails say that come back, in the shapes of several mail servers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.feedback.bounces import read
from adapters.trail import Trail

MAILS = Path(__file__).parent / "mails"
MESSAGE = f"{'0123456789abcdef' * 2}:cart_reminder"
TRAIL = Trail("key")


def mail(name: str) -> bytes:
    token = TRAIL.token(MESSAGE)
    assert token is not None
    return (MAILS / f"{name}.eml").read_text().replace("TOKEN", token).encode()


@pytest.mark.parametrize(
    ("name", "event", "soft", "address"),
    [
        ("postfix", "Email Bounced", False, "ann@mail.example"),
        ("postfix_expired", "Email Bounced", True, "ann@mail.example"),
        ("exim", "Email Bounced", True, "ann@mail.example"),
        ("exchange", "Email Bounced", False, "ann@corp.example"),
        ("gmail", "Email Bounced", False, "ann@mail.example"),
        ("blocked", "Email Bounced", True, "ann@mail.example"),
        ("complaint", "Email Marked as Spam", False, "ann@mail.example"),
    ],
)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_what_a_report_says(name: str, event: str, address: str, *, soft: bool, ends: bytes) -> None:
    notice = read(mail(name).replace(b"\n", ends))
    assert notice is not None
    assert (notice.event, notice.soft, notice.addresses) == (event, soft, (address,))
    assert TRAIL.returned(notice.traces, {"cart_reminder"}) == MESSAGE


@pytest.mark.parametrize("name", ["postfix_delayed", "vacation", "receipt", "delivered", "not_spam"])
def test_what_is_no_bounce(name: str) -> None:
    assert read(mail(name)) is None


@pytest.mark.parametrize("name", ["postfix", "exim", "gmail", "exchange", "complaint"])
def test_of_whom_a_mail_was_is_known_without_an_address_of_its_own(name: str) -> None:
    text = mail(name).decode()
    notice = read(text.replace(f"bounces+{TRAIL.token(MESSAGE)}@", "bounces@").encode())
    assert notice is not None
    assert TRAIL.returned(notice.traces, {"cart_reminder"}) == MESSAGE


@pytest.mark.parametrize(
    ("status", "answered", "soft"),
    [
        ("5.1.1", "", False),
        ("5.1.1 (bad destination mailbox address)", "", False),
        ("5.2.1", "", False),
        ("5.2.2", "", True),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", False),
        ("5.4.4", "", False),
        ("5.4.7", "", True),
        ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable", False),
        ("5.7.26", "", True),
        ("4.2.2", "", True),
        ("5.0.0", "smtp; 550 5.1.1 no such user", False),
        ("5.0.0", "smtp; 550-5.7.1 [5.1.1.9] blocked", True),
        ("5.0.0", "smtp; 550 [5.1.1.9] unknown user", False),
        ("5.0.0", "smtp; 552 mailbox exceeds its quota", True),
        ("5.0.0", "", False),
        ("", "smtp; 451 come back later", True),
        ("", "smtp; 550 no such user", False),
        ("", "it just did not work", True),
    ],
)
def test_a_status_tells_whether_the_address_is_good(status: str, answered: str, *, soft: bool) -> None:
    text = mail("blocked").decode()
    start, end = text.index("Status: "), text.index("--b1--")
    notice = read(f"{text[:start]}Status: {status}\nDiagnostic-Code: {answered}\n\n{text[end:]}".encode())
    assert notice is not None
    assert notice.soft is soft


@given(st.data())
def test_a_mail_that_is_cut_off_or_garbled_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    whole = mail(data.draw(st.sampled_from(sorted(path.stem for path in MAILS.iterdir()))))
    at = data.draw(st.integers(0, len(whole)))
    notice = read(whole[:at] + data.draw(st.binary(max_size=20)))
    assert notice is None or notice.event in {"Email Bounced", "Email Marked as Spam"}
