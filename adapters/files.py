"""A configuration on disk: the texts of its trigger files, and of its messages and templates."""

from collections.abc import Iterator
from pathlib import Path

PARTS = ("triggers", "segments")
"""The folders of a configuration that hold trigger files; its other files are settings, messages, rules and so on."""

SENDING = "sending.yaml"
"""The rules of sending, in the folder of a configuration."""

EVENTS = "events.yaml"
"""The tracking plan, there."""

_CONTENT = ("messages", "templates")
_SUFFIXES = (".yaml", ".yml")


class FolderError(Exception):
    """The files are not where they were looked for, or cannot be read; the text says what to do."""


def read_folder(path: Path) -> dict[str, str]:
    """The text of all trigger files below `path` by file name, sorted; a single file stands for itself.

    In a folder that has `triggers/` or `segments/` inside, such as `config/`, only these are read.

    Raises:
        FolderError: the folder is missing, or a file cannot be read as UTF-8 text.

    """
    if not path.exists():
        raise FolderError(f"there is no folder {path}: name the one that holds the trigger files")
    if path.is_file():
        return {str(path): _text(path)}
    parts = [path / part for part in PARTS if (path / part).is_dir()]
    return {str(file): _text(file) for folder in parts or [path] for file in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES and file.is_file()))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FolderError(f"{file} is not UTF-8 text: byte {error.start} cannot be read") from error


def single_file(folder: Path, name: str) -> str | None:
    """The text of a file that stands by itself, `SENDING` or `EVENTS`; None where there is no such file.

    Raises:
        FolderError: it cannot be read as UTF-8 text.

    """
    file = folder / name
    return _text(file) if file.is_file() else None


def has_content(folder: Path) -> bool:
    """Whether messages, templates, rules of sending or a tracking plan stand there."""
    singles = any((folder / name).is_file() for name in (SENDING, EVENTS))
    return singles or any((folder / part).is_dir() for part in _CONTENT)


def content_files(folder: Path) -> dict[str, str]:
    """The texts of `messages/` and `templates/`, by their path in the folder.

    Raises:
        FolderError: one cannot be read as UTF-8 text.

    """
    files = (file for part in _CONTENT for file in sorted((folder / part).rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): _text(file) for file in files}
