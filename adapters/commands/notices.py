"""What every command begins with: reading a configuration, and showing on the terminal what is wrong with it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.configuration import ConfigurationErrors, Files, Wrong, read_files
from adapters.files import FolderError, read_folder
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


def load_or_tell(path: Path, retention: int, console: Console) -> Loaded | None:
    """The trigger files at `path`; None, with everything that is wrong on the console, where they do not check.

    `retention` is in milliseconds.
    """
    try:
        return load(read_folder(path), retention=retention)
    except FolderError as error:
        fail(console, str(error))
    except TriggerErrors as errors:
        tell(errors.errors, console)
    return None


def files_or_tell(folder: Path, settings: Settings, console: Console) -> Files | None:
    """All files of a configuration; None, with everything that is wrong on the console, where they do not check."""
    try:
        return read_files(folder, settings)
    except ConfigurationErrors as errors:
        tell(errors.errors, console)
    return None


def tell(errors: Sequence[Wrong], console: Console) -> int:
    """Show all that is wrong; returns the exit status."""
    for each in errors:
        if isinstance(each, TriggerError):
            show(each, console)
        else:
            fail(console, each)
    console.print(Text(f"{len(errors)} error{'s' if len(errors) > 1 else ''}", "bold red"))
    return 1


def show(notice: Notice, console: Console) -> None:
    """Print an error or warning: place, what is the matter, the line with a caret, what to write instead."""
    kind, colour = ("error", "red") if isinstance(notice, TriggerError) else ("warning", "yellow")
    source, caret = notice.excerpt.split("\n")
    head = Text.assemble((notice.place, "bold"), " ", (f"{kind}: ", f"bold {colour}"), notice.message)
    hint = Text.assemble(" " * 6, (notice.hint, "cyan")) if notice.hint else Text()
    console.print(head, Text(source), Text(caret, colour), hint, sep="\n")
    if notice.hint:
        console.print()
