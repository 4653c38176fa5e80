"""The write key, which every way in asks for, and the admin token; made and kept where the operator sets none."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from adapters.secrets import Secret
from adapters.settings import PREFIX, Settings

_OWNER_ONLY = 0o600
_OWNER_FOLDER = 0o700


class WrongKey(Exception):
    """A request shows no write key, or a wrong one."""


class Keys(msgspec.Struct, frozen=True):
    """What callers must show."""

    write_key: str
    admin_token: str
    made: bool = False
    """Whether the write key is one that Impel made: the operator has yet to be told it, and may be."""

    def writes(self, shown: str | None) -> bool:
        """Whether it is the write key, compared in constant time."""
        return _same(shown, self.write_key)

    def administers(self, shown: str | None) -> bool:
        """Whether it is the admin token, compared in constant time."""
        return _same(shown, self.admin_token)


def read_keys(settings: Settings, environment: Mapping[str, str]) -> Keys:
    """The keys, each from its environment variable, else as the settings say, else from the data folder.

    Those that are nowhere are made and kept in the data folder.

    Raises:
        SecretError: a key is not where the settings say.
        OSError: the data folder cannot be read, or written.

    """
    folder = Path(settings.data)
    for name, secret in (("write_key", settings.write_key), ("admin_token", settings.admin_token)):
        if secret is None and not environment.get(PREFIX + name.upper()):
            _make(folder / name)
    given = settings.write_key is not None or bool(environment.get(PREFIX + "WRITE_KEY"))
    write_key = _read("write_key", settings.write_key, settings, environment)
    return Keys(write_key, read_admin_token(settings, environment), made=not given)


def read_admin_token(settings: Settings, environment: Mapping[str, str]) -> str:
    """The admin token of a sidecar with these settings.

    Raises:
        SecretError: it is not where the settings say.
        OSError: the data folder cannot be read, or holds none.

    """
    return _read("admin_token", settings.admin_token, settings, environment)


def _read(name: str, secret: Secret | None, settings: Settings, environment: Mapping[str, str]) -> str:
    given = environment.get(PREFIX + name.upper())
    if given:
        return given
    return (Path(settings.data) / name).read_text("utf-8").strip() if secret is None else secret.read()


def _make(file: Path) -> None:
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_FOLDER)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as opened:
        opened.write(secrets.token_urlsafe(24) + "\n")


def _same(shown: str | None, wanted: str) -> bool:
    return shown is not None and secrets.compare_digest(shown.encode(), wanted.encode())
