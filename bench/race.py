"""The core and the floor, hosted as barely as can be, over the same frames: what benches of the core have in common."""

import heapq
import resource
import sys
import time
from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.progress import Progress

from bench.load import Call, Form, Frame, Read, Shoppers
from engine.core.events import INF, Track, Traits, encode
from engine.core.identity import known
from engine.core.program import Program
from engine.core.user import User

FRAME = 100
"""Events of a frame."""

_ONBOARDING = 10
"""One user in so many has not finished signing up."""
_PER_UNIT = 1 if sys.platform == "darwin" else 1 << 10  # ru_maxrss counts bytes there and KiB elsewhere


def decoder(kind: type[Any], form: Form) -> Callable[[bytes], list[Any]]:
    """What reads a frame."""
    module: Any = msgspec.json if form == "json" else msgspec.msgpack
    decode: Callable[[bytes], list[Any]] = module.Decoder(list[kind]).decode  # type: ignore[valid-type]
    return decode


class Floor:
    """What is to be done for an event at the least."""

    def __init__(self, names: Iterable[str], form: Form) -> None:
        self.users: dict[str, list[int]] = {name: [] for name in names}
        self._decode = decoder(Read, form)

    def take(self, frame: bytes) -> None:
        """Take the events of a frame."""
        users = self.users
        for call in self._decode(frame):
            insort(users[call.user_id], call.timestamp)


class Core:
    """The core with as little around it as can be."""

    def __init__(self, names: Iterable[str], program: Program, form: Form) -> None:
        self.users = {name: User(known(name), program) for name in names}
        self.seq = 0
        self.fired = 0
        self._decode = decoder(Call, form)

    def take(self, frame: bytes) -> dict[str, int]:
        """Take the events of a frame; returns the horizons of those whom it was about."""
        users, seq, fired, horizons = self.users, self.seq, 0, dict[str, int]()
        for call in self._decode(frame):
            seq += 1
            user = users[call.user_id]
            event = Track(seq, call.event, call.timestamp, bytes(call.properties), call.message_id)
            fired += len(user.observe(event, call.received_at))
            horizons[call.user_id] = user.horizon()
        self.seq = seq
        self.fired += fired
        return horizons

    def wake(self, names: Iterable[str], now: int) -> None:
        """Wake users."""
        fired, users = 0, self.users
        for name in names:
            fired += len(users[name].wake(now))
        self.fired += fired

    def sign_up(self, now: int) -> None:
        """Give some users the trait that a trigger looks at."""
        onboarding = encode({"status": "onboarding", "plan": "free"})
        for user in list(self.users.values())[::_ONBOARDING]:
            user.observe(Traits(0, onboarding), now)


class Agenda:
    """Who is to be woken when: the runtime's affair, and not part of what is measured."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users
        self._heap: list[tuple[int, str]] = []
        self._armed: dict[str, int] = {}

    def note(self, horizons: Mapping[str, int]) -> None:
        """Take note of users' horizons."""
        for name, at in horizons.items():
            if at < self._armed.get(name, INF):
                self._armed[name] = at
                heapq.heappush(self._heap, (at, name))

    def due(self, now: int) -> list[str]:
        """Whom to wake now."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._armed.get(name) == at:
                del self._armed[name]
                found.append(name)
        horizons = {name: self._users[name].horizon() for name in found}
        self.note({name: at for name, at in horizons.items() if at > now})
        return [name for name, at in horizons.items() if at <= now]

    def look_again(self, names: Iterable[str]) -> None:
        """Take note of users who have been woken."""
        self.note({name: self._users[name].horizon() for name in names})


@dataclass
class Round:
    """What was done, and the CPU seconds it took: on the floor, in the core's turns, in wakes."""

    events: int
    floor: float = 0.0
    turns: float = 0.0
    wakes: float = 0.0
    woken: int = 0


class Race:
    """The floor and the core over the same events."""

    def __init__(self, shoppers: Shoppers, program: Program, form: Form) -> None:
        self._shoppers = shoppers
        self.floor, self.core = Floor(shoppers.names, form), Core(shoppers.names, program, form)
        self._agenda = Agenda(self.core.users)

    def fill(self, events: int, progress: Progress) -> int:
        """Let all users together have seen so many events; returns by how many bytes the core has grown."""
        frames = list(self._shoppers.frames(events, FRAME))
        for frame in frames:
            self.floor.take(frame.body)
        before = _peak()
        self.core.sign_up(frames[0].received_at)
        for frame in progress.track(frames, description=f"{len(self.core.users):,} users, {events:,} events"):
            self._live(frame, Round(0))
        return _peak() - before

    def run(self, rounds: int, events: int, progress: Progress) -> list[Round]:
        """Some rounds of so many events each, in which now the one and now the other begins."""
        task = progress.add_task("measuring", total=rounds)
        done = []
        for number in range(rounds):
            frames = list(self._shoppers.frames(events, FRAME))
            done.append(self._round(frames, events, core_first=bool(number % 2)))
            progress.advance(task)
        progress.remove_task(task)
        return done

    def _round(self, frames: list[Frame], events: int, *, core_first: bool) -> Round:
        done = Round(events)
        if core_first:
            self._measure_core(frames, done)
        begin = time.process_time()
        for frame in frames:
            self.floor.take(frame.body)
        done.floor = time.process_time() - begin
        if not core_first:
            self._measure_core(frames, done)
        return done

    def _measure_core(self, frames: list[Frame], done: Round) -> None:
        for frame in frames:
            self._live(frame, done)

    def _live(self, frame: Frame, done: Round) -> None:
        """What is due before a frame, and the frame."""
        due = self._agenda.due(frame.received_at)
        begin = time.process_time()
        self.core.wake(due, frame.received_at)
        between = time.process_time()
        horizons = self.core.take(frame.body)
        done.turns += time.process_time() - between
        done.wakes += between - begin
        done.woken += len(due)
        self._agenda.look_again(due)
        self._agenda.note(horizons)


def _peak() -> int:
    """The most bytes this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PER_UNIT
