"""What would have become of the messages, too: a simulation in which they are released, and every one is accepted.

Each message is asked about at the instant of its firing and, where it is held, again at the instant that was given, as
the sidecar does it; what was sent counts against what comes after.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from engine.core.decisions import Firing, message_ids
from engine.core.events import FEEDBACK, Millis, Outcome
from engine.core.program import Program
from engine.core.release import entry
from engine.core.sending.answers import Go, Held, Never
from engine.core.sending.policy import Policy
from engine.core.user import User
from engine.simulate import Simulation


@dataclass(slots=True)
class Fate:
    """What became of a message."""

    message: str
    state: Literal["accepted", "held", "dropped"] = "held"
    at: Millis = 0
    """When it came into this state."""
    held: list[tuple[Millis, Held]] = field(default_factory=list)
    """What held it, and when that was found."""
    never: Never | None = None
    """Why it was dropped."""


class Rehearsal(Simulation):
    """A simulation that also releases messages; `fates` are theirs, by the id of the firing."""

    def __init__(self, program: Program, policy: Policy) -> None:
        super().__init__(program)
        self.fates: dict[str, list[Fate]] = {}
        self._policy = policy
        self._waiting: dict[str, list[tuple[Millis, int, str, Fate]]] = {}
        """By user, a heap of when each message is to be asked about."""
        self._numbers = count()

    def take(self, item: Mapping[str, Any], received: Millis, seq: int) -> None:
        """Let the user whom it concerns observe one input, after all that was due before it.

        Raises:
            InputError: it cannot be read.

        """
        name, absorbed = self._whom(item, received)
        for each in (name, absorbed):
            if each is not None and each in self.users:
                self._live(each, received)
        before = len(self.fired)
        super().take(item, received, seq)
        if absorbed is not None:
            self._waiting[name] = [*self._waiting.get(name, []), *self._waiting.pop(absorbed, [])]
            heapq.heapify(self._waiting[name])
        self._await(name, self.fired[before:])
        self._ask_again(self.users[name], anything=_may_ease(item))
        self._live(name, self.users[name].clock)

    def finish(self, until: Millis | None = None) -> list[Firing]:
        """Settle and release everything due up to and including `until`, by default the last input."""
        end = self._last if until is None else until
        for name in self.users:
            self._live(name, end)
        return super().finish(end)

    def _live(self, name: str, end: Millis) -> None:
        """Let a user settle and send, in the order of time; at one instant, what falls due goes first."""
        user, waiting = self.users[name], self._waiting.setdefault(name, [])
        while (at := min(user.deadline(), waiting[0][0] if waiting else end + 1)) <= end:
            if user.deadline() <= at:
                fired = user.wake(at)
                self.fired += fired
                self._await(name, fired)
                self._ask_again(user)
            else:
                self._ask(user, *heapq.heappop(waiting))

    def _ask_again(self, user: User, *, anything: bool = False) -> None:
        """Have it asked at once about what has ended, or about anything, as the sidecar does."""
        ended = set(user.sending.ended)
        user.sending.ended.clear()
        if anything or ended:
            waiting = self._waiting.setdefault(user.name, [])
            waiting[:] = [
                (user.clock if anything or message in ended else at, number, message, fate)
                for at, number, message, fate in waiting
            ]
            heapq.heapify(waiting)

    def _await(self, name: str, fired: list[Firing]) -> None:
        for firing in fired:
            self.fates[firing.id] = []
            for key, message in message_ids(firing):
                fate = Fate(message, at=firing.at)
                self.fates[firing.id].append(fate)
                heapq.heappush(self._waiting.setdefault(name, []), (firing.at, next(self._numbers), key, fate))

    def _ask(self, user: User, at: Millis, _: int, message: str, fate: Fate) -> None:
        due = user.sending.due.get(message)
        answer = user.release(message, at, self._policy)
        if isinstance(answer, Held):
            if not fate.held or fate.held[-1][1] != answer:
                fate.held.append((at, answer))
            heapq.heappush(self._waiting[user.name], (answer.until, next(self._numbers), message, fate))
            return
        fate.at, fate.state = at, "accepted" if isinstance(answer, Go) else "dropped"
        if isinstance(answer, Never):
            fate.never = answer
        elif due is not None:
            limited = self._policy.facts(due.message).purpose != "transactional"
            user.observe(Outcome(0, message, "sending", entry(due, at, self._policy) if limited else None), at)
        user.observe(Outcome(0, message, fate.state), at)


def _may_ease(item: Mapping[str, Any]) -> bool:
    """Whether an input may let a message go, or end it, that is held."""
    return item.get("type") in {"identify", "group", "alias"} or item.get("event") in FEEDBACK
