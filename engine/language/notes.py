"""What the checker takes down while it reads a condition, and the names that a file asks for."""

from dataclasses import dataclass
from typing import Literal, cast

from lark import Token

from engine.language.durations import DurationError, format_duration, parse_duration
from engine.language.errors import TriggerError
from engine.language.filters import read_literal
from engine.language.parser import RawTree
from engine.language.sources import Passage

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that has to be defined elsewhere, and where it is asked for."""

    name: str
    passage: Passage
    offset: int
    kind: Literal["segment", "list", "message"] = "segment"

    def error(self, message: str, hint: str) -> TriggerError:
        """Say what is wrong with it."""
        return self.passage.error(self.offset, message, hint)


def check_span(text: str, retention: int) -> int:
    """Read a duration that a trigger may wait or look back for, in milliseconds.

    Raises:
        DurationError: it is none, is zero, or is longer than history is kept.

    """
    span = parse_duration(text)
    if span == 0:
        raise DurationError("a duration of zero is over before it begins", "write a longer one, such as `1s`")
    if span > retention:
        kept = format_duration(retention)
        raise DurationError(f"`{text}` is longer than history is kept", f"write at most {kept}, or raise `retention`")
    return span


class Notes:
    """Errors of one condition, and the reading of what can be wrong by itself."""

    def __init__(self, passage: Passage, retention: int) -> None:
        self.errors = list[TriggerError]()
        self._passage = passage
        self._retention = retention

    def text(self, raw: RawTree) -> str:
        """The part as written, on one line, cut where it gets long."""
        text = " ".join(self._passage.value[raw.meta.start_pos : raw.meta.end_pos].split())
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

    def fail(self, raw: RawTree, message: str, hint: str) -> None:
        """Note an error at the beginning of a part."""
        self.errors.append(self._passage.error(raw.meta.start_pos, message, hint))

    def report(self, token: Token, message: str, hint: str) -> None:
        """Note an error at a token."""
        self.errors.append(self._passage.error(token.start_pos or 0, message, hint))

    def span(self, raw: RawTree) -> int:
        """Read a duration; 1 ms, harmless, where it is wrong."""
        try:
            return check_span(str(cast("Token", raw.children[0])), self._retention)
        except DurationError as error:
            self.fail(raw, str(error), error.hint)
            return 1

    def threshold(self, raw: RawTree) -> int | float:
        """Read the number that a count or a fold is compared with; a duration is a number of seconds."""
        value = read_literal(raw, self.report)
        if isinstance(value, bool | str):
            self.fail(raw, f"`{self.text(raw)}` is not a number", "compare with a number: `> 20`")
            return 1
        return value
