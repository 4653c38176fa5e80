"""Quiet hours and send windows, by the person's own clock.

What the clock says decides, also in the nights in which it is put forward or back: an hour that comes twice is quiet
twice, and a boundary that is left out counts where the clock leaps over it.
"""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from engine.core.events import Millis
from engine.core.sending.answers import Held, Never
from engine.core.sending.local import DAY, change_between, instants, local, zone_of
from engine.core.sending.policy import Hours, Policy
from engine.core.sending.question import Question

_MIDNIGHT = 24 * 60
_FAR = 15 * DAY
"""Hours come again every week, and a week in which the clock leaps over the only open ones is followed by another."""


def quiet_hours(asked: Question) -> Held | Never | None:
    """Nothing but transactional messages goes in quiet hours, or outside the send windows."""
    policy, now = asked.policy, asked.at
    if not (policy.quiet or policy.windows) or not asked.is_limited:
        return None
    zone = zone_of(asked.user.profile, policy)
    opens = opening(policy, zone, now)
    if opens == now:
        return None
    clock = f"it is {local(now, zone):%H:%M} for them ({zone.key})"
    if opens is None:
        return Never("quiet hours", f"quiet hours: {clock}, and it is never time to send")
    return Held("quiet hours", f"quiet hours: {clock}; from {local(opens, zone):%a %H:%M} on", opens)


def is_within(hours: Hours, zone: ZoneInfo, at: Millis) -> bool:
    """Whether the clock says one of these hours at an instant."""
    said = local(at, zone)
    minute, today = said.hour * 60 + said.minute, said.weekday()
    if hours.start < hours.stop:
        return today in hours.days and hours.start <= minute < hours.stop
    return (today in hours.days and minute >= hours.start) or ((today - 1) % 7 in hours.days and minute < hours.stop)


def opening(policy: Policy, zone: ZoneInfo, now: Millis) -> Millis | None:
    """The first instant from `now` on that is neither quiet nor outside the send windows; None if there is none."""
    at = now
    while not _is_open(policy, zone, at):
        if at - now > _FAR:
            return None
        at = _next_change(policy, zone, at)
    return at


def _is_open(policy: Policy, zone: ZoneInfo, at: Millis) -> bool:
    if any(is_within(hours, zone, at) for hours in policy.quiet):
        return False
    return not policy.windows or any(is_within(hours, zone, at) for hours in policy.windows)


def _next_change(policy: Policy, zone: ZoneInfo, at: Millis) -> Millis:
    """The next instant at which it may be otherwise: a boundary, or the clock is put forward or back."""
    boundary = min(each for each in _boundaries(policy, zone, at) if each > at)
    return change_between(at, boundary, zone) or boundary


def _boundaries(policy: Policy, zone: ZoneInfo, at: Millis) -> Iterator[Millis]:
    """When the hours begin and end about an instant."""
    minutes = {each % _MIDNIGHT for hours in (*policy.quiet, *policy.windows) for each in (hours.start, hours.stop)}
    today = local(at, zone).date()
    for days in (0, 1, 2):
        for minute in minutes | {0}:
            yield from instants(today + timedelta(days), minute, zone)
