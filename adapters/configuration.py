"""The files that may change while the sidecar runs (triggers, segments, messages and templates), read as one set.

A set that checks has a content: the texts of all files by their path in the folder, and the settings that give triggers
their meaning. It is journaled whole, so that what was in force once can be compiled again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

from adapters.content import MessageErrors, Messages
from adapters.files import FolderError, content_files, read_folder
from adapters.settings import Settings
from engine.core.program import Program
from engine.language.compiler import compile_triggers
from engine.language.errors import TriggerError, TriggerErrors
from engine.language.files import Loaded, load
from engine.runtime.versions import Configuration


class ConfigurationErrors(Exception):
    """All that is wrong with a set of files: errors in trigger files, and plain texts."""

    def __init__(self, errors: list[TriggerError | str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n\n".join(map(str, errors)))


@dataclass(frozen=True)
class Files:
    """A set of files that checks."""

    configuration: Configuration
    loaded: Loaded

    @property
    def lists(self) -> frozenset[str]:
        """The segments that are kept outside."""
        return frozenset(segment.name for segment in self.loaded.segments if segment.state is None)


class _Content(msgspec.Struct, frozen=True):
    """What is journaled of a set; durations in milliseconds."""

    triggers: dict[str, str]
    messages: dict[str, str]
    retention: int
    history_after: int
    history_limit: int


def read_files(folder: Path, settings: Settings) -> Files:
    """Read and check the files in a configuration's folder.

    Raises:
        ConfigurationErrors: everything that is wrong with them.

    """
    wrong: list[TriggerError | str] = []
    texts = _texts(folder, wrong)
    renderer = _messages(texts[1], settings, wrong)
    names = frozenset(Path(path).stem for path in texts[1] if path.startswith("messages/"))
    try:
        loaded = load(texts[0], retention=settings.retention_ms, messages=names)
    except TriggerErrors as errors:
        raise ConfigurationErrors([*wrong, *errors.errors]) from errors
    if wrong or renderer is None:
        raise ConfigurationErrors(wrong)
    content = _Content(
        {_relative(name, folder): text for name, text in texts[0].items()},
        texts[1],
        settings.retention_ms,
        settings.history_after_ms,
        settings.history_limit,
    )
    written = msgspec.json.encode(content)
    digest = blake2b(written, digest_size=16).hexdigest()
    return Files(Configuration(written, digest, _compiled(loaded, content), renderer), loaded)


def compile_content(content: bytes) -> Program:
    """The program of a set that was in force; it checked then, so it does now."""
    read = msgspec.json.decode(content, type=_Content)
    return _compiled(load(read.triggers, retention=read.retention), read)


def _texts(folder: Path, wrong: list[TriggerError | str]) -> tuple[Mapping[str, str], dict[str, str]]:
    """The texts of trigger files, and those of messages and templates."""
    triggers: Mapping[str, str] = {}
    messages: dict[str, str] = {}
    try:
        triggers = read_folder(folder)
        messages = content_files(folder)
    except (FolderError, OSError, UnicodeDecodeError) as error:
        wrong.append(str(error))
    return triggers, messages


def _messages(texts: Mapping[str, str], settings: Settings, wrong: list[TriggerError | str]) -> Messages | None:
    try:
        return Messages.load(texts, settings.destinations)
    except MessageErrors as errors:
        wrong += map(str, errors.errors)
    return None


def _compiled(loaded: Loaded, content: _Content) -> Program:
    return compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=content.retention,
        history_after=content.history_after,
        history_limit=content.history_limit,
    )


def _relative(name: str, folder: Path) -> str:
    path = Path(name)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
