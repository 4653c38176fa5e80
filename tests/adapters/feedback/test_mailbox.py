"""The mailbox to which mails come back, at a real IMAP server: what is taken is marked, and not before."""

import imaplib
from collections.abc import Iterator, Sequence

import pytest
import trio
from structlog.testing import capture_logs

from adapters.destinations.returns import ImapSettings
from adapters.feedback.mailbox import Mailbox
from adapters.secrets import Secret
from engine.runtime.router import Refused
from tests.adapters.feedback.dovecot import PASSWORD, Dovecot, dovecot, needs_dovecot

MAIL = b"Subject: %d\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as started:
        yield started


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    return Secret(env="IMAP_PASSWORD")


class Taker:
    """Takes mails, if it can."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.busy = False

    async def take(self, mails: Sequence[bytes]) -> None:
        await trio.lowlevel.checkpoint()
        if self.busy:
            raise Refused("busy", "later")
        self.taken += mails


@needs_dovecot
async def test_what_was_taken_is_marked_and_not_taken_again(server: Dovecot, secret: Secret) -> None:
    taker, settings = Taker(), ImapSettings("127.0.0.1", "once", secret, server.port, ca_file=server.ca_file)
    for number in range(60):  # more than are read together
        server.deliver("once", MAIL % number)
    await Mailbox(settings).look(taker.take)
    assert sorted(taker.taken) == sorted(MAIL % number for number in range(60))
    assert server.seen("once") == 60
    await Mailbox(settings).look(taker.take)
    assert len(taker.taken) == 60


@needs_dovecot
async def test_what_could_not_be_taken_is_brought_again(server: Dovecot, secret: Secret) -> None:
    taker, settings = Taker(), ImapSettings("127.0.0.1", "again", secret, server.port, ca_file=server.ca_file)
    server.deliver("again", MAIL % 1)
    taker.busy = True
    with pytest.raises(Refused):
        await Mailbox(settings).look(taker.take)
    assert server.seen("again") == 0
    taker.busy = False
    await Mailbox(settings).look(taker.take)
    assert (taker.taken, server.seen("again")) == ([MAIL % 1], 1)


@needs_dovecot
async def test_of_a_large_mail_the_beginning_is_read(server: Dovecot, secret: Secret) -> None:
    taker, settings = Taker(), ImapSettings("127.0.0.1", "large", secret, server.port, ca_file=server.ca_file)
    server.deliver("large", MAIL % 1 + b"x" * 1_000_000)
    await Mailbox(settings).look(taker.take)
    assert [len(mail) for mail in taker.taken] == [256 * 1024]


@needs_dovecot
async def test_starttls_and_another_folder(server: Dovecot, secret: Secret) -> None:
    taker = Taker()
    settings = ImapSettings(
        "127.0.0.1", "other", secret, server.open_port, security="starttls", ca_file=server.ca_file, folder='a "b"'
    )
    server.deliver("other", MAIL % 1)
    with pytest.raises(imaplib.IMAP4.error, match="NO"):
        await Mailbox(settings).look(taker.take)
    assert not taker.taken, "it looks into that folder, which is not there, and into no other"


@needs_dovecot
async def test_a_wrong_password_and_an_unknown_authority_are_told(server: Dovecot, secret: Secret) -> None:
    taker = Taker()
    with pytest.raises(OSError, match="certificate verify failed"):
        await Mailbox(ImapSettings("127.0.0.1", "x", secret, server.port)).look(taker.take)
    wrong = ImapSettings("127.0.0.1", "x", Secret(env="USER_OF_TESTS"), server.port, ca_file=server.ca_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USER_OF_TESTS", "wrong")
        mailbox = Mailbox(wrong)
    with pytest.raises(imaplib.IMAP4.error, match="Authentication failed"):
        await mailbox.look(taker.take)


@needs_dovecot
async def test_a_password_that_cannot_be_said_is_told_without_a_letter_of_it(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "sälly")
    password, ready = Secret(env="IMAP_PASSWORD"), trio.Event()
    mailbox = Mailbox(ImapSettings("127.0.0.1", "x", password, server.port, ca_file=server.ca_file))
    ready.set()
    with capture_logs() as logs, trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mailbox.run, Taker().take, ready)
            while not logs:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert ["ASCII" in each["reason"] and "\\xe4" not in each["reason"] for each in logs] == [True]


async def test_it_is_looked_into_every_minute_and_what_hinders_is_told_once(
    secret: Secret, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, ready, looks = Mailbox(ImapSettings("h", "u", secret)), trio.Event(), list[float]()
    ended = trio.CancelScope()

    async def look(_: object) -> None:
        await trio.lowlevel.checkpoint()
        looks.append(round(trio.current_time()))
        if len(looks) == 6:
            ended.cancel()
        if len(looks) != 3:
            raise ConnectionRefusedError("no")

    monkeypatch.setattr(mailbox, "look", look)
    ready.set()
    with ended, capture_logs() as logs:
        await mailbox.run(Taker().take, ready)
    assert [at - looks[0] for at in looks] == [0, 60, 120, 180, 240, 300]
    assert len(logs) == 2, "once, and once again after it could be read"
