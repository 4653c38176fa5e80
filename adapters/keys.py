"""The write key, which every way in asks for, that of the sandbox, and the admin token.

They are made and kept where the operator sets none.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from adapters.secrets import Secret, SecretError
from adapters.settings import KEYS, PREFIX, Settings

_OWNER_ONLY = 0o600
OWNER_FOLDER = 0o700
_OTHERS = 0o077


class WrongKey(Exception):
    """A request shows no write key, or a wrong one."""


class Keys(msgspec.Struct, frozen=True):
    """What callers must show."""

    write_key: str
    admin_token: str
    links_key: str = ""
    """Signs the links by which people unsubscribe; kept where there is a public address, so that they stay good."""
    made: bool = False
    """Whether the write key is one that Impel made: the operator has yet to be told it, and may be."""
    sandbox_key: str = ""
    """Shown in place of the write key, it leads events into the sandbox."""

    def writes(self, shown: str | None) -> bool:
        """Whether it is the write key, compared in constant time."""
        return _same(shown, self.write_key)

    def tries(self, shown: str | None) -> bool:
        """Whether it is the sandbox key, compared in constant time."""
        return _same(shown, self.sandbox_key)

    def administers(self, shown: str | None) -> bool:
        """Whether it is the admin token, compared in constant time."""
        return _same(shown, self.admin_token)


def read_keys(settings: Settings, environment: Mapping[str, str]) -> Keys:
    """The keys, each from its environment variable, else as the settings say, else from the data folder.

    Those that are nowhere are made and kept in the data folder.

    Raises:
        SecretError: a key is not where the settings say, or is empty, or the sandbox has the shop's own.
        OSError: the data folder cannot be read, or written.

    """
    folder = Path(settings.data)
    for name in KEYS:
        if getattr(settings, name) is None and PREFIX + name.upper() not in environment:
            _make(folder / name)
    given = settings.write_key is not None or PREFIX + "WRITE_KEY" in environment
    write_key = _read("write_key", settings.write_key, settings, environment)
    sandbox_key = _read("sandbox_key", settings.sandbox_key, settings, environment)
    if _same(sandbox_key, write_key):
        raise SecretError("`sandbox_key` and `write_key` are the same key: give the sandbox one of its own")
    links_key = _kept(folder / "links_key") if settings.public_url else secrets.token_urlsafe(24)
    return Keys(write_key, read_admin_token(settings, environment), links_key, made=not given, sandbox_key=sandbox_key)


def read_admin_token(settings: Settings, environment: Mapping[str, str]) -> str:
    """The admin token of a sidecar with these settings.

    Raises:
        SecretError: it is not where the settings say, or is empty.
        OSError: the data folder cannot be read, or holds none.

    """
    return _read("admin_token", settings.admin_token, settings, environment)


def _read(name: str, secret: Secret | None, settings: Settings, environment: Mapping[str, str]) -> str:
    variable = PREFIX + name.upper()
    if variable in environment:
        given = environment[variable].strip()
        if not given:
            raise SecretError(f"the environment variable {variable} is set and empty")
        return given
    if secret is None:
        file = Path(settings.data) / name
        file.stat()  # one that is missing is no mistake of the operator's
        secret = Secret(file=str(file))
    return secret.read()


def _kept(file: Path) -> str:
    """A key that is nobody's but the sidecar's."""
    _make(file)
    return Secret(file=str(file)).read()


def _make(file: Path) -> None:
    """Make a key, unless there is one. It comes into place in one step: a crash leaves a whole key or none."""
    if file.exists() and file.read_bytes().strip():
        _guard(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_FOLDER)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w") as opened:
        opened.write(secrets.token_urlsafe(24) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


def _guard(file: Path) -> None:
    """Let only the owner read a key; whose it is, if not ours, must guard it himself."""
    found = file.stat()
    if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        file.chmod(_OWNER_ONLY)


def _same(shown: str | None, wanted: str) -> bool:
    return bool(shown and wanted) and secrets.compare_digest(str(shown).encode(), wanted.encode())
