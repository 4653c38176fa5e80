"""Why a trigger fired for a person, or did not: `GET /v1/users/ID/why?trigger=NAME&at=T&per=VALUE`.

What is told from the person's timeline is reckoned in a thread, from a copy, so that nobody waits for it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import trio
from quart import Blueprint, Response, request

from adapters.configuration import Files, meanings
from adapters.keys import Keys
from adapters.sources.instants import BadInstant, instant
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.core.decisions import Firing, message_ids
from engine.core.events import Millis
from engine.core.identity import plain
from engine.core.release import NAMES
from engine.core.sending.answers import Go
from engine.core.user import User
from engine.language import tree
from engine.language.errors import meant
from engine.runtime.records import ENDED, Dispatch, Version
from engine.runtime.service import Service
from engine.why import Answer, Asked, Subject, explain

_DISPATCHES = 1_000
"""So many of a person's messages are looked through for firings that the person remembers no more."""

Told = dict[str, Any]


class Question(NamedTuple):
    """What is asked."""

    user: str
    trigger: str
    at: Millis | None = None
    per: str | None = None


class Unanswered(Exception):
    """A question that has no answer; `status` is that of HTTP."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


def why_routes(keys: Keys, service: Service, files: Callable[[], Files]) -> Blueprint:
    """The routes; an id that cannot stand in a path may be given as `GET /admin/why?id=ID`. `files` are in force."""
    routes, inquiry = Blueprint("why", __name__), Inquiry.of(service, files)

    @routes.get("/admin/why")
    async def by_query() -> Response:
        return await asked(request.args.get("id", ""))

    @routes.get("/v1/users/<path:user_id>/why")
    async def asked(user_id: str) -> Response:
        only_admin(keys, request)
        try:
            at = request.args.get("at")
            asked_for = None if at is None else instant(at, "at")
            question = Question(user_id, request.args.get("trigger", ""), asked_for, request.args.get("per"))
            return answer(await inquiry.answer(question))
        except BadInstant as wrong:
            return refusal(400, str(wrong))
        except Unanswered as wrong:
            return refusal(wrong.status, str(wrong))

    return routes


class Inquiry(NamedTuple):
    """Looks into what the service knows."""

    service: Service
    files: Callable[[], Files]
    limit: trio.CapacityLimiter
    """One at a time: a thread that reckons takes turns with all else."""
    meanings: dict[str, dict[str, str]]
    """By digest of a version, what its triggers meant; only the one thread at a time looks at it."""

    @classmethod
    def of(cls, service: Service, files: Callable[[], Files]) -> "Inquiry":
        """One for a service; `files` are those in force."""
        return cls(service, files, trio.CapacityLimiter(1), {})

    async def answer(self, question: Question) -> Told:
        """What is told.

        Raises:
            Unanswered: nobody, or no trigger, is known by that name, or it watches no values.

        """
        triggers = self._triggers(question)
        user = await self._find(question.user)
        dispatches = await self.service.store.dispatches(name=user.name, limit=_DISPATCHES)
        user = await self._find(question.user)  # as of now, after the store has been read
        subject = Subject.of(user, older=[dispatch.firing for dispatch in dispatches])
        now = self.service.router.now()
        asked = [self._asked(trigger, question, now) for trigger in triggers]
        versions = self.service.versions.newest_first()
        found = await trio.to_thread.run_sync(self._explained, asked, subject, versions, limiter=self.limit)
        told: Told = {"user": plain(user.name), "now": now, "at": now if question.at is None else question.at}
        if not question.trigger:
            return told | {"triggers": [_short(each) for each in found]}
        [whole] = found
        return told | await self._whole(whole, user, subject.firings or [], dispatches)

    def _triggers(self, question: Question) -> Sequence[tree.Trigger]:
        triggers = self.files().loaded.triggers
        if not question.trigger:
            return triggers
        trigger = next((each for each in triggers if each.name == question.trigger), None)
        if trigger is None:
            hint = meant(question.trigger, [each.name for each in triggers])
            raise Unanswered(404, f"there is no trigger `{question.trigger}` in force{hint}")
        if question.per is not None and trigger.per is None:
            raise Unanswered(400, f"`{trigger.name}` has no `per`: it watches the whole timeline")
        return [trigger]

    async def _find(self, user_id: str) -> User:
        user = await self.service.person(user_id)
        if user is None:
            raise Unanswered(404, "nobody is known by that id")
        return user

    def _asked(self, trigger: tree.Trigger, question: Question, now: Millis) -> Asked:
        program = self.service.versions.program
        return Asked(
            trigger,
            self.files().loaded.segments,
            now if question.at is None else question.at,
            program.retention,
            program.history_after,
            per=question.per if trigger.per is not None else None,
            now=now,
            is_brief=not question.trigger,
        )

    def _explained(self, asked: Sequence[Asked], subject: Subject, versions: Sequence[Version]) -> list[Answer]:
        return [explain(each._replace(since=self._since(each.trigger.name, versions)), subject) for each in asked]

    def _since(self, trigger: str, versions: Sequence[Version]) -> Millis:
        """Since when a trigger means what it means now, as far as is known; of versions, the newest is the first."""
        since, mine = versions[0].at, self._meaning(trigger, versions[0])
        for version in versions[1:]:
            if self._meaning(trigger, version) != mine:
                break
            since = version.at
        return since

    def _meaning(self, trigger: str, version: Version) -> str | None:
        if version.digest not in self.meanings:
            self.meanings[version.digest] = meanings(version.content)
        return self.meanings[version.digest].get(trigger)

    async def _whole(
        self, found: Answer, user: User, firings: Iterable[Firing], dispatches: Iterable[Dispatch]
    ) -> Told:
        """The answer, with what became of the messages of each firing."""
        told: Told = msgspec.to_builtins(found)
        by_id = {firing.id: firing for firing in firings}
        ended = {dispatch.id: dispatch for dispatch in dispatches if dispatch.state in ENDED}
        for watch in told.get("watches", []):
            for fired in watch.get("firings", []):
                firing = by_id.get(fired.get("id", ""))
                if firing is not None:
                    fired["messages"] = [
                        await self._message(key, message, user, ended.get(key)) for key, message in message_ids(firing)
                    ]
        return told

    async def _message(self, key: str, message: str, user: User, ended: Dispatch | None) -> Told:
        dispatch = ended or await self.service.message(key)
        told: Told = {"id": key, "message": message}
        if dispatch is None:
            return told | {"state": "unknown", "reason": "it is too long ago"}
        told |= {"state": dispatch.state, "attempts": dispatch.attempts, "at": dispatch.changed}
        if dispatch.held:
            told["held"] = list(dispatch.held)
        if dispatch.state in ENDED:
            asked = dispatch.gate or dispatch.attempts
            told |= _passed(dispatch.gate) if asked else {}
            return told | ({"reason": dispatch.reason} if dispatch.reason else {})
        found = user.release(key, self.service.router.now(), self.service.outbox.policy)
        if isinstance(found, Go) or key not in user.sending.due:  # it is being sent at this moment
            return told | _passed("") | ({"reason": dispatch.reason} if dispatch.reason else {})
        until = getattr(found, "until", None)
        return told | _passed(found.gate) | {"reason": found.reason} | ({} if until is None else {"until": until})


def _passed(gate: str) -> Told:
    """The gates that let a message go, and the one that did not, if one did not."""
    if not gate:
        return {"passed": list(NAMES)}
    return {"passed": list(NAMES[: NAMES.index(gate)]) if gate in NAMES else [], "gate": gate}


def _short(found: Answer) -> Told:
    """One trigger in a line: of the value seen last, if it watches values."""
    told: Told = {"trigger": found.trigger}
    if not found.watches:
        return told | {"status": "not yet", "said": f"has not fired: no event with `{found.per}` is kept"}
    latest = found.watches[0]
    told |= {"status": latest.status, "said": latest.said}
    return told if latest.per is None else told | {"per": latest.per}
