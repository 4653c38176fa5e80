"""Durations as people write them, `1h30m`, in integer milliseconds."""

import re
from fractions import Fraction

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""What a unit is worth in milliseconds, longest first."""

_WRITTEN = {unit: worth for unit, worth in UNITS.items() if unit != "w"}
_LONGEST = 40
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)")


class DurationError(ValueError):
    """Not a duration; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_duration(text: str) -> int:
    """Read `250ms`, `30s`, `10m`, `24h`, `2d`, `1w`, or several in a row, `1h30m`: milliseconds, or 0.

    Raises:
        DurationError: it is not a duration, or not a whole number of milliseconds.

    """
    parts = [_PART.match(text)] if len(text) <= _LONGEST else [None]
    while parts[-1] and parts[-1].end() < len(text):
        parts.append(_PART.match(text, parts[-1].end()))
    total = sum((_worth(text, part) for part in parts), Fraction(0))
    if total.denominator != 1:
        raise DurationError(f"`{text}` is not a whole number of milliseconds", "write it in a smaller unit")
    return int(total)


def _worth(text: str, part: re.Match[str] | None) -> Fraction:
    if part is None:
        raise DurationError(f"`{text}` is not a duration", "a duration looks like `30s`, `24h` or `1h30m`")
    number, unit = part.groups()
    if not unit:
        raise DurationError(f"`{text}` has no unit", f"write `{text}s`, `{text}m`, `{text}h` or `{text}d`")
    if unit not in UNITS:
        raise DurationError(f"`{unit}` is not a unit of time", "the units are `ms`, `s`, `m`, `h`, `d` and `w`")
    return Fraction(number) * UNITS[unit]


def format_duration(span: int) -> str:
    """Write milliseconds as people do: 5400000 is `1h30m`, 0 is `0s`, and less has a minus."""
    if span < 0:
        return f"-{format_duration(-span)}"
    written = ""
    for unit, worth in _WRITTEN.items():
        number, span = divmod(span, worth)
        written += f"{number}{unit}" if number else ""
    return written or "0s"
