"""The same two rules over the same file: Impel's core, a program written by hand, bytewax, and Flink SQL.

The rules are in `peers.yaml`: A viewed and then B within 48 hours without a purchase, and a cart abandoned without a
purchase within 24 hours. Each peer runs in a process of its own, with one worker; what fires has to be the same to the
millisecond, or no time is told. Times are of the run alone, from the file to what fires, without the process's start
(and, for Flink, after a run that warms its JVM).

    python bench/peers.py --json bench/out/peers.json

Flink needs Linux, a Java 17, and a venv of its own, which may be anywhere (`--flink`); `make bench-flink` makes one.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.load import DAY, RETENTION
from bench.options import keep, positive
from bench.peers_input import RawLine, batches, write
from bench.peers_machine import Fired, by_hand, hosted
from bench.race import Agenda
from engine.core.decisions import Firing
from engine.core.events import INF, Track
from engine.core.identity import known
from engine.core.program import Program
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.files import load

HERE = Path(__file__).parent
TRIGGERS = HERE / "peers.yaml"
FLINK = HERE / ".venv-flink" / "bin" / "python"
_WARMING = 100_000
"""Events of the run in which Flink's JVM gets warm, which does not count."""
_KEPT = 5_000
"""Events of a user at most, as shipped."""


def impel(file: Path) -> list[Fired]:
    """The core from the written triggers; whoever is due is woken as time goes on."""
    loaded = load({TRIGGERS.name: TRIGGERS.read_text("utf-8")}, retention=RETENTION)
    program = compile_triggers(
        loaded.triggers, loaded.segments, retention=RETENTION, history_after=DAY, history_limit=_KEPT
    )
    return [(firing.trigger, firing.user, firing.at) for firing in _decide(program, file)]


def _decide(program: Program, file: Path) -> Iterator[Firing]:
    users: dict[str, User] = {}
    agenda, seq = Agenda(users), 0
    for calls in batches(file, RawLine):
        due = agenda.due(calls[0].timestamp)
        for name in due:
            yield from users[name].wake(calls[0].timestamp)
        agenda.look_again(due)
        horizons = {}
        for call in calls:
            seq += 1
            user = users.get(call.user_id)
            if user is None:
                user = users[call.user_id] = User(known(call.user_id), program)
            event = Track(seq, call.event, call.timestamp, bytes(call.properties), call.message_id)
            yield from user.observe(event, call.timestamp)
            horizons[call.user_id] = user.horizon()
        agenda.note(horizons)
    for user in users.values():
        yield from user.wake(INF - 1)


PEERS: dict[str, Callable[[Path], list[Fired]]] = {"impel": impel, "by hand": by_hand, "bytewax": hosted}
_OTHERS = ("by hand", "bytewax", "flink")


@dataclass(frozen=True)
class Run:
    """What fired, and the seconds it took on the clock and of CPU time."""

    fired: Counter[Fired]
    wall: float
    cpu: float


def timed(name: str, file: Path) -> Run:
    """Run a peer in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    fired = PEERS[name](file)
    return Run(Counter(fired), time.perf_counter() - wall, time.process_time() - cpu)


def apart(name: str, file: Path) -> Run:
    """Run a peer in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(timed, name, file).result()


def flink(python: Path, file: Path) -> Run:
    """Run Flink SQL by the Python of its venv.

    Raises:
        SystemExit: it fails; with what it said.

    """
    with TemporaryDirectory() as folder:
        warming = Path(folder) / "warming.jsonl"
        with file.open("rb") as lines:
            warming.write_bytes(b"".join(islice(lines, _WARMING)))
        command = [str(python), str(HERE / "peers_flink.py"), str(file), str(warming), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        if done.returncode:
            raise SystemExit(f"Flink failed:\n{done.stderr[-4_000:]}")
        return Run(Counter(_written(Path(folder) / "fired")), **json.loads(done.stdout.splitlines()[-1]))


def _written(folder: Path) -> Iterator[Fired]:
    """What Flink has written: a folder for each rule, with CSV."""
    for part in folder.glob("*/part-*"):
        for line in part.read_text("utf-8").splitlines():
            user, at = line.split(",")
            yield part.parent.name, user, int(at)


def differences(runs: dict[str, Sequence[Run]]) -> dict[str, int]:
    """By how many firings a peer differs from the first one, for those that do."""
    (wanted, *_), *_ = runs.values()
    found = {
        name: max(((run.fired - wanted.fired) + (wanted.fired - run.fired)).total() for run in each)
        for name, each in runs.items()
    }
    return {name: count for name, count in found.items() if count}


def report(runs: dict[str, Sequence[Run]], events: int) -> dict[str, Any]:
    """Medians, and how much more or less a peer takes than Impel."""
    wall = {name: median(run.wall for run in each) for name, each in runs.items()}
    cpu = {name: median(run.cpu for run in each) for name, each in runs.items()}
    return {
        name: {
            "wall": round(wall[name], 2),
            "cpu": round(cpu[name], 2),
            "events_per_cpu_second": round(events / cpu[name]),
            "wall_to_impel": round(wall[name] / wall["impel"], 2),
            "cpu_to_impel": round(cpu[name] / cpu["impel"], 2),
        }
        for name in runs
    }


def _run_all(options: argparse.Namespace) -> dict[str, Sequence[Run]]:
    """All peers, in turn, so often."""
    file: Path = options.folder / f"peers-{options.events}-{options.users}-{options.seed}.jsonl"
    with Progress(console=Console(stderr=True), transient=True) as progress:
        if not file.exists():
            part, task = file.with_suffix(".part"), progress.add_task("writing the file", total=options.events)
            for done in write(part, options.events, options.users, options.seed):
                progress.update(task, completed=done)
            part.rename(file)
        names = ["impel", *(name for name in options.besides if name != "flink" or options.flink.exists())]
        runs: dict[str, list[Run]] = {name: [] for name in names}
        task = progress.add_task("", total=len(names) * options.repeats)
        for name in names * options.repeats:
            progress.update(task, description=name)
            runs[name].append(flink(options.flink, file) if name == "flink" else apart(name, file))
            progress.advance(task)
    return dict(runs)


def _print(figures: dict[str, Any], fired: Counter[Fired], events: int, *, installed: bool) -> None:
    rules = Counter(rule for rule, _, _ in fired.elements())
    told = ", ".join(f"{rule} {count:,}" for rule, count in sorted(rules.items()))
    table = Table("", "wall", "CPU", "events per CPU second", "wall to Impel's", "CPU to Impel's", box=None)
    for name, each in figures.items():
        table.add_row(
            name,
            f"{each['wall']} s",
            f"{each['cpu']} s",
            f"{each['events_per_cpu_second']:,}",
            f"{each['wall_to_impel']}",
            f"{each['cpu_to_impel']}",
        )
    if not installed:
        table.add_row("flink", "not installed: make bench-flink")
    console = Console(width=120)
    console.print(f"{events:,} events; fired, for all alike: {told}")
    console.print(table)


def main() -> int:
    """Run from the command line; 1 if peers do not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=positive, default=1_000_000, help="lines of the file (default: 1000000)")
    parser.add_argument("--users", type=positive, default=10_000, help="users in it (default: 10000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--repeats", type=positive, default=3, help="runs of each, of which the median counts (default: 3)"
    )
    parser.add_argument("--folder", type=Path, default=HERE / "out", help="where the file is kept")
    parser.add_argument("--besides", nargs="*", choices=_OTHERS, default=_OTHERS, help="who but Impel (default: all)")
    parser.add_argument("--flink", type=Path, default=FLINK, help="the Python that has Flink")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    runs = _run_all(options)
    if wrong := differences(runs):
        print(f"no times, since what fires differs from {next(iter(runs))}'s: {wrong}", file=sys.stderr)
        return 1
    figures = report(runs, options.events)
    _print(figures, runs["impel"][0].fired, options.events, installed=options.flink.exists())
    keep(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
