import email
import email.policy
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from segment.analytics.client import Client

from tests.adapters.running import started, write_config

TRIGGERS = """
triggers:
  cart_left:
    when: '"Product Added" then no ("Product Added" or "Order Completed") within 2s'
    send: cart
"""
MESSAGE = """
destination: mail
subject: "{{ profile.name }}, your cart is waiting"
html: "<ul>{% for item in recent['Product Added'] %}<li>{{ item.sku }} at {{ item.price }}</li>{% endfor %}</ul>"
"""


class Inbox:
    """What a mail server was handed."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


def test_a_cart_sent_by_the_segment_library_becomes_a_mail_once(tmp_path: Path, inbox: tuple[Inbox, int]) -> None:
    box, port = inbox
    settings = (
        f"destinations: {{mail: {{kind: smtp, host: 127.0.0.1, port: {port}, security: none,"
        " sender: Shop <shop@shop.example>}}"
    )
    config = write_config(tmp_path, settings, TRIGGERS, {"cart": MESSAGE})
    with started(config, IMPEL_WRITE_KEY="key-of-the-shop") as (_, url):
        client = Client("key-of-the-shop", host=url, gzip=True, upload_interval=0.1)
        client.identify("u1", {"email": "ada@shop.example", "name": "Ada"})
        for sku, price in (("S-1", 19.99), ("S-2", 5)):
            client.track("u1", "Product Added", {"sku": sku, "price": price, "cart_id": "c1"})
        client.flush()
        client.join()
        _wait_for(box)
        time.sleep(1)  # time enough for a second one, if there were one
    [mail] = box.mails
    assert (mail["To"], mail["Subject"]) == ("ada@shop.example", "Ada, your cart is waiting")
    part = mail.get_body(("html",))
    assert part is not None
    assert "<li>S-2 at 5</li><li>S-1 at 19.99</li>" in part.get_content()


def _wait_for(box: Inbox) -> None:
    deadline = time.monotonic() + 15
    while not box.mails and time.monotonic() < deadline:
        time.sleep(0.05)
