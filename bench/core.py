"""The core alone: events a second, beside what no engine could do without, in the same run.

The floor is a typed decode of each event with its properties as a dict, a look-up of its user in a dict, and a bisect
insert into that user's timestamps. The core decodes the same frames, finds its user, lets it observe the event and asks
for its horizon. Both take turns, in rounds, in one process; figures are CPU time, and medians of the rounds. Users who
are due are woken between frames, which is measured apart.

    python bench/core.py --json bench/out/core.json
"""

import argparse
import gc
import heapq
import json
import resource
import sys
import time
from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.load import DAY, VISIT, Call, Form, Frame, Read, Shoppers, mentions, program, triggers
from engine.core.events import INF, Track, Traits, encode
from engine.core.identity import known
from engine.core.program import Program
from engine.core.user import User

FRAME = 100
_WIDTH = 120
_VISITS_APART = 2 * DAY
_FILLED = 60 * DAY
"""A long history is made by more frequent visits: all of it has to be younger than the retention."""
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


@dataclass(frozen=True)
class Case:
    """What is run: so many triggers, and users with about so many events each."""

    name: str
    triggers: int
    history: int
    users: int


def measure(case: Case, options: argparse.Namespace, progress: Progress, *, is_first: bool) -> dict[str, Any]:
    """Fill, warm up, and measure."""
    text, apart = triggers(case.triggers), min(_VISITS_APART, _FILLED * VISIT // case.history)
    race = Race(Shoppers(case.users, apart, options.seed, options.form), program(case.triggers), options.form)
    grown = race.fill(case.users * case.history, progress)
    race.run(1, options.events, progress)
    gc.collect()
    gc.freeze()
    warm = race.core.fired
    rounds = race.run(options.rounds, options.events, progress)
    gc.unfreeze()
    return report(case, rounds) | {
        "mentions_per_event": round(mentions(text), 2),
        "fired_percent": round(100 * (race.core.fired - warm) / (options.rounds * options.events), 2),
        "bytes_per_user": grown // case.users if is_first else None,
    }


def report(case: Case, rounds: list[Round]) -> dict[str, Any]:
    """Medians of the rounds."""
    ratios = sorted(each.turns / each.floor for each in rounds)
    return {
        **asdict(case),
        "ratio": round(median(ratios), 2),
        "ratio_least": round(ratios[0], 2),
        "ratio_most": round(ratios[-1], 2),
        "floor_us": round(median(1e6 * each.floor / each.events for each in rounds), 2),
        "turn_us": round(median(1e6 * each.turns / each.events for each in rounds), 2),
        "events_per_second": round(median(each.events / (each.turns + each.wakes) for each in rounds)),
        "wakes_per_event": round(sum(each.woken for each in rounds) / sum(each.events for each in rounds), 3),
        "wake_us": round(median(1e6 * each.wakes / max(each.woken, 1) for each in rounds), 2),
    }


def _peak() -> int:
    """The most bytes this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PER_UNIT


def cases(options: argparse.Namespace) -> list[Case]:
    """The mix of the design, some hot users, and each number of triggers with each length of history."""
    grid = [
        Case(f"{count} triggers, {history} events", count, history, max(min(options.users, options.fill // history), 1))
        for count in options.triggers
        for history in options.history
    ]
    return [Case("reference", 10, 20, options.users), Case("hot users", 10, 200, options.hot), *grid]


def _print(reports: list[dict[str, Any]]) -> None:
    table = Table("", "users", "events/s", "floor", "turn", "ratio", "wakes", "a wake", "fired", box=None)
    for each in reports:
        table.add_row(
            each["name"],
            f"{each['users']:,}",
            f"{each['events_per_second']:,}",
            f"{each['floor_us']} µs",
            f"{each['turn_us']} µs",
            f"{each['ratio']} ({each['ratio_least']}-{each['ratio_most']})",
            f"{each['wakes_per_event']}",
            f"{each['wake_us']} µs",
            f"{each['fired_percent']} %",
        )
    console = Console(width=_WIDTH)
    console.print(table)
    console.print(f"of 10 triggers {reports[0]['mentions_per_event']} mention an event, on average")
    console.print(
        f"{reports[0]['bytes_per_user']:,} bytes per user, 20 events, 10 triggers: growth of the peak resident set"
    )


def main() -> int:
    """Measure each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triggers", type=int, nargs="*", default=[1, 10, 100], help="numbers of triggers")
    parser.add_argument("--history", type=int, nargs="*", default=[10, 100, 1_000], help="events of history per user")
    parser.add_argument("--users", type=int, default=20_000, help="how many there are at most (default: 20000)")
    parser.add_argument("--hot", type=int, default=50, help="how many there are in the case of hot users (default: 50)")
    parser.add_argument(
        "--fill", type=int, default=200_000, help="events before, of all users together, beyond the reference"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each takes its turn (default: 9)")
    parser.add_argument("--events", type=int, default=5_000, help="events of a round (default: 5000)")
    parser.add_argument("--form", choices=("msgpack", "json"), default="msgpack", help="the frames' form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        reports = [measure(case, options, progress, is_first=not n) for n, case in enumerate(cases(options))]
    _print(reports)
    if options.json is not None:
        options.json.write_text(json.dumps(reports, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
