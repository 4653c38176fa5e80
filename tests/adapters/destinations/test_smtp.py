"""Mail submission, against a real server."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from adapters.destinations import build
from adapters.destinations.smtp import SmtpSettings
from adapters.secrets import Secret
from engine.runtime.ports import Delivery, Rejected, Unavailable, Unclear
from tests.adapters.destinations.servers import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


async def send(server: MailServer, delivery: Delivery, **settings: Any) -> None:
    known: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "sender": "Shop <hello@shop.example>",
    }
    async with build("mail", SmtpSettings(**(known | settings))) as smtp:
        await smtp.send(delivery)


def received(server: MailServer, number: int = 0) -> EmailMessage:
    mail = message_from_bytes(server.mails[number], policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def test_a_mail_arrives_as_text_and_html(server: MailServer, delivery: Delivery) -> None:
    data = {"to": "Änn <ann@shop.example>", "subject": "Grüße 🎁", "text": "Schöne Schuhe\n.\nEnde", "html": "<p>ö</p>"}
    await send(server, replace(delivery, data=data))
    mail = received(server)
    assert mail.get_content_type() == "multipart/alternative"
    assert mail["Subject"] == "Grüße 🎁"
    assert mail["From"] == "Shop <hello@shop.example>"
    assert mail["To"] == "Änn <ann@shop.example>"
    assert mail["Date"].datetime is not None
    assert part(mail, "plain") == "Schöne Schuhe\n.\nEnde\n"
    assert part(mail, "html") == "<p>ö</p>\n"
    assert server.recipients == ["ann@shop.example"]


async def test_every_attempt_has_the_same_message_id(server: MailServer, delivery: Delivery) -> None:
    await send(server, delivery)
    await send(server, delivery)
    await send(server, replace(delivery, id="k2"))
    ids = [received(server, number)["Message-ID"] for number in range(3)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@shop.example>")


async def test_a_mail_can_be_unsubscribed_from(server: MailServer, delivery: Delivery) -> None:
    user = "a b>&\r\n" + "x" * 120
    await send(
        server,
        replace(delivery, user=user),
        unsubscribe="https://shop.example/unsubscribe?u={{ user }}",
        unsubscribe_mail="mailto:off@shop.example?subject={{ user }}",
    )
    coded = "a%20b%3E%26%0D%0A" + "x" * 120
    assert f"List-Unsubscribe: <https://shop.example/unsubscribe?u={coded}>, ".encode() in server.mails[0]
    assert received(server)["List-Unsubscribe"].endswith(f", <mailto:off@shop.example?subject={coded}>")
    assert received(server)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_what_nobody_can_unsubscribe_from_has_no_such_header(server: MailServer, delivery: Delivery) -> None:
    receipt = replace(delivery, data={**delivery.data, "unsubscribe": ""})
    await send(server, receipt, unsubscribe="https://shop.example/u", unsubscribe_mail="mailto:off@shop.example")
    assert received(server)["List-Unsubscribe"] is None
    assert received(server)["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("message", "trigger", "sender", "expected"),
    [
        ("reminder", "cart", "hello@shop.example", "reminder:cart::shop.example"),
        ("cart", "cart", "hello@shop.example", "cart:::shop.example"),
        ("é r", "a:b", "hello@mail.of.a.long.shop.example", "--r:a-b::mail.of.a.long"),
        ("m", "t", "hello@x.y", "m:t::x.y--"),
    ],
)
async def test_mails_are_told_apart_by_what_they_are_and_not_by_whose(
    server: MailServer, delivery: Delivery, *, message: str, trigger: str, sender: str, expected: str
) -> None:
    await send(server, replace(delivery, message=message, trigger=trigger), sender=f"Shop <{sender}>")
    assert received(server)["Feedback-ID"] == expected
    assert received(server)["Auto-Submitted"] == "auto-generated"


async def test_one_click_is_not_promised_for_a_mailbox(server: MailServer, delivery: Delivery) -> None:
    await send(server, delivery, unsubscribe_mail="mailto:off@shop.example")
    assert received(server)["List-Unsubscribe"] == "<mailto:off@shop.example>"
    assert received(server)["List-Unsubscribe-Post"] is None


async def test_a_subject_cannot_bring_headers_along(server: MailServer, delivery: Delivery) -> None:
    data = {**delivery.data, "subject": "Hi\r\nBcc: eve@evil.example\r\n\r\nbody"}
    await send(server, replace(delivery, data=data))
    assert received(server)["Bcc"] is None
    assert received(server)["Subject"] == "Hi Bcc: eve@evil.example body"
    assert server.recipients == ["ann@shop.example"]


@pytest.mark.parametrize(
    "to",
    ["", "ann", "ann@", "a@b.example, c@d.example", "a@b.example\nBcc: x <c@d.example>", "<a@b.example", "ä@b.example"],
)
async def test_what_is_not_one_address_is_rejected(server: MailServer, delivery: Delivery, to: str) -> None:
    with pytest.raises(Rejected, match="address"):
        await send(server, replace(delivery, data={**delivery.data, "to": to}))
    assert server.mails == []


async def test_a_domain_in_other_letters_is_put_into_ascii(server: MailServer, delivery: Delivery) -> None:
    await send(server, replace(delivery, data={**delivery.data, "to": "ann@bücher.example"}))
    assert server.recipients == ["ann@xn--bcher-kva.example"]


async def test_a_mail_without_content_is_rejected(server: MailServer, delivery: Delivery) -> None:
    with pytest.raises(Rejected, match="neither `text` nor `html`"):
        await send(server, replace(delivery, data={"to": "a@b.example", "subject": "x"}))


async def test_a_refused_recipient_is_final(server: MailServer, delivery: Delivery) -> None:
    server.rcpt = "550 no such user"
    with pytest.raises(Rejected, match="the recipient: answered 550"):
        await send(server, delivery)


async def test_greylisting_is_tried_again(server: MailServer, delivery: Delivery) -> None:
    server.rcpt = "451 greylisted"
    with pytest.raises(Unavailable, match="the recipient off: answered 451"):
        await send(server, delivery)
    server.rcpt = "250 OK"
    await send(server, delivery)
    assert len(server.mails) == 1


async def test_a_refused_content_is_final(server: MailServer, delivery: Delivery) -> None:
    server.data = "554 looks like spam"
    with pytest.raises(Rejected, match="the mail: answered 554"):
        await send(server, delivery)


async def test_a_connection_lost_before_the_content_is_tried_again(server: MailServer, delivery: Delivery) -> None:
    server.hang_up = "RCPT"
    with pytest.raises(Unavailable, match="before the mail was sent"):
        await send(server, delivery)


async def test_a_connection_lost_after_the_content_is_unclear(server: MailServer, delivery: Delivery) -> None:
    server.hang_up = "DATA"
    with pytest.raises(Unclear):
        await send(server, delivery)


async def test_a_server_that_is_not_there_is_tried_again(delivery: Delivery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = MailServer(port=taken.getsockname()[1])
    with pytest.raises(Unavailable, match="cannot be reached"):
        await send(gone, delivery)


async def test_a_silent_server_is_tried_again(delivery: Delivery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable, match="cannot be reached"):
        await send(MailServer(port=silent.getsockname()[1]), delivery, timeout=0.1)


async def test_without_starttls_no_mail_leaves(server: MailServer, delivery: Delivery) -> None:
    with pytest.raises(Unavailable, match="SMTPNotSupportedError"):
        await send(server, delivery, security="starttls")
    assert server.mails == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return context, str(tmp_path / "ca.pem")


def _knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=given == LoginPassword(b"shop", b"s3cret"), handled=False)


async def test_starttls_and_login(
    tls: tuple[ssl.SSLContext, str], delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "s3cret")
    login: dict[str, Any] = {"username": "shop", "password": Secret(env="SMTP_PASSWORD")}
    with mail_server(tls_context=tls[0], require_starttls=True, authenticator=_knows, auth_required=True) as server:
        await send(server, delivery, security="starttls", ca_file=tls[1], **login)
        assert server.encrypted == [True]
        monkeypatch.setenv("SMTP_PASSWORD", "wrong")
        with pytest.raises(Unavailable, match="answered 535"):
            await send(server, delivery, security="starttls", ca_file=tls[1], **login)


async def test_tls_from_the_start(tls: tuple[ssl.SSLContext, str], delivery: Delivery) -> None:
    with mail_server(ssl_context=tls[0]) as server:
        await send(server, delivery, security="tls", ca_file=tls[1])
        assert len(server.mails) == 1


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    tls: tuple[ssl.SSLContext, str], delivery: Delivery
) -> None:
    with mail_server(tls_context=tls[0]) as server:
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            await send(server, delivery, security="starttls")
        assert server.mails == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sender": "shop"}, "sender"),
        ({"username": "a"}, "go together"),
        ({"username": "a", "password": Secret(env="X"), "security": "none"}, "open connection"),
        ({"unsubscribe": "http://shop.example"}, "unsubscribe"),
        ({"unsubscribe": "https://shop.example/{{ usr }}"}, "unsubscribe"),
        ({"unsubscribe_mail": "off@shop.example"}, "unsubscribe_mail"),
        ({"connections": 0}, "more than 0"),
    ],
)
def test_faulty_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SmtpSettings(**({"host": "h", "sender": "a@b.example"} | settings))
