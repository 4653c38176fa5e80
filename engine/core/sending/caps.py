"""Caps: at most so many messages in a rolling span, or in a day, week or month of the person's own calendar."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from engine.core.events import Millis, Sent
from engine.core.sending.answers import Held, Never
from engine.core.sending.local import beginning, in_words, local, zone_of
from engine.core.sending.policy import Cap
from engine.core.sending.question import Question


def caps(asked: Question) -> Held | Never | None:
    """All caps must let a message pass; of several that do not, the one that would be the last to."""
    policy, facts, now = asked.policy, asked.facts, asked.at
    if not policy.caps or not asked.is_limited:
        return None
    zone = zone_of(asked.user.profile, policy)
    full: Held | None = None
    for cap in policy.caps:
        if not concerns(cap, facts.channel, facts.tags, asked.due.trigger):
            continue
        sent = counted(cap, asked.sent, asked.due.id)
        opens = earliest(cap, sent, zone, now)
        if opens == now:
            continue
        if opens is None:
            return Never("cap", f"cap: {cap.text} lets nothing pass")
        reason = f"cap: {_count(cap, sent, zone, now)} sent, and the cap is {cap.text}"
        if full is None or opens > full.until:
            full = Held("cap", f"{reason}; from {in_words(opens)} on", opens)
    return full if full is None or facts.over == "defer" else Never(full.gate, full.reason)


def concerns(cap: Cap, channel: str, tags: Sequence[str], trigger: str) -> bool:
    """Whether a cap is about messages of that channel, with those tags, by that trigger."""
    return cap.channel in {None, channel} and (cap.tag is None or cap.tag in tags) and cap.trigger in {None, trigger}


def counted(cap: Cap, sent: Iterable[Sent], message: str) -> list[Millis]:
    """When what the cap counts was sent, in order; the message that is asked about does not count against itself."""
    return sorted(
        each.at for each in sent if each.id != message and concerns(cap, each.channel, each.tags, each.trigger)
    )


def earliest(cap: Cap, sent: Sequence[Millis], zone: ZoneInfo, now: Millis) -> Millis | None:
    """The first instant from `now` on at which one more may go, if nothing else does; None: at none."""
    if cap.limit <= 0:
        return None
    if cap.span is not None:
        inside = [at for at in sent if at > now - cap.span]
        return now if len(inside) < cap.limit else inside[-cap.limit] + cap.span
    at = now
    while _count(cap, sent, zone, at) >= cap.limit:
        at = beginning(_following(cap, local(at, zone).date()), zone, at)
    return at


def _count(cap: Cap, sent: Sequence[Millis], zone: ZoneInfo, now: Millis) -> int:
    """How many of those sent count at an instant."""
    if cap.span is not None:
        return sum(at > now - cap.span for at in sent)
    period = _first(cap, local(now, zone).date())
    return sum(_first(cap, local(at, zone).date()) == period for at in sent)


def _first(cap: Cap, day: date) -> date:
    """The first day of the period of a day."""
    match cap.period:
        case "week":
            return day - timedelta(day.weekday())
        case "month":
            return day.replace(day=1)
    return day


def _following(cap: Cap, day: date) -> date:
    """The first day of the period after that of a day."""
    match cap.period:
        case "week":
            return _first(cap, day) + timedelta(7)
        case "month":
            return (_first(cap, day) + timedelta(31)).replace(day=1)
    return day + timedelta(1)
