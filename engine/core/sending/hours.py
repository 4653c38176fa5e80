"""Quiet hours and send windows, by the person's own clock.

What the clock says decides, also in the nights in which it is put forward or back: an hour that comes twice is quiet
twice, and a boundary that is left out counts where the clock leaps over it.
"""

from zoneinfo import ZoneInfo

from engine.core.events import Millis
from engine.core.sending.answers import Held, Never
from engine.core.sending.local import DAY, MINUTE, SECOND, change_between, local, zone_of
from engine.core.sending.policy import Hours, Policy
from engine.core.sending.question import Question

_FAR = 15 * DAY
"""Hours come again every week, and a clock that leaps over the only open ones does not leap again for 16 days."""


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
    """The next instant at which it may be otherwise: a boundary, midnight, or the clock is put forward or back."""
    said = local(at, zone)
    since_midnight = (said.hour * 60 + said.minute) * MINUTE + said.second * SECOND + at % SECOND
    minutes = {0} | {each for hours in (*policy.quiet, *policy.windows) for each in (hours.start, hours.stop)}
    boundary = at + min((minute * MINUTE - since_midnight - 1) % DAY + 1 for minute in minutes)
    return change_between(at, boundary, zone) or boundary
