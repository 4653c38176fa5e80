"""Where a piece of text stands in its file.

A condition inside YAML may be folded, indented, quoted and escaped, so an offset in the value is not an
offset in the file. But YAML only ever adds and takes away whitespace, quotes and backslashes: the n-th
character of the value that is not whitespace is the n-th such character of the source, escapes counted as
what they stand for. That is the whole mapping.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from engine.language.errors import Notice, TriggerError, TriggerWarning

_Kind = TypeVar("_Kind", bound=Notice)


class Source:
    """A file's name and text."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text.removeprefix("\ufeff")
        self._starts = [0, *(index + 1 for index, letter in enumerate(self.text) if letter == "\n")]

    def line_of(self, index: int) -> int:
        """The line, from 1, of the character at `index`."""
        return bisect_right(self._starts, index)

    def error(self, index: int, message: str, hint: str = "") -> TriggerError:
        """Say what is wrong at the character at `index`."""
        return self._notice(TriggerError, index, message, hint)

    def warning(self, index: int, message: str, hint: str = "") -> TriggerWarning:
        """Say what is probably not meant at the character at `index`."""
        return self._notice(TriggerWarning, index, message, hint)

    def _notice(self, kind: type[_Kind], index: int, message: str, hint: str) -> _Kind:
        line = self.line_of(index)
        start = self._starts[line - 1]
        excerpt = self.text[start:].split("\n", 1)[0].rstrip("\r")
        return kind(self.file, line, index - start + 1, message, hint, excerpt)


@dataclass(frozen=True, slots=True)
class Passage:
    """A value, and where in the source each of its characters stands that is not whitespace."""

    source: Source
    value: str
    indices: Sequence[int]

    @classmethod
    def of(cls, text: str, file: str = "text") -> "Passage":
        """Text that stands for itself, outside any file."""
        return cls.verbatim(Source(file, text), text, 0)

    @classmethod
    def verbatim(cls, source: Source, value: str, start: int) -> "Passage":
        """A value that stands in the source as it is, from `start` on."""
        return cls(source, value, [start + at for at, letter in enumerate(value) if not letter.isspace()])

    def index(self, offset: int) -> int:
        """Where in the source the character at `offset` of the value stands; its end is behind the last."""
        before = sum(not letter.isspace() for letter in self.value[:offset])
        if before < len(self.indices):
            return self.indices[before]
        return self.indices[-1] + 1 if self.indices else 0

    def error(self, offset: int, message: str, hint: str = "") -> TriggerError:
        """Say what is wrong at `offset` of the value."""
        return self.source.error(self.index(offset), message, hint)

    def warning(self, offset: int, message: str, hint: str = "") -> TriggerWarning:
        """Say what is probably not meant at `offset` of the value."""
        return self.source.warning(self.index(offset), message, hint)
