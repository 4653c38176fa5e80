"""Who is asked about: what is copied of a user, so that it can be looked at while the user goes on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.core.decisions import Firing
from engine.core.events import FEEDBACK, Millis, decode
from engine.core.timeline import Recorded
from engine.core.user import REMEMBERED, User
from engine.core.where import Predicate
from engine.language import tree
from engine.language.predicates import predicate


class Subject:
    """A user as of now: the events in order of arrival, and what is known of traits, lists and firings."""

    def __init__(
        self,
        first_id: str,
        records: Iterable[Recorded],
        *,
        profile: Mapping[str, Any],
        lists: Iterable[str] = (),
        firings: Iterable[Firing] | None = None,
        variants: Mapping[str, str] | None = None,
        clock: Millis = 0,
        complete_since: Millis = 0,
    ) -> None:
        self.first_id = first_id
        self.records = sorted(records, key=lambda record: record.seq)
        self.profile = dict(profile)
        self.lists = set(lists)
        self.firings = None if firings is None else list(firings)
        """What fired, as it is remembered; None where nobody remembers."""
        self.variants = dict(variants or {})
        """By trigger, the variant that the person has."""
        self.clock = clock
        """When the last step was, ms."""
        self.complete_since = complete_since
        """After this instant, in ms, all firings are remembered."""
        self._properties: dict[int, dict[str, Any]] = {}

    @classmethod
    def of(cls, user: User, *, older: Iterable[Firing] = ()) -> "Subject":
        """What is to be copied of a user; `older` are firings that the user may remember no more."""
        fired = {firing.id: firing for firing in (*older, *user.fired)}
        arms = {
            trigger.origin: user.exposures.arm(trigger, user.first_id).name
            for trigger in user.program.triggers
            if not trigger.role
        }
        return cls(
            user.first_id,
            list(user.history.timeline.records),
            profile=user.profile,
            lists=user.history.whole.lists,
            firings=fired.values(),
            variants=arms,
            clock=user.clock,
            complete_since=user.fired[0].at if len(user.fired) >= REMEMBERED else 0,
        )

    def properties(self, record: Recorded) -> dict[str, Any]:
        """The properties of an event."""
        found = self._properties.get(record.seq)
        if found is None:
            found = self._properties[record.seq] = decode(record.properties)
        return found

    def event(self, seq: int | None) -> Recorded | None:
        """The event of that number, if it is kept."""
        return next((record for record in self.records if record.seq == seq), None)

    def told(self, record: Recorded) -> dict[str, Any]:
        """An event, as JSON."""
        told: dict[str, Any] = {"event": record.name, "at": record.ts, "properties": self.properties(record)}
        return told if record.received_at == record.ts else told | {"received": record.received_at}

    def taker(self, selector: tree.Selector) -> Callable[[Recorded], bool]:
        """Whether a selector takes an event."""
        asked: list[tuple[str | None, Predicate | None]] = [
            (choice.name, None if choice.where is None else predicate(choice.where)) for choice in selector.choices
        ]

        def takes(record: Recorded) -> bool:
            return any(
                (record.name == name or (name is None and record.name not in FEEDBACK))
                and (asks is None or asks(self.properties(record)))
                for name, asks in asked
            )

        return takes
