"""Errors and warnings of trigger files, shown on the terminal; and the loading that every command begins with."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.files import FolderError, read_folder
from engine.language.durations import DurationError, parse_duration
from engine.language.errors import Notice, TriggerError, TriggerErrors
from engine.language.files import Loaded, load


def _is_duration(_kind: object, text: str) -> None:
    """Check an option that takes a duration; the command line shows what a ValueError says."""
    try:
        parse_duration(text)
    except DurationError as error:
        raise ValueError(f"{error}; {error.hint}") from error


Duration = Annotated[str, Parameter(validator=_is_duration)]
"""An option such as `90d`."""


def stderr() -> Console:
    """Where everything goes that is not a result."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def load_or_tell(path: Path, retention: str, console: Console) -> Loaded | None:
    """The trigger files at `path`; None, with everything that is wrong on the console, where they do not check."""
    try:
        return load(read_folder(path), retention=parse_duration(retention))
    except FolderError as error:
        console.print(Text.assemble(("error: ", "bold red"), str(error)))
    except TriggerErrors as errors:
        for each in errors.errors:
            show(each, console)
        number = len(errors.errors)
        console.print(Text(f"{number} error{'s' if number > 1 else ''}", "bold red"))
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
