"""All about sending to one person: what is due to them, what they were sent, and what they have said of it."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from engine.core.decisions import Firing, message_id
from engine.core.events import INF, Consent, Millis, Outcome, Scalar, Suppression
from engine.core.sending.consent import Stance
from engine.core.sending.ledger import Ledger
from engine.core.sending.question import Due
from engine.core.sending.suppression import Suppressed
from engine.core.where import scalar_key


class Sending:
    """What release asks about one person; it changes by inputs, and by what fires."""

    __slots__ = ("consents", "due", "ended", "ledger", "suppressed")

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
        """Messages that an `until` has ended, until somebody takes note of that and empties it."""

    def __bool__(self) -> bool:
        """Whether there is anything that must not be forgotten."""
        return bool(self.due or self.ledger or self.consents or self.suppressed)

    def absorb(self, other: "Sending") -> None:
        """Take in what is known of another who turned out to be the same person."""
        self.due = other.due | self.due
        self.ledger.absorb(other.ledger)
        both = [*other.consents.items(), *self.consents.items()]
        # what was said last counts; of two things said at one instant, the no
        self.consents = dict(sorted(both, key=lambda each: (each[1].at, not each[1].granted)))
        self.suppressed = other.suppressed | self.suppressed

    def say(self, item: Consent | Suppression, now: Millis) -> None:
        """Take down what was said of what the person may be sent."""
        if isinstance(item, Consent):
            self.consents[item.purpose] = Stance(item.granted, now, item.source)
            return
        mark = Suppressed(item.channel, item.list, item.why, now, item.source)
        self.suppressed[mark.key] = mark
        if item.lifted:
            del self.suppressed[mark.key]

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
            case "failed" | "dropped":
                self.due.pop(message, None)
                self.ledger.strike(message)

    def end(self, trigger: str, value: Scalar | None, at: Millis) -> None:
        """What a trigger has made due, for a value if one is given, is not wanted any more since `at`."""
        for due in list(self.due.values()):
            same = value is None or due.per is None or scalar_key(value) == scalar_key(due.per)
            if due.trigger == trigger and due.ended is None and same:
                self.due[due.id] = replace(due, ended=at)
                self.ended.append(due.id)

    def bar(self, firing: Firing, group: str) -> None:
        """Another trigger of an exclusive group came first in the step of a firing."""
        for message in firing.messages:
            key = message_id(firing, message)
            self.due[key] = replace(self.due[key], barred=group)


def due_by(firing: Firing, expires: Millis) -> Iterator[Due]:
    """The messages that a firing makes due, which may go for `expires` ms."""
    last = min(firing.at + expires, INF)
    for message in firing.messages:
        yield Due(message_id(firing, message), firing.trigger, message, firing.at, last, firing.per)
