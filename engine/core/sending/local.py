"""A person's own clock: their time zone, and where days begin and clocks are put forward or back in it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.core.events import Millis
from engine.core.sending.policy import Policy

SECOND: Millis = 1_000
MINUTE: Millis = 60_000
DAY: Millis = 86_400_000

_IANA = re.compile(r"[A-Z][A-Za-z0-9_+/-]{0,63}")
"""How the names of time zones look. Others, such as `localtime`, mean something else on each machine."""

_LATEST = 253_402_300_799
"""The last second that a calendar date can be told of, in seconds."""


def zone_of(profile: Mapping[str, Any], policy: Policy) -> ZoneInfo:
    """The time zone that a person's profile names, by its IANA name; the shop's where it names none that there is."""
    name = profile.get(policy.zone_trait)
    return (_zone(name) if isinstance(name, str) else None) or policy.zone


def local(at: Millis, zone: ZoneInfo) -> datetime:
    """What the clock says at an instant, to the second below it."""
    return datetime.fromtimestamp(at // SECOND, zone)


def change_between(after: Millis, until: Millis, zone: ZoneInfo) -> Millis | None:
    """When the clock is put forward or back in `(after, until]`, a day or two; None if it is not."""
    before = local(after, zone).utcoffset()
    if local(until, zone).utcoffset() == before:
        return None
    low, high = after // SECOND, until // SECOND  # it happens on a whole second
    while high - low > 1:
        middle = (low + high) // 2
        if local(middle * SECOND, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high * SECOND


def beginning(day: date, zone: ZoneInfo, after: Millis = 0) -> Millis:
    """The first instant of a day; of the next one that there is, where the zone has left it out.

    Where the clock is put back over midnight a day begins twice: the first time that is later than `after` counts.
    """
    first, second = _midnights(day, zone)
    for at in (first, second):
        if at > after and local(at, zone).date() == day:
            return at
    # Midnight is left out: the day begins where the clock is put forward.
    low, high = min(first, second) - DAY, max(first, second) + DAY
    changed = change_between(low, high, zone)
    return second if changed is None else changed


def in_words(at: Millis) -> str:
    """An instant for people: UTC, to the second."""
    return datetime.fromtimestamp(min(at // SECOND, _LATEST), UTC).isoformat().replace("+00:00", "Z")


def _midnights(day: date, zone: ZoneInfo) -> tuple[Millis, Millis]:
    """When the clock says midnight at the beginning of a day: both times, in order, where it does so twice.

    Where it never does, because the clock is put forward over it, neither is an instant at which it says so.
    """
    wall = datetime.combine(day, time(), zone)
    first, second = (int(wall.replace(fold=fold).timestamp()) * SECOND for fold in (0, 1))
    return min(first, second), max(first, second)


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo | None:
    if not is_zone_name(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last: a name of a folder
        return None


def is_zone_name(name: str) -> bool:
    """Whether a time zone may bear that name."""
    return _IANA.fullmatch(name) is not None
