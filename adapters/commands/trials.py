"""`impel test`: run the tests that stand beside the triggers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from adapters.commands.notices import Duration, load_or_tell, settings_or_tell, stderr
from engine.language.compiler import compile_triggers
from engine.language.durations import format_duration
from engine.language.files import Loaded
from engine.language.spans import settled_after
from engine.language.tree import Trigger
from engine.language.trials import START, Expected, Trial, inputs
from engine.simulate import run

_Pair = tuple[Expected | None, Expected | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test expected beside what it got; a side is None where the other has no partner."""

    trigger: str
    trial: Trial
    pairs: tuple[_Pair, ...]

    @property
    def passed(self) -> bool:
        """Whether every firing that was expected came, and no other."""
        return all(expected is not None and got is not None for expected, got in self.pairs)


def run_trials(
    folder: Path = Path("config"),
    /,
    *,
    history_after: Duration | None = None,
    retention: Duration | None = None,
) -> int:
    """Run the tests beside the triggers in a folder, and show what came out differently.

    Time is virtual: tests of months take moments. A test stands below its trigger:

        tests:
          - name: a cart left alone for an hour
            given:
              - 0s product_viewed
              - {at: 10m, event: cart_updated, properties: {cart_id: c1}}
            expect: [1h10m]

    Args:
        folder: The configuration, a folder of trigger files, or one file.
        history_after: An event that comes in later than this after it happened is history; else as in the settings.
        retention: How long history is kept; else as in the settings.

    Returns:
        The exit status: 0 if all tests pass, 1 if not.

    """
    console = stderr()
    settings = settings_or_tell(folder, {"retention": retention, "history_after": history_after}, console)
    loaded = settings and load_or_tell(folder, settings.retention_ms, console)
    if not settings or not loaded:
        return 1
    cases = [(trigger, trial) for trigger in loaded.triggers for trial in loaded.trials.get(trigger.name, ())]
    shown = track(cases, "testing", console=console, transient=True, disable=not console.is_terminal)
    kept, late = settings.retention_ms, settings.history_after_ms
    outcomes = [outcome(trigger, trial, loaded, retention=kept, history_after=late) for trigger, trial in shown]
    return _report(outcomes, console)


def outcome(trigger: Trigger, trial: Trial, loaded: Loaded, *, retention: int, history_after: int) -> Outcome:
    """Run one test of one trigger; durations in milliseconds."""
    program = compile_triggers((trigger,), loaded.segments, retention=retention, history_after=history_after)
    firings = run(program, inputs(trial), until=START + _until(trigger, trial, loaded, retention))
    got = [Expected(firing.at - START, firing.per) for firing in firings]
    return Outcome(trigger.name, trial, tuple(_paired(trial.expect, got)))


def _until(trigger: Trigger, trial: Trial, loaded: Loaded, retention: int) -> int:
    if trial.until is not None:
        return trial.until
    last = max((given.received for given in trial.given), default=0)
    return last + settled_after(trigger, loaded.segments, retention)


def _paired(expected: Sequence[Expected], got: Iterable[Expected]) -> list[_Pair]:
    """Give every firing the expectation it meets; one that names no `per` value takes any, but is asked last."""
    open_ones = sorted(expected, key=lambda each: each.per is None)
    pairs: list[_Pair] = []
    for firing in got:
        met = next((each for each in open_ones if each.at == firing.at and each.per in (None, firing.per)), None)
        pairs.append((met, firing))
        if met is not None:
            open_ones.remove(met)
    return sorted([*pairs, *((each, None) for each in open_ones)], key=_instant)


def _instant(pair: _Pair) -> int:
    return next(each.at for each in pair if each is not None)


def _report(outcomes: Sequence[Outcome], console: Console) -> int:
    failed = [each for each in outcomes if not each.passed]
    for each in failed:
        _show(each, console)
    tested = f"{_number(len(outcomes), 'test')} of {_number(len({each.trigger for each in outcomes}), 'trigger')}"
    if failed:
        console.print(Text.assemble((f"{len(failed)} of ", "bold red"), tested, " failed"))
    else:
        console.print(f"all right: {tested}")
    return 1 if failed else 0


def _show(failed: Outcome, console: Console) -> None:
    trial = failed.trial
    console.print(
        Text.assemble(
            (f"{trial.file}:{trial.line} ", "bold"), ("failed: ", "bold red"), f"{failed.trigger}: {trial.name}"
        )
    )
    table = Table("expected", "got", "", box=None, padding=(0, 3, 0, 6), header_style="dim")
    for expected, got in failed.pairs:
        verdict = "did not fire" if got is None else "" if expected else "should not fire"
        table.add_row(_said(expected), _said(got), Text(verdict, "red"))
    console.print(table)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _said(firing: Expected | None) -> Text:
    if firing is None:
        return Text("nothing", "dim")
    return Text(format_duration(firing.at) + ("" if firing.per is None else f" for {firing.per}"))
