"""What Mailchimp Marketing is asked: who has left the audience, and what those who were mailed lately have done.

`GET /lists/{audience}/members` by `status`, `since_last_changed` and in the order of `last_changed` (reference of the
Marketing API, 3.0, "list members info"): how things stand, the whole of it at first, then what has changed. Pages are
not counted off, for members that change meanwhile move between them; each begins a second before the last change that
was told. `GET /lists/{audience}/members/{hash}/activity-feed` ("view recent activity"): opens, clicks, bounces and
unsubscribes of one member. An activity has no id and names no message, and opens by machines are not marked.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from typing import Any

import msgspec
from msgspec.structs import replace

from adapters.feedback.polling import (
    Polled,
    Question,
    Round,
    ask_each,
    objects,
    overlapping,
    read_cursor,
    when,
    write_cursor,
)
from adapters.feedback.report import BOUNCED, CLICKED, OPENED, UNSUBSCRIBED, Report
from engine.core.events import Millis
from engine.runtime.ports import DeliveryError, Rejected

PAGE = 1_000
"""Members or activities that are asked for at a time, the most that it gives."""

PAGES = 20
"""Of members with one status, in one poll."""

FEEDS = 250
"""Members whose activities are asked for, one after another, in one poll."""

_GONE = {"unsubscribed": UNSUBSCRIBED, "cleaned": BOUNCED}
_DONE = {"open": OPENED, "click": CLICKED, "bounce": BOUNCED, "unsub": UNSUBSCRIBED}


class NotThere(Rejected):
    """Nobody in the audience has that address, or there is no such audience."""


class Place(msgspec.Struct, frozen=True):
    """How far a list of members was told."""

    since: Millis = 0
    """The last change that was; 0: none."""
    offset: int = 0
    """Members from there on that were told, where it had more at one instant than it gives at a time."""


class Cursor(msgspec.Struct, frozen=True):
    """How far all of it was told."""

    unsubscribed: Place = Place()
    cleaned: Place = Place()
    feeds: Round = Round()


class Audience:
    """Asks about one audience, whose members are at `members`.

    Of those who have the status with which Impel lets people enter it, nobody knows whether they have left.
    """

    def __init__(self, ask: Question, members: str, enter_as: str) -> None:
        self._ask = ask
        self._members = members
        self._statuses = [status for status in _GONE if status != enter_as]

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        """Who has left, and what those in `mailed` have done; either is told though the other cannot be."""
        said = read_cursor(cursor, Cursor)
        reports: list[Report] = []
        problems: list[DeliveryError | None] = []
        for status in self._statuses:
            gone, place, problem = await self._gone(status, getattr(said, status))
            reports += gone
            problems.append(problem)
            said = replace(said, **{status: place})
        done, feeds, problem = await ask_each(mailed, said.feeds, FEEDS, partial(self._feed, now), now=now)
        amiss = next((each for each in (*problems, problem) if each is not None), None)
        return Polled([*reports, *done], write_cursor(replace(said, feeds=feeds)), amiss)

    async def _gone(self, status: str, place: Place) -> tuple[list[Report], Place, DeliveryError | None]:
        """Those who have a status, from a place in the list on; how far they were told, and why no further."""
        reports: list[Report] = []
        for _ in range(PAGES):
            try:
                page = objects(await self._ask(self._members, _members(status, place)), "members")
            except DeliveryError as problem:
                return reports, place, problem
            reports += [_left(member, status) for member in page]
            last = max((when(member.get("last_changed")) for member in page), default=0)
            if last > place.since:
                place = Place(last)
            elif len(page) == PAGE:
                place = replace(place, offset=place.offset + PAGE)
            if len(page) < PAGE:
                return reports, replace(place, offset=0), None
        return reports, place, None

    async def _feed(self, now: Millis, address: str, progress: Round) -> list[Report]:
        """What a member has done in the window of a round."""
        since, until = overlapping(progress.since, now), progress.began
        query: dict[str, str | int] = {"activity_filters": ",".join(_DONE), "count": PAGE}
        try:
            said = await self._ask(f"{self._members}/{hashed(address)}/activity-feed", query)
        except NotThere:
            return []
        reports = [_activity(address, each) for each in objects(said, "activity") if each.get("activity_type") in _DONE]
        return [report for report in reports if since < report.at <= until]


def hashed(address: str) -> str:
    """By what the interface knows a member: the MD5 of their address in small letters."""
    return md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def _members(status: str, place: Place) -> Mapping[str, str | int]:
    """The query for a page of members; whether those who changed just then are among them is not said."""
    query: dict[str, str | int] = {
        "status": status,
        "sort_field": "last_changed",
        "sort_dir": "ASC",
        "count": PAGE,
        "offset": place.offset,
        "fields": "members.email_address,members.last_changed",
    }
    if place.since:
        query["since_last_changed"] = datetime.fromtimestamp(place.since // 1_000 - 1, UTC).isoformat()
    return query


def _left(member: Mapping[str, Any], status: str) -> Report:
    at = when(member.get("last_changed"))
    return Report(_GONE[status], at, "", str(member.get("email_address") or ""), standing=True)


def _activity(address: str, each: Mapping[str, Any]) -> Report:
    kind, link = str(each["activity_type"]), str(each.get("link_clicked") or "")
    at = each.get("created_at_timestamp")
    return Report(
        event=_DONE[kind],
        at=when(at),
        id=f"{kind}:{each.get('campaign_id')}:{hashed(address)}:{at}:{link}",
        address=address,
        link=link,
        soft=each.get("bounce_type") == "soft",
    )
