"""Instants as clients write them."""

import math
from datetime import UTC, datetime, timedelta

from engine.core.events import Millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Millis = 253_402_300_799_999
"""The end of the year 9999, the last that ISO 8601 can write."""


class BadInstant(ValueError):
    """Neither ISO 8601 text nor milliseconds."""


def instant(value: object, field: str) -> Millis:
    """Milliseconds since the epoch, out of ISO 8601 text (UTC where it names no zone) or a number of milliseconds.

    Raises:
        BadInstant: it is neither, or lies outside the years 1970 to 9999.

    """
    millis = _of_text(value, field) if isinstance(value, str) else _of_number(value, field)
    if not 0 <= millis <= _LAST:
        raise BadInstant(f"`{field}` lies outside the years 1970 to 9999")
    return millis


def _of_text(text: str, field: str) -> Millis:
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as fault:
        raise BadInstant(f"`{field}` is not ISO 8601 text such as 2026-11-23T14:12:59.334Z") from fault


def _of_number(value: object, field: str) -> Millis:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInstant(f"`{field}` is neither ISO 8601 text nor a number of milliseconds")
    return int(value)
