"""What HubSpot is asked: what became of mails, and who of those who were mailed lately has unsubscribed.

`GET /email/public/v1/events` (email events API, v1; "legacy", and the only one that tells of all mails at once and by
address): events of a span of time, the latest first, in pages by a token that does not last; so what is left of a span
that was not told to its end is asked for by time. `filteredEvent` marks what HubSpot holds to be no person's doing.
`GET /communication-preferences/v4/statuses/{address}/unsubscribe-all` (subscription preferences API, v4): whether an
address has left altogether; each is asked about once a day.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from adapters.feedback.polling import (
    Polled,
    Question,
    Round,
    ask_each,
    first,
    objects,
    overlapping,
    read_cursor,
    when,
    write_cursor,
)
from adapters.feedback.report import BOUNCED, CLICKED, DELIVERED, OPENED, SPAM, UNSUBSCRIBED, Report
from engine.core.events import Millis
from engine.runtime.ports import DAY, DeliveryError

PAGE = 300
"""Events that are asked for at a time: it gives up to 1,000, some of them long."""

PAGES = 30
"""In one poll."""

STATUSES = 20
"""Addresses that are asked about, one after another, in one poll."""

_NAMES = {"DELIVERED": DELIVERED, "OPEN": OPENED, "CLICK": CLICKED, "BOUNCE": BOUNCED, "SPAMREPORT": SPAM}
_LEFT = "UNSUBSCRIBED"
_OURS = re.compile(r"[0-9a-f]{32}:.+")
"""How the ids of messages look, which single sends bear as their `sendId`."""


class Span(msgspec.Struct, frozen=True):
    """A span of time whose events are being asked for, after `since` and up to `upto`."""

    since: Millis = 0
    """0: from nobody knows when on."""
    upto: Millis = 0
    until: Millis = 0
    """Up to when they are still to be told; 0: they all were, up to `since`."""


class Cursor(msgspec.Struct, frozen=True):
    """How far all of it was told."""

    events: Span = Span()
    statuses: Round = Round()


class Account:
    """Asks about one account: what became of mails at `activity`, who has left at `preferences`."""

    def __init__(self, ask: Question, activity: str, preferences: str) -> None:
        self._ask = ask
        self._activity = activity
        self._preferences = preferences

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """What became of mails, and who of those in `mailed` has left; either is told though the other cannot be."""
        said = read_cursor(cursor, Cursor)
        events, span, problem = await self._events(said.events, now)
        standing, statuses, other = await ask_each(mailed, said.statuses, STATUSES, self._status, now=now, every=DAY)
        return Polled([*standing, *events], write_cursor(Cursor(span, statuses)), problem or other)

    async def _events(self, before: Span, now: Millis) -> tuple[list[Report], Span, DeliveryError | None]:
        """The events since the last time; how far they were told, and why no further."""
        reports: list[Report] = []
        before = before if before.since else Span(first(now))
        span = before if before.until else Span(before.since, now, now)
        query: dict[str, str | int] = {
            "startTimestamp": overlapping(span.since, now) + 1,
            "endTimestamp": span.until,
            "limit": PAGE,
        }
        for _ in range(PAGES):
            try:
                said = await self._ask(self._activity, query)
            except DeliveryError as problem:
                return reports, span if reports else before, problem
            page = objects(said, "events")
            reports += [report for each in page for report in _reports(each)]
            if not page or said.get("hasMore") is not True:
                return reports, Span(span.upto), None
            query["offset"] = str(said.get("offset"))
            span = replace(span, until=min((when(each.get("created")) for each in page), default=0) or span.until)
        return reports, span, None

    async def _status(self, address: str, _: Round) -> list[Report]:
        """Whether an address has left."""
        said = await self._ask(f"{self._preferences}/{quote(address, safe='')}/unsubscribe-all", {"channel": "EMAIL"})
        left = [each for each in objects(said, "results") if each.get("status") == _LEFT]
        return [Report(UNSUBSCRIBED, when(each.get("timestamp")), "", address, standing=True) for each in left[:1]]


def _reports(each: Mapping[str, Any]) -> Iterator[Report]:
    """What an event says; one of the subscriptions may say that several lists were left."""
    at, send = when(each.get("created")), str(each.get("sendId") or "")
    kind = str(each.get("type"))
    report = Report(
        event=_NAMES.get(kind, UNSUBSCRIBED),
        at=at,
        id=f"{each.get('id')}:{at}",
        address=str(each.get("recipient") or ""),
        message=send if _OURS.fullmatch(send) else "",
        link=str(each.get("url") or ""),
        machine=each.get("filteredEvent") is True,
        soft=kind == "BOUNCE" and _is_soft(each),
    )
    if kind in _NAMES or (kind == "STATUSCHANGE" and each.get("portalSubscriptionStatus") == _LEFT):
        yield report
    elif kind == "STATUSCHANGE":
        for one in objects(each, "subscriptions"):
            if one.get("status") == _LEFT:
                yield Report(UNSUBSCRIBED, at, f"{report.id}:{one.get('id')}", report.address, of=str(one.get("id")))


def _is_soft(bounce: Mapping[str, Any]) -> bool:
    """Whether the address may be good: neither its category nor its enhanced status (RFC 3463, 3.2) says otherwise."""
    category, status = str(bounce.get("category") or ""), str(bounce.get("status") or "")
    return bool(category or status) and category != "UNKNOWN_USER" and not status.startswith("5.1.")
