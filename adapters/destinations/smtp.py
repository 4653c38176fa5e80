"""A way out by mail: submission to an SMTP server (RFC 5321, RFC 6409).

No SMTP client for trio is kept up, so this is the standard library's in a worker thread, one connection per mail
and as many at a time as `connections`. The conversation is led here command by command, because how an attempt ends
depends on how far it got:

    cannot connect, no TLS, login refused              Unavailable: it is the account, not this mail
    MAIL, RCPT, DATA or the content answered 4xx       Unavailable (greylisting, full mailbox)
    ... answered 5xx                                   Rejected
    disconnected or silent before the content is sent  Unavailable
    disconnected or silent after that                  Unclear
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Literal

import msgspec
import trio

from adapters.destinations.mail import compose, parse_address, recipient
from adapters.destinations.returns import BounceSettings, TrackingSettings
from adapters.secrets import Secret
from adapters.trail import Trail
from engine.runtime.ports import Delivery, Pace, Rejected, Retries, Unavailable, Unclear

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_GO_AHEAD = 354
_TEMPORARY, _PERMANENT = 4, 5


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="smtp"):
    """The server, and what every mail through it bears."""

    host: str
    sender: str
    """`Our Shop <hello@shop.example>`."""
    port: int = 0
    """0: 587 with STARTTLS, 465 with TLS, 25 without."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    """Certificates to trust instead of the system's, for a server inside the house."""
    username: str = ""
    password: Secret | None = None
    unsubscribe: str = ""
    """`https://shop.example/unsubscribe?u={{ user }}`: takes a POST and unsubscribes at once (RFC 8058)."""
    unsubscribe_mail: str = ""
    """`mailto:unsubscribe@shop.example?subject={{ user }}`."""
    timeout: float = 10
    """Seconds to wait for each answer of the server."""
    connections: int = 4
    rate: float = 0
    """Mails a second; 0: as many as come."""
    attempts: int = 12
    tracking: TrackingSettings = TrackingSettings()
    """Whether it is seen that mails are opened and links followed; nothing is, unless asked for."""
    bounces: BounceSettings | None = None
    """Where mails come back to that cannot be delivered; without it, to the sender."""

    def __post_init__(self) -> None:
        try:
            parse_address(self.sender)
        except ValueError as error:
            raise ValueError(f"sender: not an e-mail address: {error}") from None
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password go together")
        if self.username and self.security == "none":
            raise ValueError("security: a password is not sent over an open connection")
        if self.timeout <= 0 or self.connections < 1 or self.attempts < 1 or self.rate < 0:
            raise ValueError("timeout, connections and attempts: more than 0; rate: 0 or more")
        self._check_unsubscribe()

    def _check_unsubscribe(self) -> None:
        for field, scheme in (("unsubscribe", "https://"), ("unsubscribe_mail", "mailto:")):
            address = getattr(self, field)
            rest = address.replace("{{ user }}", "")
            if address and not (rest.startswith(scheme) and re.fullmatch(r"[!-;=?-z~]+", rest)):
                raise ValueError(f"{field}: an address with {scheme} in which {{{{ user }}}} stands for the user")


class Smtp:
    """Submits mails to one server; what leads back from them is signed by `trail`, and there is none without it."""

    def __init__(self, settings: SmtpSettings, trail: Trail | None = None) -> None:
        self._settings = settings
        self._trail = trail
        self._sender = parse_address(settings.sender)
        self._unsubscribe = tuple(filter(None, (settings.unsubscribe, settings.unsubscribe_mail)))
        self._password = settings.password.read() if settings.password else ""
        self._tls = ssl.create_default_context(cafile=settings.ca_file or None)
        self._limiter = trio.CapacityLimiter(settings.connections)
        self.pace = Pace(settings.connections, settings.rate)
        self._retries = Retries(settings.attempts, first_pause=30, longest_pause=3_600)

    def retries(self, _: str) -> Retries:
        """All mails are alike. A server that puts one off wants minutes (RFC 5321, 4.5.4.1), and knows no keys."""
        return self._retries

    async def send(self, delivery: Delivery) -> None:
        """Submit one mail; how the attempt ends is told in this module's docstring.

        If it is cancelled the thread goes its way, and nobody knows whether the mail left.
        """
        submit = partial(self._submit, delivery)
        await trio.to_thread.run_sync(submit, abandon_on_cancel=True, limiter=self._limiter)

    def _tracked(self, delivery: Delivery) -> Delivery:
        """The delivery as it leaves: what leads back is put in here, so that a preview bears nothing of it."""
        wanted, html = self._settings.tracking, delivery.data.get("html")
        if self._trail is None or not html or delivery.data.get("tracking") is not True:
            return delivery
        html = self._trail.tracked(str(html), delivery.id, opens=wanted.opens, clicks=wanted.clicks)
        return replace(delivery, data={**delivery.data, "html": html})

    def _submit(self, delivery: Delivery) -> None:
        """Write the mail and hand it over; where it is long, both take a moment."""
        bounces, to = self._settings.bounces, recipient(delivery.data).addr_spec
        token = self._trail.token(delivery.id) if bounces and self._trail else None
        mail = compose(self._tracked(delivery), self._sender, self._unsubscribe, identity=token or "")
        content = mail.as_bytes()
        sender = bounces.sender(token) if bounces and token else self._sender.addr_spec
        with _unavailable("cannot be reached"):
            server = self._connect()
        try:
            with _unavailable("the connection failed before the mail was sent"):
                self._log_in(server)
                _expect_ok(*server.mail(sender), "the sender")
                _expect_ok(*server.rcpt(to), "the recipient")
                _expect_go_ahead(*server.docmd("DATA"))
            _send_content(server, content)
        finally:
            _leave(server)

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        # The address literal keeps smtplib from looking up this machine's name, which can take seconds.
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, port, "[127.0.0.1]", timeout=settings.timeout, context=self._tls)
        return smtplib.SMTP(settings.host, port, "[127.0.0.1]", timeout=settings.timeout)

    def _log_in(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self._settings.security == "starttls":
            server.starttls(context=self._tls)
            server.ehlo()
        if self._settings.username:
            server.login(self._settings.username, self._password)


@contextmanager
def _unavailable(reason: str) -> Iterator[None]:
    """Whatever goes wrong with the connection in here, no mail was sent."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise Unavailable(f"{reason}: answered {error.smtp_code}", account=True) from error
    except OSError as error:  # smtplib's own errors are among them
        raise Unavailable(f"{reason}: {type(error).__name__}", account=True) from error


def _expect_ok(code: int, _text: bytes, what: str) -> None:
    """Judge an answer; its text may name the recipient, so it goes no further."""
    kind = code // 100
    if kind == _PERMANENT:
        raise Rejected(f"the server refused {what}: answered {code}")
    if kind == _TEMPORARY:
        raise Unavailable(f"the server put {what} off: answered {code}")
    if kind != 2:  # noqa: PLR2004 - 2xx is how SMTP says yes
        raise Unavailable(f"the server answered {code} to {what}")


def _expect_go_ahead(code: int, text: bytes) -> None:
    if code != _GO_AHEAD:
        _expect_ok(code, text, "the mail")
        raise Unavailable(f"the server did not ask for the mail: answered {code}")


def _send_content(server: smtplib.SMTP, content: bytes) -> None:
    """Send the mail itself: lines that begin with a dot get another, and a lone dot ends it."""
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    try:
        server.send(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
        code, text = server.getreply()
    except OSError as error:
        raise Unclear(f"the connection failed before the answer: {type(error).__name__}") from error
    _expect_ok(code, text, "the mail")


def _leave(server: smtplib.SMTP) -> None:
    """Take leave; the mail's fate is decided by now."""
    with suppress(OSError):
        server.quit()
    server.close()
