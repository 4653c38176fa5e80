"""What is wrong, or probably not meant, in a trigger file: where it stands, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say about one spot of a file: lines and columns count from 1, `source` is the line."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""

    @property
    def place(self) -> str:
        """`cart.yaml:3:11`."""
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def excerpt(self) -> str:
        """The line, and below it a caret under the spot."""
        gutter = f"{self.line:>5} | "
        before = "".join("\t" if letter == "\t" else " " for letter in self.source[: self.column - 1])
        return f"{gutter}{self.source}\n{' ' * (len(gutter) - 2)}| {before}^"

    def __str__(self) -> str:
        said = f"{self.place}: {self.message}\n{self.excerpt}"
        return f"{said}\n      {self.hint}" if self.hint else said


@dataclass(frozen=True, slots=True)
class TriggerError(Notice):
    """A trigger file that cannot be taken as it is."""


@dataclass(frozen=True, slots=True)
class TriggerWarning(Notice):
    """Legal, and probably not what was meant."""


class TriggerErrors(Exception):
    """All that is wrong in a set of trigger files, in the order in which it stands there."""

    def __init__(self, errors: Iterable[TriggerError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line, error.column)))
        super().__init__("\n\n".join(map(str, self.errors)))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be; it may differ in capitals, too."""
    folded = {each.casefold(): each for each in sorted(known)}
    matches = get_close_matches(word.casefold(), folded, n=1)
    return folded[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The hint that names the closest known word, or, where none is close, what to say otherwise."""
    meant = closest(word, known)
    return otherwise if meant is None else f"did you mean `{meant}`?"


def meant(word: str, known: Iterable[str]) -> str:
    """The same hint for the end of a sentence: `; did you mean ...?`, or nothing."""
    hint = did_you_mean(word, known)
    return f"; {hint}" if hint else ""
