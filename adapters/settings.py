"""The settings: `impel.yaml` in the configuration's folder, overridden by the environment.

The variable of a key is `IMPEL_` and its name: `IMPEL_PORT` for `port`; two underscores lead into a section, so that
`IMPEL_DESTINATIONS__MAIL__HOST` is the `host` of the destination `mail`. Values are read as YAML. Variables that name
no key at the top are left alone: a container platform may set its own, such as IMPEL_SERVICE_HOST.
"""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from adapters.destinations import DestinationSettings
from adapters.destinations.console import ConsoleSettings
from adapters.destinations.smtp import SmtpSettings
from adapters.secrets import Secret
from adapters.sources.mapping import Mapped
from adapters.write_keys import WriteKeySettings
from engine.core.events import Millis
from engine.language.durations import parse_duration
from engine.language.errors import meant

FILE = "impel.yaml"
PREFIX = "IMPEL_"
KEYS = ("write_key", "sandbox_key", "admin_token")
"""What callers show; each has an environment variable of its own, which is the secret itself."""

_KEY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
"""Also the name of the file in which the key is kept."""


class SettingsError(Exception):
    """The settings cannot be used; the text names the file or variable and the key, and says what is wrong."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that can be set. Durations are text such as `90d`."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8808
    """0 takes any that is free."""
    public_url: str = ""
    """Where people's browsers reach it, such as `https://shop.example/impel`: mails bear links to unsubscribe by."""
    data: str = "data"
    """The folder for what Impel writes; a relative path counts from where it is started."""
    retention: str = "90d"
    history_after: str = "24h"
    history_limit: Annotated[int, msgspec.Meta(ge=1)] = 5_000
    store: Literal["file", "memory"] = "file"
    """`memory` forgets everything when the process ends."""
    idle_after: str = "5m"
    """How long a user does nothing before leaving memory."""
    awake_users: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    """Users held in memory at most."""
    uncommitted_events: Annotated[int, msgspec.Meta(ge=1)] = 20_000
    """Events that may wait to be written; past that, senders are asked to come back."""
    log_level: str = "info"
    write_key: Secret | None = None
    """Without one, a key is made and kept in the data folder."""
    sandbox_key: Secret | None = None
    """The same, for events that go into the sandbox."""
    write_keys: dict[str, WriteKeySettings] = {}
    """More of them, by names of the shop's own."""
    admin_token: Secret | None = None
    destinations: dict[str, DestinationSettings] = msgspec.field(
        default_factory=lambda: dict[str, DestinationSettings](console=ConsoleSettings())
    )
    webhooks: dict[str, Mapped] = {}

    def __post_init__(self) -> None:
        for field in ("retention", "history_after", "idle_after"):
            try:
                parse_duration(getattr(self, field))
            except ValueError as error:
                raise ValueError(f"{field}: {error}") from error
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ValueError(f"public_url: {self.public_url!r} is not an http or https address")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            raise ValueError(f"log_level: {self.log_level!r} is none of debug, info, warning, error")
        for name in self.write_keys:
            if not _KEY_NAME.fullmatch(name):
                raise ValueError(f"write_keys: {name!r} is no name for a key; small letters, digits, - and _ make one")

    @property
    def leads_back(self) -> bool:
        """Whether anything that is sent bears a token of ours, so that the key which signs it is to be kept."""
        return bool(self.public_url) or any(each.bounces for each in self._mailing)

    @property
    def tracks(self) -> bool:
        """Whether it is seen of any mails that they are opened, or their links followed."""
        return any(each.tracking for each in self._mailing)

    @property
    def _mailing(self) -> list[SmtpSettings]:
        return [each for each in self.destinations.values() if isinstance(each, SmtpSettings)]

    @property
    def retention_ms(self) -> Millis:
        """`retention` in milliseconds."""
        return parse_duration(self.retention)

    @property
    def idle_after_ms(self) -> Millis:
        """`idle_after` in milliseconds."""
        return parse_duration(self.idle_after)

    @property
    def history_after_ms(self) -> Millis:
        """`history_after` in milliseconds."""
        return parse_duration(self.history_after)


def read_settings(
    folder: Path, environment: Mapping[str, str], options: Mapping[str, object] = MappingProxyType({})
) -> Settings:
    """Read the settings of the configuration in `folder`; without a file, they are the defaults.

    `options` are those of the command line, by their keys; they go before all else.

    Raises:
        SettingsError: they cannot be used.

    """
    file = folder / FILE
    found = _yaml(_text(file), str(file)) or {}
    if not isinstance(found, dict):
        raise SettingsError(f"{file}: the settings are a mapping such as `port: 8808`")
    _check(found, str(file), _lines(file))
    for name in sorted(environment):
        if _overrides(name) and name.removeprefix(PREFIX).lower() not in options:
            _override(found, name, environment[name])
            _check(found, f"environment variable {name}", {})
    for key, value in options.items():
        found[key] = value
        _check(found, f"--{key}", {})
    settings = msgspec.convert(found, Settings)
    _check_together(settings, str(file))
    return settings


def _check_together(settings: Settings, place: str) -> None:
    """Check what one key asks of another."""
    for name, each in settings.destinations.items():
        if isinstance(each, SmtpSettings) and each.tracking and not settings.public_url:
            reason = "links and images lead to `public_url`, which is missing: where people's browsers reach Impel"
            raise SettingsError(f"{place}: destinations.{name}.tracking: {reason}")


def _check(found: Mapping[str, Any], place: str, lines: Mapping[str, int]) -> None:
    """Check each key by itself, since msgspec stops at the first that is wrong."""
    wrong = []
    for key, value in found.items():
        try:
            msgspec.convert({key: value}, Settings)
        except msgspec.ValidationError as error:
            text = str(error)
            at = f"{place}:{lines[key]}" if key in lines else place
            wrong.append(f"{at}: {text.replace('$.', '')}{_hint(text)}")
    if wrong:
        raise SettingsError("\n".join(wrong))


def _hint(text: str) -> str:
    unknown = re.search(r"unknown field `(\w+)`$", text)
    if unknown is not None:
        return meant(unknown[1], Settings.__struct_fields__)
    secret = re.search(r"`\$\S*(write_key|sandbox_key|admin_token|password|secret|token|key)`", text)
    return "; secrets are not written down here: give {env: NAME} or {file: PATH}" if secret else ""


def _overrides(name: str) -> bool:
    top = name.removeprefix(PREFIX).lower().split("__")[0]
    return name.startswith(PREFIX) and top in Settings.__struct_fields__ and top not in KEYS


def _override(found: dict[str, Any], name: str, text: str) -> None:
    *path, key = name.removeprefix(PREFIX).lower().split("__")
    for part in path:
        found = found.setdefault(part, {})
        if not isinstance(found, dict):
            raise SettingsError(f"environment variable {name}: `{part}` is not a section")
    found[key] = _yaml(text, f"environment variable {name}")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def _yaml(text: str, place: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{place}{line}: {error.problem}") from error


def _lines(file: Path) -> dict[str, int]:
    """Where each key at the top stands."""
    root = YAML(typ="rt", pure=True).compose(StringIO(_text(file)))
    return {} if root is None else {key.value: key.start_mark.line + 1 for key, _ in root.value}
