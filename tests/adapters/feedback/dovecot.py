"""A real IMAP server with a certificate of its own, where the machine has one (Debian: `dovecot-imapd`)."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import trustme

needs_dovecot = pytest.mark.skipif(
    shutil.which("dovecot") is None or os.geteuid() != 0, reason="dovecot is not here, or may not be started"
)

PASSWORD = "s3cret"  # noqa: S105 - of a server for tests
_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:~/Maildir
first_valid_uid = 1
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {open}
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
"""


@dataclass
class Dovecot:
    """The server: anybody has a mailbox. `port` speaks TLS, `open_port` STARTTLS."""

    folder: Path
    port: int
    open_port: int
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem")

    def deliver(self, name: str, mail: bytes) -> None:
        """Put a mail into somebody's mailbox."""
        mailbox = self._mailbox(name)
        (mailbox / "tmp" / "mail").write_bytes(mail)
        shutil.chown(mailbox / "tmp" / "mail", "nobody", "nogroup")
        (mailbox / "tmp" / "mail").rename(mailbox / "new" / f"{next(self._numbers)}.test")

    def seen(self, name: str) -> int:
        """How many mails somebody has seen."""
        return sum(b"S" in path.name.rpartition(",")[2].encode() for path in (self._mailbox(name) / "cur").iterdir())

    def _mailbox(self, name: str) -> Path:
        mailbox = self.folder / "home" / name / "Maildir"
        for part in ("", "tmp", "new", "cur"):
            (mailbox / part).mkdir(parents=True, exist_ok=True)
            shutil.chown(mailbox / part, "nobody", "nogroup")
        shutil.chown(mailbox.parent, "nobody", "nogroup")
        return mailbox


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """Run one, in a folder that anybody may enter, for it reads mailboxes as another user."""
    with tempfile.TemporaryDirectory() as created:
        folder = Path(created)
        folder.chmod(0o755)
        server = _configured(folder)
        process = subprocess.Popen(["dovecot", "-F", "-c", str(folder / "dovecot.conf")])  # noqa: S603, S607 - as found
        try:
            _wait_for(server.port)
            yield server
        finally:
            process.terminate()
            process.wait()


def _configured(folder: Path) -> Dovecot:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        server = Dovecot(folder, one.getsockname()[1], other.getsockname()[1])
    written = _CONFIGURATION.format(folder=folder, password=PASSWORD, port=server.port, open=server.open_port)
    (folder / "dovecot.conf").write_text(written)
    return server


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    pytest.fail("dovecot does not listen")
