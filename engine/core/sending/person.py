"""All about sending to one person: what is due to them, what they were sent, and what they have said of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.core.decisions import Firing, message_ids
from engine.core.events import INF, Consent, Millis, Outcome, Scalar, Suppression
from engine.core.plan import Send
from engine.core.sending.consent import Stance
from engine.core.sending.ledger import Ledger
from engine.core.sending.question import Due
from engine.core.sending.suppression import Suppressed, Why
from engine.core.where import scalar_key

OBJECTIONS: Mapping[str, Why] = {
    "Email Bounced": "bounced",
    "Email Marked as Spam": "complained",
    "Unsubscribed": "unsubscribed",
}
"""Events by which a service reports that nothing more may be sent, and why not."""


class Entered(msgspec.Struct, frozen=True, array_like=True):
    """A trigger that fires once has fired."""

    firing: str
    begun: bool = False
    """Something of it was sent, or may have been."""


class Sending:
    """What release asks about one person; it changes by inputs, and by what fires."""

    __slots__ = ("consents", "due", "ended", "entered", "ledger", "suppressed")

    def __init__(self) -> None:
        self.due: dict[str, Due] = {}
        """The messages that are due, by id, in the order of decision."""
        self.ledger = Ledger()
        """What counts against the limits."""
        self.consents: dict[str, Stance] = {}
        """What was said of consent, by purpose."""
        self.suppressed: dict[tuple[str, str], Suppressed] = {}
        """By channel and list, of what the person gets nothing."""
        self.ended: list[str] = []
        """Messages that an `until`, or another trigger, has ended, until somebody takes note of that and empties it."""
        self.entered: dict[str, Entered] = {}
        """Those triggers that fire once which have, by `entry_key`."""

    def __bool__(self) -> bool:
        """Whether there is anything that must not be forgotten."""
        return bool(self.due or self.ledger or self.consents or self.suppressed or self.entered)

    def absorb(self, other: "Sending") -> None:
        """Take in what is known of another who turned out to be the same person."""
        self.due = other.due | self.due
        self.ledger.absorb(other.ledger)
        self.entered = other.entered | self.entered
        both = [*other.consents.items(), *self.consents.items()]
        # what was said last counts; of two things said at one instant, the no
        for purpose, stance in sorted(both, key=lambda each: (each[1].at, not each[1].granted)):
            self.consents[purpose] = stance.after(self.consents.get(purpose))
        for mark in other.suppressed.values():
            self._suppress(mark)

    def say(self, item: Consent | Suppression, now: Millis) -> None:
        """Take down what was said of what the person may be sent."""
        if isinstance(item, Consent):
            before = self.consents.get(item.purpose)
            said = now if item.at is None else min(item.at, now)
            if before is not None and (said < before.at or (item.stamped and before.granted is item.granted)):
                return
            self.agree({item.purpose: Stance(item.granted, said, item.source)})
            return
        mark = Suppressed(item.channel, item.list, item.why, now, item.source)
        if item.lifted:
            self.suppressed.pop(mark.key, None)
        else:
            self._suppress(mark)

    def object(self, event: str, said: Mapping[str, Any], now: Millis) -> None:
        """A service reports that the person cannot be reached, or objects; an address that is only full stays."""
        why = OBJECTIONS.get(event)
        if why is not None and said.get("soft") is not True:
            of = said.get("list")
            self._suppress(Suppressed("email", of if isinstance(of, str) else "", why, now, "feedback"))

    def _suppress(self, mark: Suppressed) -> None:
        """Take a mark down, but for one that lets through what another about the same holds back."""
        if mark.adds_to(self.suppressed.get(mark.key)):
            self.suppressed[mark.key] = mark

    def agree(self, said: dict[str, Stance], *, imported: bool = False) -> None:
        """Take down what was said of consent, by purpose; an archive's yes counts only where nothing was said yet."""
        for purpose, stance in said.items():
            before = self.consents.get(purpose)
            if not (imported and stance.granted and before is not None):
                self.consents[purpose] = stance.after(before)

    def expect(self, due: Iterable[Due]) -> None:
        """These messages are due."""
        self.due |= {each.id: each for each in due}

    def conclude(self, outcome: Outcome) -> None:
        """Count a message that is being handed over, no more if it was not taken; let go of one that has ended."""
        message = outcome.message
        match outcome.fate:
            case "sending":
                if outcome.sent is not None:
                    self.ledger.enter(outcome.sent)
            case "later":
                self.ledger.strike(message)
                if message in self.due:
                    self.due[message] = replace(self.due[message], tried=True)
            case "accepted" | "unconfirmed":
                self.due.pop(message, None)
                self._begin(message)
            case "failed" | "dropped":
                self.due.pop(message, None)
                self.ledger.strike(message)
                self._abandon(message)

    # Triggers that fire once -------------------------------------------------------------------------------------

    def enter(self, trigger: str, per: Scalar | None, firing: str) -> None:
        """A trigger that fires once has fired."""
        self.entered[entry_key(trigger, per)] = Entered(firing)

    def has_entered(self, trigger: str, per: Scalar | None) -> bool:
        """Whether a trigger that fires once has."""
        return entry_key(trigger, per) in self.entered

    def _begin(self, message: str) -> None:
        for key, entered in self.entered.items():
            if message.startswith(f"{entered.firing}:"):
                self.entered[key] = replace(entered, begun=True)

    def _abandon(self, message: str) -> None:
        """If that was the last message of a firing of which nothing was sent, it is as if it had not been."""
        for key, entered in list(self.entered.items()):
            whose = f"{entered.firing}:"
            if message.startswith(whose) and not entered.begun and not any(each.startswith(whose) for each in self.due):
                del self.entered[key]

    # What is not wanted any more ---------------------------------------------------------------------------------

    def end(self, until: str, value: Scalar | None, at: Millis) -> None:
        """What bears a key of `until`, for a value if one is given, is not wanted any more since `at`."""
        for due in list(self.due.values()):
            if due.until == until and due.ended is None and _same(value, due.per):
                self.due[due.id] = replace(due, ended=at)
                self.ended.append(due.id)

    def bar(self, firing: Firing, first: str) -> None:
        """Another trigger of its group came first in the step of a firing."""
        for key, _ in message_ids(firing):
            self.due[key] = replace(self.due[key], barred=first)

    def take_over(self, firing: Firing, fallbacks: Collection[str]) -> None:
        """A firing takes what these triggers, which send what nobody else takes, have waited with."""
        for due in list(self.due.values()):
            waits = due.trigger in fallbacks and not due.barred and due.at <= firing.at < due.start
            if waits and _same(firing.per, due.per):
                self.due[due.id] = replace(due, barred=firing.trigger)
                self.ended.append(due.id)


def entry_key(trigger: str, per: Scalar | None) -> str:
    """What `entered` calls a trigger, or one value of it."""
    return trigger if per is None else f"{trigger} {msgspec.json.encode(per).decode()}"


def _same(value: Scalar | None, other: Scalar | None) -> bool:
    """Whether two values of `per` are one, or either is none."""
    return value is None or other is None or scalar_key(value) == scalar_key(other)


def due_by(firing: Firing, sends: Sequence[Send], *, expires: Millis = INF, until: str = "") -> Iterator[Due]:
    """The messages that a firing makes due, which may go for `expires` ms from when they are.

    `sends` are what the trigger says of them, empty if it has changed since.
    """
    asked = [send.condition for send in sends] or [""] * len(firing.messages)
    starts = [firing.at + after for after in firing.after] or [firing.at] * len(firing.messages)
    for (key, message), start, condition in zip(message_ids(firing), starts, asked, strict=True):
        last = min(start + expires, INF)
        yield Due(
            key, firing.trigger, message, firing.at, last, firing.per, start=start, until=until, condition=condition
        )
