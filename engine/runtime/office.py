"""The office: what all ways out share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from engine.core.decisions import Firing
from engine.core.events import Millis, Sent
from engine.core.release import DELAY
from engine.core.sending.answers import Held
from engine.core.sending.policy import Policy
from engine.core.sending.suppression import against, normal, told
from engine.core.user import User
from engine.runtime.ports import Rejected, Renderer, Telemetry
from engine.runtime.records import Counted, Dispatch, DispatchState, of

Context = Callable[[User, Firing], Mapping[str, Any]]
"""What a template may speak of."""

_log = structlog.get_logger()


class Desk(Protocol):
    """What the outbox asks of the rest."""

    def now(self) -> Millis:
        """The present instant."""

    async def user(self, name: str) -> User | None:
        """The user who has what was decided under that name, as they are now; None if nothing is known of them."""

    def note(self, dispatch: Dispatch) -> None:
        """Have a change written down with the next commit."""

    def count(self, counted: Counted) -> None:
        """Have something counted, with the same commit as what was noted just before."""

    async def begin(self, dispatch: Dispatch, sent: Sent | None) -> None:
        """Have it written down and told to its user that a message is being handed over; wait until that is durable.

        Nothing may have been waited for since the user was asked for: they are told before anything else happens.
        """

    async def put_back(self, dispatch: Dispatch) -> None:
        """Have it written down and told to its user that a message was not taken, and wait until both are durable."""

    async def end(self, dispatch: Dispatch) -> None:
        """Have a message's end written down and told to its user, and wait until both are durable."""

    async def renew(self, dispatch: Dispatch) -> None:
        """Have it written down and told to its user that a message is due again, and wait until both are durable."""


class Office:
    """What all lanes share. `unended` are the messages on their way, by id, as they are now."""

    def __init__(
        self,
        desk: Desk,
        renderer: Renderer,
        policy: Policy,
        *,
        context: Context,
        telemetry: Telemetry,
        dice: Callable[[], float],
    ) -> None:
        self.desk = desk
        self.renderer = renderer
        self.policy = policy
        self.context = context
        self.telemetry = telemetry
        self.dice = dice
        self.unended: dict[str, Dispatch] = {}

    def render(self, user: User, dispatch: Dispatch) -> Mapping[str, Any]:
        """The fields of a message, from its user as they are now.

        Raises:
            Rejected: there is no such message any more, or it cannot be filled in.

        """
        if dispatch.message not in self.renderer.names:
            raise Rejected(f"there is no message {dispatch.message!r}")
        try:
            context = {**self.context(user, dispatch.firing), "id": dispatch.id}
            return self.renderer.render(dispatch.message, context)
        except Rejected:
            raise
        except Exception as problem:
            _log.exception("rendering failed", message=dispatch.message)
            raise Rejected(f"{type(problem).__name__} in the template") from problem

    def objection(self, message: str, addresses: Iterable[str]) -> str:
        """What is against the addresses that were filled in, which the gates cannot know; empty: nothing."""
        for address in addresses:
            mark = against(self.policy.suppressed.get(address, {}), self.policy.facts(message))
            if mark is not None:
                return f"suppression: the address is suppressed ({told(mark)})"
        return ""

    async def end(self, dispatch: Dispatch, state: DispatchState, reason: str = "", gate: str = "") -> Dispatch:
        """Let a message end; one that may have been sent in an earlier attempt is not said to have failed."""
        if dispatch.doubtful and state in {"failed", "dropped"}:
            state, reason = "unconfirmed", f"an earlier attempt may have succeeded; the last: {reason}"
        ended = replace(dispatch, state=state, reason=reason, gate=gate, changed=self.desk.now())
        self.unended.pop(dispatch.id, None)
        log = {"accepted": _log.debug, "dropped": _log.info}.get(state, _log.warning)
        log("message", trigger=dispatch.firing.trigger, message=dispatch.message, state=state, reason=reason)
        await self.desk.end(ended)
        return ended

    async def put_back(self, dispatch: Dispatch, due: Millis, reason: str) -> Dispatch:
        """Let a message that was not taken be tried again at `due`; it counts only if an earlier attempt may."""
        waiting = replace(dispatch, state="due", reason=reason, due=due, changed=self.desk.now())
        self.unended[dispatch.id] = waiting
        if dispatch.doubtful:
            self.desk.note(waiting)
        else:
            await self.desk.put_back(waiting)
        return waiting

    def put_off(self, dispatch: Dispatch, due: Millis, reason: str) -> Dispatch:
        """Let a message be tried again at `due`."""
        waiting = replace(dispatch, state="due", reason=reason, due=due, changed=self.desk.now())
        self.unended[dispatch.id] = waiting
        self.desk.note(waiting)
        return waiting

    def hold(self, dispatch: Dispatch, answer: Held) -> Dispatch:
        """Let a message be held by a gate; it counts once as held by that one."""
        gate, before = answer.gate, dispatch.held
        held = replace(
            dispatch,
            state="held",
            reason=answer.reason,
            due=answer.until,
            changed=self.desk.now(),
            gate=gate,
            held=before if gate in before else (*before, gate),
        )
        self.unended[dispatch.id] = held
        self.desk.note(held)
        if gate not in {*before, DELAY}:  # to wait for its time is no rule's doing
            self.desk.count(of(held, "held"))
        return held


def addresses(data: Mapping[str, Any]) -> list[str]:
    """The addresses that a message names, as they are compared: as `to` or `email`, by itself or within a profile."""
    profile = data.get("profile")
    named = (data, profile if isinstance(profile, Mapping) else {})
    found = (each.get(name) for each in named for name in ("to", "email"))
    return [normal(each) for each in found if isinstance(each, str)]
