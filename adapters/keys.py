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


def read_keys(settings: Settings, environment: Mapping[str, str], *, make: bool) -> Keys:
    """The keys: from `IMPEL_WRITE_KEY` and `IMPEL_ADMIN_TOKEN`, else as the settings say, else from the data folder.

    Args:
        settings: say where the keys are, if anywhere, and which the data folder is.
        environment: the process's environment.
        make: make and keep the keys that are nowhere.

    Raises:
        SecretError: a key is not where the settings say.
        OSError: the data folder cannot be read, or written.

    """
    folder = Path(settings.data)
    found = {
        name: environment.get(PREFIX + name.upper()) or _set(secret) or _kept(folder / name, make=make)
        for name, secret in (("write_key", settings.write_key), ("admin_token", settings.admin_token))
    }
    given = settings.write_key is not None or PREFIX + "WRITE_KEY" in environment
    return Keys(**found, made=not given)


def _set(secret: Secret | None) -> str:
    return "" if secret is None else secret.read()


def _kept(file: Path, *, make: bool) -> str:
    if not file.exists() and make:
        file.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_FOLDER)
        made = secrets.token_urlsafe(24)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as opened:
            opened.write(made + "\n")
    return file.read_text("utf-8").strip()


def _same(shown: str | None, wanted: str) -> bool:
    return shown is not None and secrets.compare_digest(shown.encode(), wanted.encode())
