"""Unsubscribing by the person: `/unsubscribe/TOKEN` in one click (RFC 8058), and `/preferences/TOKEN`.

The token names the person and is signed; nobody logs in. A GET changes nothing, since mail scanners follow links; a
POST does at once, and is what mail readers send for List-Unsubscribe. A token is good for 60 days.
"""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

import structlog
from itsdangerous import BadData, URLSafeTimedSerializer
from quart import Blueprint, Response, request

from adapters.sources.intake import Intake
from adapters.web.pages import Box, page, preferences_page
from engine.core.identity import is_anonymous, plain
from engine.core.sending.consent import TRACKING, may_track
from engine.core.user import User
from engine.runtime.arrivals import Arrival, Block, Choice
from engine.runtime.service import Service

GOOD_FOR = 60 * 86_400
"""Seconds."""

CHANNEL = "email"
_PURPOSE = "marketing"
_SOURCE = "the person"
_TRACKING_TOLD = "Seeing which mails I open and which links I follow"

_log = structlog.get_logger()


class Links:
    """Makes and reads the addresses by which people unsubscribe; without a public address there are none."""

    def __init__(self, key: str, public_url: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="unsubscribe", signer_kwargs={"digest_method": sha256})
        self._public = public_url.rstrip("/")

    def of(self, name: str) -> Mapping[str, str]:
        """What templates and headers are told, for the person with a canonical id."""
        if not self._public:
            return {}
        token = str(self._signer.dumps(name))
        return {
            "unsubscribe_url": f"{self._public}/unsubscribe/{token}",
            "preferences_url": f"{self._public}/preferences/{token}",
        }

    def read(self, token: str) -> str | None:
        """The canonical id that a token names; None where it is not ours, or too old."""
        try:
            return str(self._signer.loads(token, max_age=GOOD_FOR))
        except BadData:
            return None


def unsubscribing_routes(intake: Intake, service: Service, links: Links, *, tracks: bool = False) -> Blueprint:
    """The routes; the token is all that is asked for. `tracks`: some mails let it be seen that they are opened."""
    routes, desk = Blueprint("unsubscribing", __name__), _Desk(intake, service, tracks=tracks)

    async def whose(token: str) -> User | None:
        name = links.read(token)
        return None if name is None else await service.router.look_for_heir(name)

    @routes.get("/unsubscribe/<token>")
    async def ask(token: str) -> Response:
        if await whose(token) is None:
            return _stale()
        return page(
            "Unsubscribe", "You will get no more of our mails.", button="Unsubscribe", aside=f"../preferences/{token}"
        )

    @routes.post("/unsubscribe/<token>")
    async def leave(token: str) -> Response:
        user = await whose(token)
        if user is None:
            return _stale()
        await desk.unsubscribe(user)
        return page("You are unsubscribed", "You will get no more of our mails.", aside=f"../preferences/{token}")

    @routes.get("/preferences/<token>")
    async def show(token: str) -> Response:
        user = await whose(token)
        return _stale() if user is None else preferences_page(desk.boxes(user), saved=False)

    @routes.post("/preferences/<token>")
    async def save(token: str) -> Response:
        user = await whose(token)
        if user is None:
            return _stale()
        form = await request.form
        await desk.save(user, {name for name, _ in form.items(multi=True)})
        user = await whose(token)
        return _stale() if user is None else preferences_page(desk.boxes(user), saved=True)

    return routes


class _Desk:
    """What a person may say, and how it is taken."""

    def __init__(self, intake: Intake, service: Service, *, tracks: bool) -> None:
        self._intake = intake
        self._service = service
        self._tracks = tracks

    async def unsubscribe(self, user: User) -> None:
        """Suppress the person on the channel; durable on return."""
        await self._intake.take([_block(user, "", lifted=False)], "unsubscribing")

    def boxes(self, user: User) -> list[Box]:
        """What can be chosen, as it stands: all mail, each list, and each purpose that anything was said of."""
        sending, facts = user.sending, self._service.outbox.policy.messages.values()
        lists = sorted({tag for each in facts if each.channel == CHANNEL for tag in each.tags})
        purposes = sorted({_PURPOSE, *sending.consents} - {TRACKING})
        boxes = [Box("mail", "Mails from us", (CHANNEL, "") not in sending.suppressed, "mail")]
        boxes += [Box(f"list:{each}", each, (CHANNEL, each) not in sending.suppressed, "mail") for each in lists]
        for purpose in purposes:
            stance = sending.consents.get(purpose)
            boxes.append(Box(f"use:{purpose}", purpose, stance is not None and stance.granted, "use"))
        if self._tracks or TRACKING in sending.consents:
            seen = may_track(user, self._service.outbox.policy)
            boxes.append(Box(f"use:{TRACKING}", _TRACKING_TOLD, seen, "use"))
        return boxes

    async def save(self, user: User, ticked: set[str]) -> None:
        """Take what was chosen, as far as it is another choice; durable on return."""
        changes: list[Arrival] = []
        for box in self.boxes(user):
            if (box.name in ticked) is box.ticked:
                continue
            kind, _, what = box.name.partition(":")
            chosen = not box.ticked
            changes.append(_choice(user, what, granted=chosen) if kind == "use" else _block(user, what, lifted=chosen))
        if changes:
            await self._intake.take(changes, "preferences")


def _block(user: User, of: str, *, lifted: bool) -> Block:
    return Block(
        user_id=_user_id(user),
        anonymous_id=_anonymous_id(user),
        channel=CHANNEL,
        list=of,
        why="unsubscribed",
        source=_SOURCE,
        lifted=lifted,
    )


def _choice(user: User, purpose: str, *, granted: bool) -> Choice:
    return Choice(
        user_id=_user_id(user), anonymous_id=_anonymous_id(user), purpose=purpose, granted=granted, source=_SOURCE
    )


def _user_id(user: User) -> str | None:
    return None if is_anonymous(user.name) else plain(user.name)


def _anonymous_id(user: User) -> str | None:
    return plain(user.name) if is_anonymous(user.name) else None


def _stale() -> Response:
    return page(
        "This link is too old",
        "It is good for 60 days. A later mail of ours has one that works.",
        status=HTTPStatus.NOT_FOUND,
    )
