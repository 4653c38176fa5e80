"""A way out that ends on a page of our own, `/inbox`: messages as the shopper would get them, for demos and trials."""

from secrets import token_urlsafe
from typing import NamedTuple

import msgspec
import trio

from adapters.destinations.console import Console
from engine.runtime.ports import Delivery, Pace, Retries

KEPT = 200
"""Messages; the oldest go first."""


class InboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="inbox"):
    """Keep the last messages in memory, and show them at `/inbox`."""

    echo: bool = False
    """Print them to the terminal as well."""


class Letter(NamedTuple):
    """A message that has come in. Whoever is told its handle may see it: a frame of the page shows no token."""

    handle: str
    delivery: Delivery


class Inbox:
    """Keeps the last messages; `echo`, if any, is handed each of them too."""

    pace = Pace()

    def __init__(self, echo: Console | None = None) -> None:
        self._echo = echo
        self._letters: dict[str, Letter] = {}
        """By the message's id, in the order in which they came."""

    def retries(self, _: str) -> Retries:
        """It never fails."""
        return Retries(attempts=1)

    async def send(self, delivery: Delivery) -> None:
        """Keep one message."""
        await trio.lowlevel.checkpoint()
        self._letters[delivery.id] = Letter(token_urlsafe(12), delivery)
        if len(self._letters) > KEPT:
            del self._letters[next(iter(self._letters))]
        if self._echo is not None:
            await self._echo.send(delivery)

    def find(self, message_id: str) -> Letter | None:
        """The message with that id; None where it has not come, or is too long ago."""
        return self._letters.get(message_id)

    def opened(self, handle: str) -> Delivery | None:
        """The message with that handle."""
        return next((each.delivery for each in self._letters.values() if each.handle == handle), None)
