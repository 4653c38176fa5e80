"""What every command begins with: reading a configuration, and showing on the terminal what is wrong with it."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.content import MessageErrors, Messages
from adapters.files import FolderError, content_files, read_folder
from adapters.settings import Settings, SettingsError, read_settings
from engine.language.durations import DurationError, parse_duration
from engine.language.errors import Notice, TriggerError, TriggerErrors
from engine.language.files import Loaded, load


def _is_duration(_kind: object, text: str | None) -> None:
    """Check an option that takes a duration; the command line shows what a ValueError says."""
    try:
        parse_duration(text or "0s")
    except DurationError as error:
        raise ValueError(f"{error}; {error.hint}") from error


Duration = Annotated[str, Parameter(validator=_is_duration)]
"""An option such as `90d`."""


def stderr() -> Console:
    """Where everything goes that is not a result."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def fail(console: Console, text: str) -> int:
    """Show an error; returns the exit status."""
    console.print(Text.assemble(("error: ", "bold red"), text))
    return 1


def settings_or_tell(path: Path, given: Mapping[str, str | None], console: Console) -> Settings | None:
    """The settings beside the trigger files at `path`, with what was given on the command line in their place."""
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return read_settings(path if path.is_dir() else path.parent, os.environ, options)
    except SettingsError as error:
        fail(console, str(error))
    return None


def load_or_tell(
    path: Path, retention: int, console: Console, *, messages: Collection[str] | None = None
) -> Loaded | None:
    """The trigger files at `path`; None, with everything that is wrong on the console, where they do not check.

    `retention` is in milliseconds; with `messages`, no trigger may send another.
    """
    try:
        return load(read_folder(path), retention=retention, messages=messages)
    except FolderError as error:
        fail(console, str(error))
    except TriggerErrors as errors:
        for each in errors.errors:
            show(each, console)
        number = len(errors.errors)
        console.print(Text(f"{number} error{'s' if number > 1 else ''} in the trigger files", "bold red"))
    return None


def message_names(path: Path) -> frozenset[str]:
    """The messages that stand beside the trigger files, right or wrong."""
    return frozenset(file.stem for file in (path / "messages").glob("*") if file.suffix in {".yaml", ".yml"})


def messages_or_tell(path: Path, settings: Settings, console: Console) -> Messages | None:
    """The messages beside the trigger files; None, with what is wrong on the console, where they do not check."""
    try:
        return Messages.load(content_files(path), settings.destinations)
    except MessageErrors as errors:
        for each in errors.errors:
            fail(console, str(each))
    except (OSError, UnicodeDecodeError) as error:
        fail(console, str(error))
    return None


def show(notice: Notice, console: Console) -> None:
    """Print an error or warning: place, what is the matter, the line with a caret, what to write instead."""
    kind, colour = ("error", "red") if isinstance(notice, TriggerError) else ("warning", "yellow")
    source, caret = notice.excerpt.split("\n")
    head = Text.assemble((notice.place, "bold"), " ", (f"{kind}: ", f"bold {colour}"), notice.message)
    hint = Text.assemble(" " * 6, (notice.hint, "cyan")) if notice.hint else Text()
    console.print(head, Text(source), Text(caret, colour), hint, sep="\n")
    if notice.hint:
        console.print()
