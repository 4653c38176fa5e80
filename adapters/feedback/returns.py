"""Takes mails that came back to a destination: whose they were is known by a token, and believed by nothing else."""

from collections.abc import Sequence

import structlog
import trio

from adapters.feedback.bounces import Notice, read
from adapters.feedback.desk import Desk
from adapters.feedback.report import Report
from adapters.trail import Trail
from engine.core.sending.suppression import normal
from engine.runtime.service import Service

_log = structlog.get_logger()


class Returns:
    """What comes back to one destination, by its name."""

    def __init__(self, name: str, trail: Trail, service: Service, desk: Desk) -> None:
        self._name = name
        self._trail = trail
        self._service = service
        self._desk = desk

    async def take(self, mails: Sequence[bytes]) -> int:
        """Take what mails say; durable on return. How many said something of a message of ours.

        Raises:
            Refused: nothing can be taken now; they are to be brought again.

        """
        found = [report for mail in mails if (report := await self._report(mail)) is not None]
        if found:
            await self._desk.take(self._name, found)
        return len(found)

    async def _report(self, mail: bytes) -> Report | None:
        try:
            notice = await trio.to_thread.run_sync(read, mail)
        except Exception as fault:  # noqa: BLE001 - mails are of any kind, and the next one may be read
            _log.warning("a mail that came back cannot be read", destination=self._name, reason=type(fault).__name__)
            return None
        if notice is None:
            return None
        names = self._service.outbox.messages
        message = await trio.to_thread.run_sync(self._trail.returned, notice.traces, names)
        if message is None:
            _log.warning("a mail that came back names no message of ours", destination=self._name)
            return None
        told = f"{notice.event}:{message}:{notice.soft}"
        address = await self._address(message, notice)
        return Report(notice.event, self._service.now(), told, address, message, soft=notice.soft)

    async def _address(self, message: str, notice: Notice) -> str:
        """The address to be written to no more, if it is theirs to whom the message went.

        Whoever gets our mails can make such a report, with any address in it.
        """
        dispatch = await self._service.store.dispatch(message)
        user = None if dispatch is None else await self._service.router.look_for_heir(dispatch.name)
        if dispatch is None or user is None:
            return ""
        trait = self._service.outbox.policy.facts(dispatch.message).address
        own = normal(str(user.profile.get(trait) or ""))
        return own if own in map(normal, notice.addresses) else ""
