"""Looks every minute into the mailbox to which mails come back (IMAP, RFC 3501).

No IMAP client for trio is kept up, so this is the standard library's, in a worker thread. A mail is marked as seen when
what it says is durable, and not before: after a crash it is read again, and what it says is recognised.
"""

import imaplib
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import structlog
import trio

from adapters.destinations.returns import ImapSettings
from engine.runtime.router import Refused

_EVERY = 60
_TIMEOUT = 30
"""Seconds."""

_TOGETHER = 50
_ENOUGH = 256 * 1024
"""Bytes of a mail that are read: what a report says stands before the mail that it sends back."""

Take = Callable[[Sequence[bytes]], Awaitable[object]]
"""Takes what mails say; durable on return."""

_log = structlog.get_logger()


class _Found(NamedTuple):
    """Mails that nobody has seen, by number; numbers are good as long as `validity` is the same."""

    validity: bytes
    mails: dict[bytes, bytes]


class Mailbox:
    """A mailbox, opened for each look."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._password = settings.password.read()
        self._tls = ssl.create_default_context(cafile=settings.ca_file or None)

    async def run(self, take: Take, ready: trio.Event) -> None:
        """Look into it, for ever, once that is ready which takes; what keeps it from being read is told once."""
        told = ""
        await ready.wait()
        while True:
            reason = ""
            try:
                await self.look(take)
            except (OSError, imaplib.IMAP4.error) as fault:
                reason = f"{type(fault).__name__}: {fault}"
            except UnicodeError:  # whose text would tell a letter of it
                reason = "the login has letters that this way to log in does not take: only ASCII"
            except Refused as fault:
                reason = fault.reason
            if reason and reason != told:
                _log.warning("the mailbox cannot be read now", host=self._settings.host, reason=reason)
            told = reason
            await trio.sleep(_EVERY)

    async def look(self, take: Take) -> None:
        """Take all that nobody has seen yet.

        Raises:
            OSError, imaplib.IMAP4.error: it cannot be read.
            Refused: nothing can be taken now.

        """
        known = set[bytes]()
        while True:
            found = await trio.to_thread.run_sync(partial(self._fetch, known), abandon_on_cancel=True)
            if not found.mails:
                return
            await take(list(found.mails.values()))
            await trio.to_thread.run_sync(self._mark, found, abandon_on_cancel=True)
            known |= found.mails.keys()

    def _fetch(self, known: set[bytes]) -> _Found:
        with self._opened() as server:
            (validity,) = server.response("UIDVALIDITY")[1]
            numbers = (_expect(server.uid("SEARCH", "UNSEEN"))[0] or b"").split()
            wanted = [number for number in numbers if number not in known][:_TOGETHER]
            mails = {number: self._content(server, number) for number in wanted}
        return _Found(bytes(validity or b""), mails)

    def _content(self, server: imaplib.IMAP4, number: bytes) -> bytes:
        """The beginning of a mail; nothing where it is there no more."""
        told = _expect(server.uid("FETCH", number.decode(), f"(BODY.PEEK[]<0.{_ENOUGH}>)"))
        return next((bytes(part[1]) for part in told if isinstance(part, tuple)), b"")

    def _mark(self, found: _Found) -> None:
        with self._opened() as server:
            if server.response("UIDVALIDITY")[1] == [found.validity]:
                numbers = b",".join(found.mails).decode()
                _expect(server.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Seen)"))

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4]:
        settings = self._settings
        if settings.security == "tls":
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                settings.host, settings.at, ssl_context=self._tls, timeout=_TIMEOUT
            )
        else:
            server = imaplib.IMAP4(settings.host, settings.at, timeout=_TIMEOUT)
        try:
            if settings.security == "starttls":
                server.starttls(self._tls)
            server.login(settings.username, self._password)
            folder = settings.folder.replace("\\", "\\\\").replace('"', '\\"')
            _expect(server.select(f'"{folder}"'))
            yield server
        finally:
            _leave(server)


def _leave(server: imaplib.IMAP4) -> None:
    """Take leave; whether the server is still there makes no difference by now."""
    with suppress(OSError, imaplib.IMAP4.error):
        server.logout()
    with suppress(OSError):  # it is closed already where that went well
        server.shutdown()


def _expect(answer: tuple[str, list[Any]]) -> list[Any]:
    """What the server told, if it did as it was asked."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(f"the server answers {answer[0]}: {answer[1]!r}")
    return answer[1]
