"""`impel simulate`: what the triggers would have done with a file of events."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from adapters.commands.notices import Duration, files_or_tell, load_or_tell, settings_or_tell, stderr
from engine.core.decisions import Firing
from engine.core.program import Program
from engine.core.release import NAMES
from engine.language.compiler import compile_triggers
from engine.language.durations import parse_duration
from engine.language.files import Loaded
from engine.rehearsal import Fate, Rehearsal
from engine.simulate import Simulation, instant, received_at

STDIN = Path("-")

_decode = msgspec.json.Decoder(dict[str, object]).decode


def _is_instant(_kind: object, text: str | None) -> None:
    """Check an option that takes an instant; InputError is the ValueError that the command line shows."""
    if text is not None:
        _instant(text)


def simulate_file(
    *,
    triggers: Path,
    events: Path = STDIN,
    until: Annotated[str | None, Parameter(validator=_is_instant)] = None,
    history_after: Duration = "24h",
    retention: Duration = "90d",
    explain: bool = False,
) -> int:
    """Run triggers over a file of events in virtual time, and print their firings as JSON lines.

    Each line of the file is one call in the Segment form, in order of arrival, with `receivedAt` besides if it came in
    later than its `timestamp`. A line that cannot be taken is reported and skipped.

    Args:
        triggers: A trigger file, or a folder of them.
        events: The events, one JSON object a line; `-` reads standard input.
        until: Settle everything due up to here, ISO 8601 or milliseconds; by default, the last input's instant.
        history_after: An event that comes in later than this after it happened is history.
        retention: How long history is kept.
        explain: Release messages too, by the rules of sending in the folder, and print what became of each: what
            held it and until when, and when it went or why it never did. Every attempt is taken to succeed.

    Returns:
        The exit status: 0 if all lines could be taken, 1 if not.

    """
    console = stderr()
    simulation = (_rehearsal if explain else _simulation)(triggers, retention, history_after, console)
    if simulation is None:
        return 1
    replay = _Replay(simulation, None if until is None else _instant(until), console)
    try:
        with _opened(events) as file:
            replay.feed(file, str(events))
    except OSError as error:
        console.print(Text.assemble(("error: ", "bold red"), f"{events} cannot be read: {error.strerror}"))
        return 1
    for firing in replay.finish():
        fates = simulation.fates.get(firing.id, []) if isinstance(simulation, Rehearsal) else None
        sys.stdout.write(_line(firing, fates))
    return 1 if replay.bad_lines else 0


class _Replay:
    """Feeds lines to a simulation, and reports those that cannot be taken."""

    def __init__(self, simulation: Simulation, until: int | None, console: Console) -> None:
        self.bad_lines = 0
        self._simulation = simulation
        self._until = until
        self._console = console

    def feed(self, file: BinaryIO, name: str) -> None:
        """Take all lines of a file."""
        with _progress(self._console) as progress:
            task = progress.add_task("simulating", total=_size(file))
            for number, line in enumerate(file, 1):
                self._take(line, number, name)
                progress.advance(task, len(line))

    def finish(self) -> list[Firing]:
        """Settle what is due; returns all firings."""
        return self._simulation.finish(self._until)

    def _take(self, line: bytes, number: int, name: str) -> None:
        if not line.strip():
            return
        try:
            item = _decode(line)
            received = received_at(item)
            if self._until is None or received <= self._until:
                self._simulation.take(item, received, number)
        except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
            self.bad_lines += 1
            self._console.print(Text.assemble((f"{name}:{number} ", "bold"), ("skipped: ", "yellow"), str(error)))


def _simulation(triggers: Path, retention: str, history_after: str, console: Console) -> Simulation | None:
    loaded = load_or_tell(triggers, parse_duration(retention), console)
    return None if loaded is None else Simulation(_program(loaded, retention, history_after))


def _rehearsal(triggers: Path, retention: str, history_after: str, console: Console) -> Rehearsal | None:
    settings = settings_or_tell(triggers, {"retention": retention}, console)
    files = files_or_tell(triggers, settings, console) if settings else None
    if files is None:
        return None
    return Rehearsal(_program(files.loaded, retention, history_after), files.configuration.policy)


def _program(loaded: Loaded, retention: str, history_after: str) -> Program:
    kept, late = parse_duration(retention), parse_duration(history_after)
    return compile_triggers(loaded.triggers, loaded.segments, retention=kept, history_after=late)


def _instant(text: str) -> int:
    return int(text) if text.removeprefix("-").isdecimal() else instant(text)


@contextmanager
def _opened(events: Path) -> Iterator[BinaryIO]:
    if events == STDIN:
        yield sys.stdin.buffer
    else:
        with events.open("rb") as file:
            yield file


def _size(file: BinaryIO) -> int | None:
    """The bytes there will be; None where that cannot be known."""
    if not file.seekable():
        return None
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _line(firing: Firing, fates: list[Fate] | None) -> str:
    shown: dict[str, object] = {"at": firing.at, "user": firing.user, "trigger": firing.trigger, "per": firing.per}
    if fates is not None:
        shown["messages"] = [_explained(fate) for fate in fates]
    return msgspec.json.encode(shown).decode() + "\n"


def _explained(fate: Fate) -> dict[str, object]:
    """What became of a message, and the gates that had something against it."""
    shown: dict[str, object] = {"message": fate.message, "state": fate.state, "at": fate.at}
    if fate.held:
        shown["held"] = [
            {"at": at, "passed": _passed(held.gate), "gate": held.gate, "reason": held.reason, "until": held.until}
            for at, held in fate.held
        ]
    if fate.state == "accepted":
        shown["passed"] = list(NAMES)
    if fate.never is not None:
        shown |= {"passed": _passed(fate.never.gate), "gate": fate.never.gate, "reason": fate.never.reason}
    return shown


def _passed(gate: str) -> list[str]:
    """The gates before one."""
    return list(NAMES[: NAMES.index(gate)]) if gate in NAMES else []
