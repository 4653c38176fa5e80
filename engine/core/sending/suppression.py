"""Suppressions: addresses and people that nothing is sent to, on a channel or of a list.

An address that bounced is suppressed for whoever has it; a person may be too, whatever the address. Who has
unsubscribed still gets what is transactional; where a message cannot arrive, or was complained of, nothing goes.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.core.events import Millis
from engine.core.sending.answers import Never
from engine.core.sending.local import in_words
from engine.core.sending.policy import Facts
from engine.core.sending.question import Question

Why = Literal["bounced", "complained", "unsubscribed", "manual"]


class Suppressed(msgspec.Struct, frozen=True, array_like=True):
    """That somebody is suppressed on a channel: everything, or a list, which is a tag of messages."""

    channel: str
    list: str
    """Empty: everything."""
    why: Why
    at: Millis
    source: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is about."""
        return self.channel, self.list

    def adds_to(self, known: "Suppressed | None") -> bool:
        """Whether it holds back what another about the same, if there is one, lets through."""
        return known is None or (known.why == "unsubscribed" != self.why)


Marks = Mapping[tuple[str, str], Suppressed]
"""Of one address, or of one person, by channel and list."""


def normal(address: str) -> str:
    """An address as it is compared: without blanks about it, and in small letters."""
    return address.strip().casefold()


def suppression(asked: Question) -> Never | None:
    """Nothing goes to who is suppressed, or to an address that is."""
    user, facts = asked.user, asked.facts
    mark = against(user.sending.suppressed, facts)
    if mark is not None:
        return Never("suppression", f"suppression: they are suppressed ({told(mark)})")
    address = user.profile.get(facts.address) if facts.address else None
    mark = against(asked.policy.suppressed.get(normal(str(address)), {}), facts) if address else None
    return None if mark is None else Never("suppression", f"suppression: their address is suppressed ({told(mark)})")


def against(marks: Marks, facts: Facts) -> Suppressed | None:
    """What of some suppressions is against a message."""
    for name in ("", *facts.tags):
        mark = marks.get((facts.channel, name))
        if mark is not None and (facts.purpose != "transactional" or mark.why != "unsubscribed"):
            return mark
    return None


def told(mark: Suppressed) -> str:
    """Why, when and by whom, in words without personal data."""
    of = f" of {mark.list}" if mark.list else ""
    return f"{mark.why}{of} at {in_words(mark.at)}, {mark.source}"
