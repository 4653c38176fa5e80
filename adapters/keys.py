"""The write keys, one of which every way in asks for, and the admin token; made and kept where none are set."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from adapters.secrets import Secret, SecretError
from adapters.settings import KEYS, PREFIX, Settings
from adapters.write_keys import WriteKey, same

_OWNER_ONLY = 0o600
OWNER_FOLDER = 0o700
_OTHERS = 0o077


class WrongKey(Exception):
    """A request shows no write key, or a wrong one."""


class WrongToken(Exception):
    """A request shows no admin token, or a wrong one."""

    def __init__(self) -> None:
        super().__init__("this needs the admin token, as `Authorization: Bearer TOKEN`")


class Keys(msgspec.Struct):
    """What callers must show. All that ask for it share one, in which other keys come into force."""

    write_key: str
    admin_token: str
    links_key: str = ""
    """Signs what leads back from mails, such as the links by which people unsubscribe; kept where there is any."""
    made: bool = False
    """Whether the write key is one that Impel made: the operator has yet to be told it, and may be."""
    sandbox_key: str = ""
    """Shown in place of the write key, it leads events into the sandbox."""
    others: tuple[WriteKey, ...] = ()
    """Write keys besides the one."""

    def writer(self, shown: str | None) -> WriteKey | None:
        """The write key that is shown, if it is one. All are compared, that the time taken tells nothing."""
        own = WriteKey("write_key", self.write_key), WriteKey("sandbox_key", self.sandbox_key, "sandbox")
        found = [key for key in (*own, *self.others) if key.matches(shown)]
        return found[0] if found else None

    def allows(self, origin: str) -> bool:
        """Whether some write key is for pages of that origin."""
        return any(origin in key.origins for key in self.others)

    def renew(self, fresh: "Keys") -> None:
        """Let other keys be in force; what signs links stays, for links are out there."""
        self.write_key, self.sandbox_key, self.admin_token = fresh.write_key, fresh.sandbox_key, fresh.admin_token
        self.others = fresh.others

    def administers(self, shown: str | None) -> bool:
        """Whether it is the admin token, compared in constant time."""
        return same(shown, self.admin_token)


def read_keys(settings: Settings, environment: Mapping[str, str]) -> Keys:
    """The keys, each from its environment variable, else as the settings say, else from the data folder.

    Those that are nowhere are made and kept in the data folder.

    Raises:
        SecretError: a key is not where the settings say, or is empty, or one of `write_keys` is like another key.
        OSError: the data folder cannot be read, or written.

    """
    folder = Path(settings.data)
    for name in KEYS:
        if getattr(settings, name) is None and PREFIX + name.upper() not in environment:
            _make(folder / name)
    given = settings.write_key is not None or PREFIX + "WRITE_KEY" in environment
    write_key = _read("write_key", settings.write_key, settings, environment)
    sandbox_key = _read("sandbox_key", settings.sandbox_key, settings, environment)
    if same(sandbox_key, write_key):
        raise SecretError("`sandbox_key` and `write_key` are the same key: give the sandbox one of its own")
    links_key = _kept(folder / "links_key") if settings.leads_back else secrets.token_urlsafe(24)
    others = {
        name: _kept(folder / "write_keys" / name) if each.key is None else each.key.read()
        for name, each in settings.write_keys.items()
    }
    admin_token = read_admin_token(settings, environment)
    _distinguish(others, {write_key: "write_key", sandbox_key: "sandbox_key", admin_token: "admin_token"})
    writers = [
        WriteKey(name, others[name], each.kind, frozenset(each.origins), each.rate)
        for name, each in settings.write_keys.items()
    ]
    return Keys(write_key, admin_token, links_key, made=not given, sandbox_key=sandbox_key, others=tuple(writers))


def _distinguish(others: Mapping[str, str], names: dict[str, str]) -> None:
    """Refuse a key that is like another: what it may do would depend on which of them is looked at first."""
    for name, secret in others.items():
        if secret in names:
            raise SecretError(f"`{names[secret]}` and `{name}` are the same key; each needs one of its own")
        names[secret] = name


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
