"""An attempt: from a message whose turn it is to what has become of it, each step written down before the next.

    release says never                  dropped
    release says not before t           held
    it does not render                  failed
    (written down: sending)
    accepted                            accepted
    Rejected                            failed
    Unavailable                         due again after a pause; failed when that was tried often enough
    Unclear, and keys are recognised    due again with the same key, for as long as they are
    Unclear otherwise                   unconfirmed: it is not sent again unless somebody asks for it

A message that is found in the state `sending` is one whose attempt the process did not survive: nobody knows.
"""

import structlog
from msgspec.structs import replace

from engine.core.events import Millis, Sent
from engine.core.release import Release, entry
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.question import Due
from engine.core.user import User
from engine.runtime.account import Account
from engine.runtime.breaker import Breaker
from engine.runtime.office import Office, addresses
from engine.runtime.ports import Delivery, Destination, Rejected, Unavailable, Unclear
from engine.runtime.records import Dispatch

_AGAIN: Millis = 60_000
"""After so long a message is asked about again for which the rules of sending failed."""

_UNKNOWN: Held | Never = Never("", "the user is no longer known")

_log = structlog.get_logger()


class Sender:
    """Attempts messages at one destination."""

    def __init__(self, name: str, destination: Destination, office: Office, breaker: Breaker, account: Account) -> None:
        self._name = name
        self._destination = destination
        self._office = office
        self._breaker = breaker
        self._account = account

    async def attempt(self, dispatch: Dispatch) -> Dispatch:
        """Attempt a message, for which the account has given a turn; returns it as it is afterwards."""
        office = self._office
        user = None if dispatch.state == "sending" else await office.desk.user(dispatch.name)
        now, refusal = office.desk.now(), _UNKNOWN
        if user is not None and dispatch.id in office.unended:
            answer = self._released(user, dispatch, now)
            if isinstance(answer, Go):
                return await self._go(dispatch, user, now)
            refusal = answer
        self._account.forgo()
        if dispatch.state == "sending":
            return await self._again_if_known(dispatch, "the process ended during the attempt")
        if dispatch.id not in office.unended:
            return replace(dispatch, state="dropped")  # by hand, meanwhile
        if isinstance(refusal, Held):
            return office.hold(dispatch, refusal)
        return await office.end(dispatch, "dropped", refusal.reason, refusal.gate)

    def _released(self, user: User, dispatch: Dispatch, now: Millis) -> Release:
        """What the gates say; a fault in one of them holds this message and stops no other."""
        try:
            return user.release(dispatch.id, now, self._office.policy)
        except Exception as problem:  # noqa: BLE001 - whatever it is
            _log.exception("release failed", message=dispatch.message)
            return Held("fault", f"{type(problem).__name__} in the rules of sending; asked again", now + _AGAIN)

    async def _go(self, dispatch: Dispatch, user: User, now: Millis) -> Dispatch:
        """Nothing is against it: render it, say so, send it.

        Until the user is told that it is being sent, nothing is waited for, so that no other message can pass the gates
        on what this one uses up.
        """
        office, firing = self._office, dispatch.firing
        try:
            data = office.render(user, dispatch)
        except Rejected as problem:
            return await office.end(dispatch, "failed", str(problem))
        named = addresses(data)
        if objection := office.objection(dispatch.message, named):
            return await office.end(dispatch, "dropped", objection, "suppression")
        sending = replace(
            dispatch,
            destination=self._name or dispatch.destination,
            state="sending",
            reason="",
            gate="",
            attempts=dispatch.attempts + 1,
            begun=now if dispatch.begun is None else dispatch.begun,
            changed=now,
            address=named[0] if named else "",
        )
        office.unended[dispatch.id] = sending
        await office.desk.begin(sending, self._counted(sending, now))
        delivery = Delivery(dispatch.id, firing.trigger, firing.user, firing.at, dispatch.message, data)
        return await self._send(sending, delivery)

    def _counted(self, dispatch: Dispatch, now: Millis) -> Sent | None:
        """What of a message counts against the user's limits."""
        policy = self._office.policy
        if policy.facts(dispatch.message).purpose == "transactional":
            return None
        return entry(Due(dispatch.id, dispatch.firing.trigger, dispatch.message, dispatch.firing.at), now, policy)

    async def _send(self, dispatch: Dispatch, delivery: Delivery) -> Dispatch:
        office, now = self._office, self._office.desk.now
        try:
            await self._destination.send(delivery)
        except Unavailable as problem:
            return await self._again_later(dispatch, problem)
        except Rejected as problem:
            self._breaker.succeed()
            return await office.end(dispatch, "failed", str(problem))
        except Unclear as problem:
            self._breaker.fail(now())
            return await self._again_if_known(dispatch, str(problem))
        except Exception as problem:  # noqa: BLE001 - the same; nobody knows how far it got
            _log.exception("destination failed", destination=self._name)
            self._breaker.fail(now())
            return await self._again_if_known(dispatch, f"{type(problem).__name__} in the destination")
        self._breaker.succeed()
        office.telemetry.sent(self._name, (now() - dispatch.firing.at) / 1_000)
        return await office.end(dispatch, "accepted")

    async def _again_later(self, dispatch: Dispatch, problem: Unavailable) -> Dispatch:
        """Nothing was sent. An attempt that failed for everybody is not the message's, and does not count."""
        now, retries = self._office.desk.now(), self._destination.retries(dispatch.message)
        due = self._after_pause(dispatch, problem.retry_after or 0)
        if problem.account:
            self._breaker.fail(now, problem.retry_after)
            dispatch = replace(dispatch, attempts=dispatch.attempts - 1)
        else:
            self._breaker.succeed()
        begun = now if dispatch.begun is None else dispatch.begun
        if dispatch.attempts >= retries.attempts or due >= begun + retries.patience:
            return await self._office.end(dispatch, "failed", f"given up: {problem}")
        return await self._office.put_back(dispatch, due, str(problem))

    async def _again_if_known(self, dispatch: Dispatch, reason: str) -> Dispatch:
        """It may have been sent. Where its key is recognised, to send it again does no harm."""
        retries = self._destination.retries(dispatch.message)
        dispatch = replace(dispatch, doubtful=True)
        due = self._after_pause(dispatch)
        begun = due if dispatch.begun is None else dispatch.begun
        if dispatch.attempts >= retries.attempts or due >= begun + min(retries.remembers, retries.patience):
            return await self._office.end(dispatch, "unconfirmed", reason)
        return self._office.put_off(dispatch, due, reason)

    def _after_pause(self, dispatch: Dispatch, least: float = 0) -> Millis:
        """When to try again: exponential backoff with full jitter, and at least so many seconds from now."""
        retries = self._destination.retries(dispatch.message)
        longest = min(retries.first_pause * 2.0 ** (dispatch.attempts - 1), retries.longest_pause)
        return self._office.desk.now() + round(1_000 * max(self._office.dice() * longest, least))
