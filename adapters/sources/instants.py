"""Instants as clients write them."""

import re
from datetime import UTC, datetime

from engine.core.events import Millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Millis = 86_400_000
_LAST: Millis = 253_402_300_799_999
"""The end of the year 9999, the last that ISO 8601 can write."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ]|$)")
"""How a text must begin: Python also reads `20260301`, which is a number to everyone else, and week dates."""

_MILLIS = re.compile(r"[0-9]{12,15}")
"""Milliseconds in text: from 1973 on, so that no count of seconds and no date without dashes is taken for one."""


class BadInstant(ValueError):
    """Neither ISO 8601 text nor milliseconds."""


def instant(value: object, field: str) -> Millis:
    """Milliseconds since the epoch, out of ISO 8601 text (UTC where it names no zone) or a number of milliseconds.

    Raises:
        BadInstant: it is neither, or lies outside the years 1970 to 9999.

    """
    if type(value) is int and 0 <= value <= _LAST:  # what most of them are
        return value
    millis = _of_text(value, field) if isinstance(value, str) else value
    if isinstance(millis, bool) or not isinstance(millis, int | float):
        raise BadInstant(f"`{field}` is neither ISO 8601 text nor a number of milliseconds")
    if not 0 <= millis <= _LAST:  # before it is made an integer: infinity and NaN are none
        raise BadInstant(f"`{field}` lies outside the years 1970 to 9999")
    return int(millis)


def _of_text(text: str, field: str) -> Millis:
    is_date = _DATE.match(text)
    if not is_date and _MILLIS.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text if is_date else "")
        since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError) as fault:
        raise BadInstant(f"`{field}` is not ISO 8601 text such as 2026-11-23T14:12:59.334Z") from fault
    return since.days * _DAY + since.seconds * 1_000 + since.microseconds // 1_000
