"""One trigger for carts that are left, and the mail that must come of it: once, and to the right person.

What a library sends goes through a server that fails first, to a sidecar as people start it.
"""

import email
import email.policy
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.adapters.flaky import Flaky, flaky
from tests.adapters.running import started, write_config

CART = "Product Added"
KEYS = {"server": "key-of-the-shop", "browser": "key-of-the-pages", "slow": "key-of-few-events"}
ADDRESS = "http://127.0.0.1:8808"
"""What stands in the documentation for the sidecar's address, as WRITE_KEY does for the key."""

_ADMIN = "token-of-the-admin"
_DOCUMENT = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
_TRIGGERS = """
triggers:
  cart_left:
    when: '"Product Added" then no ("Product Added" or "Order Completed") within 2s'
    send: cart
"""
_MESSAGE = """
destination: mail
subject: "{{ profile.name }}, your cart is waiting"
html: "<ul>{% for item in recent['Product Added'] %}<li>{{ item.sku }} at {{ item.price }}</li>{% endfor %}</ul>"
"""
_FAULTS = 2
"""How often the server fails."""

_PATIENCE = 60.0
"""Seconds after which what does not come is given up."""


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


@contextmanager
def inbox() -> Iterator[tuple[Inbox, int]]:
    """A mail server, and its port."""
    box = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


@dataclass(frozen=True)
class CartShop:
    """A sidecar with the trigger; libraries send to `front`."""

    front: Flaky
    sidecar: str
    process: subprocess.Popen[str]
    box: Inbox

    def documented(self, heading: str, kind: str = "server") -> str:
        """The code that docs/sources.md has under a heading, with this shop's address and key."""
        found = re.search(rf"^### {heading}$.*?^```\w+\n(.*?)^```$", _DOCUMENT, re.MULTILINE | re.DOTALL)
        assert found is not None
        assert ADDRESS in found[1]
        return found[1].replace(ADDRESS, self.front.url).replace("WRITE_KEY", KEYS[kind])

    def sends_one_mail_to_ada(self) -> None:
        """The cart came in three times, counted once, and one mail left for her whose it is."""
        wait_until(lambda: bool(self.box.mails) and len(self.front.told()) > _FAULTS)
        ada = self._user("u1")
        assert [each.status for each in self.front.told()] == [500, 429, 200]
        assert self.events("u1").count(CART) == 1
        assert [each["trigger"] for each in ada["firings"]] == ["cart_left"]
        assert not ada["pending"]
        self.process.send_signal(signal.SIGTERM)  # what is on its way leaves before it ends
        self.process.communicate(timeout=10)
        [mail] = self.box.mails
        assert (mail["To"], mail["Subject"]) == ("ada@shop.example", "Ada, your cart is waiting")
        part = mail.get_body(("html",))
        assert part is not None
        assert "<li>S-1 at 19.99</li>" in part.get_content()

    def events(self, name: str) -> list[str]:
        """The names of somebody's events, newest first."""
        return [each["event"] for each in self._user(name).get("recent", [])]

    def until_seen(self, name: str) -> list[str]:
        """The same, when there are any."""
        wait_until(lambda: bool(self.events(name)))
        return self.events(name)

    def _user(self, name: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {_ADMIN}"}
        user: dict[str, Any] = httpx.get(f"{self.sidecar}/admin/user", params={"id": name}, headers=headers).json()
        return user


def wait_until(so: Callable[[], bool]) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + _PATIENCE
    while not so() and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def cart_shop(folder: Path, origin: str = "https://shop.example") -> Iterator[CartShop]:
    """Run it; pages of the origin may use the browser key."""
    for kind, key in KEYS.items():
        (folder / kind).write_text(key)
    with inbox() as (box, port):
        config = write_config(folder, _settings(folder, port, origin), _TRIGGERS, {"cart": _MESSAGE})
        with (
            started(config, IMPEL_WRITE_KEY=KEYS["server"], IMPEL_ADMIN_TOKEN=_ADMIN) as (process, url),
            flaky(url, CART) as front,
        ):
            yield CartShop(front, url, process, box)


def _settings(folder: Path, port: int, origin: str) -> str:
    return f"""
write_keys:
  pages: {{kind: browser, origins: ["{origin}"], key: {{file: {folder / "browser"}}}}}
  few: {{kind: browser, origins: ["{origin}"], rate: 0.001, key: {{file: {folder / "slow"}}}}}
destinations:
  mail: {{kind: smtp, host: 127.0.0.1, port: {port}, security: none, sender: Shop <shop@shop.example>}}
"""
