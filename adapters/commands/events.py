"""`impel events`: what events there are, what is in them, and which triggers mention them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr
from adapters.commands.user import instant, printable
from engine.language.durations import UNITS, format_duration

_NAME_WIDTH, _PATH_WIDTH = 30, 45
"""Columns of an event's name, and of a property's path, in a table at most; a longer one is folded."""

_SECOND = 1_000


def events(
    name: str = "",
    /,
    *,
    config: Config = Path("config"),
    url: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Show what events have come in, how often, what their properties are like, and which triggers mention them.

    Events that no trigger mentions are pointed out, and triggers that mention an event which has never come in: most
    often a name is misspelt. No value of a property is kept. What came in twice counts twice here.

    Args:
        name: Only this event, with its properties.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.
        as_json: Print everything as JSON, times in milliseconds.

    Returns:
        The exit status: 0, or 1 if there was no such event or the sidecar cannot be reached.

    """
    console = stderr()
    params = {"name": name} if name else {}
    answer = call("GET", "/v1/events", params=params, config=config, url=url, console=console)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    if as_json:
        sys.stdout.write(answer.text + "\n")
    elif name:
        show_one(name, answer.json(), Console(highlight=False))
    else:
        show(answer.json(), Console(highlight=False))
    return 0


def show(told: Mapping[str, Any], console: Console) -> None:
    """Print what `GET /v1/events` answers."""
    found: Mapping[str, Mapping[str, Any]] = told["events"]
    if found:
        console.print(_overview(found, told["now"]))
    else:
        console.print(Text("no event has come in yet", "dim"))
    if told["others"]:
        number = f"{told['others']['events']:,}"
        said = f"and {number} events of names that came too seldom to be kept, counted together"
        console.print(Text(said, "dim"))
    if told["unmentioned"]:
        _title(console, "no trigger mentions", "yellow")
        console.print(_indented(", ".join(map(printable, told["unmentioned"]))))
    if told["unplanned"]:
        _title(console, "has no schema in the tracking plan", "yellow")
        console.print(_indented(", ".join(map(printable, told["unplanned"]))))
    _unseen("has not come in" + (", or too seldom" if told["others"] else ""), told["never_seen"], console)
    for name, about in found.items():
        _unseen(f"never seen in {printable(name)}", about["never_seen"], console)


def show_one(name: str, told: Mapping[str, Any], console: Console) -> None:
    """Print what `GET /v1/events?name=NAME` answers."""
    about, now = told["events"][name], told["now"]
    times = f"{about['number']:,} time{'' if about['number'] == 1 else 's'}"
    console.print(Text.assemble((printable(name), "bold cyan"), f"  {times}"))
    console.print(Text(f"  first  {instant(about['since'], now)}\n  last   {instant(about['last'], now)}"))
    _title(console, "triggers")
    console.print(_indented(", ".join(map(printable, about["triggers"])) or "none", "" if about["triggers"] else "dim"))
    _title(console, "properties", aside=f"  of {about['looked_at']:,} that were looked at")
    console.print(_properties(about["properties"], about["looked_at"]))
    if about["left_out"]:
        console.print(_indented("more than these were left out: too many, too deep or too long", "dim"))
    _unseen("never seen in it", about["never_seen"], console)
    if about["plan"] or about["violations"]:
        _violations(about, console)


def _overview(found: Mapping[str, Mapping[str, Any]], now: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    broken = any(about["violations"] for about in found.values())
    table.add_column("event", header_style="dim", overflow="fold", max_width=_NAME_WIDTH)
    for head in ("number", "last", *(("violations",) if broken else ())):
        table.add_column(head, header_style="dim", justify="right", no_wrap=True)
    table.add_column("triggers", header_style="dim", no_wrap=True, overflow="ellipsis", ratio=1)
    for name, about in found.items():
        cells = [f"{about['number']:,}", _ago(now - about["last"])]
        if broken:
            cells.append(f"{_sum(about['violations']):,}" if about["violations"] else "")
        by = Text(printable(", ".join(about["triggers"]))) if about["triggers"] else Text("-", "dim")
        table.add_row(Text(printable(name)), *cells, by)
    return table


def _properties(properties: Mapping[str, Mapping[str, int]], looked_at: int) -> Table | Padding:
    if not properties:
        return _indented("none", "dim")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold", max_width=_PATH_WIDTH)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for path, types in properties.items():
        share = min(sum(types.values()) / looked_at, 1)  # a list may hold several types
        table.add_row("", Text(printable(path)), f"{100 * share:.0f} %", Text(_types(types)))
    return table


def _types(types: Mapping[str, int]) -> str:
    """The most frequent first; with their numbers where there are several."""
    ordered = sorted(types.items(), key=lambda each: -each[1])
    return ordered[0][0] if len(ordered) == 1 else ", ".join(f"{kind} {number:,}" for kind, number in ordered)


def _violations(about: Mapping[str, Any], console: Console) -> None:
    fates = {"count": "such events are taken all the same", "reject": "such events are rejected"}
    _title(console, "violations of the tracking plan", aside=f"  {fates.get(about['plan'], 'which has no schema now')}")
    rows = [
        (path or "(all of it)", keyword, f"{number:,}")
        for path, keywords in about["violations"].items()
        for keyword, number in keywords.items()
    ]
    table = Table.grid(padding=(0, 2))
    for row in sorted(rows):
        table.add_row("", *(Text(printable(cell)) for cell in row))
    console.print(table if rows else _indented("none", "dim"))


def _unseen(title: str, unseen: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    """Events or properties that triggers mention, and nobody has seen."""
    if unseen:
        _title(console, title, "yellow")
    for name, about in unseen.items():
        by = f"  mentioned by {', '.join(map(printable, about['triggers']))}"
        hint = (f"; did you mean `{printable(about['meant'])}`?", "cyan") if about["meant"] else ""
        console.print(_indented(Text.assemble((printable(name), "bold"), by, hint)))


def _sum(violations: Mapping[str, Mapping[str, int]]) -> int:
    return sum(number for keywords in violations.values() for number in keywords.values())


def _title(console: Console, title: str, colour: str = "", aside: str = "") -> None:
    console.print(Text.assemble((title, f"bold {colour}".strip()), (aside, "dim")))


def _indented(text: str | Text, style: str = "") -> Padding:
    return Padding(Text(text, style) if isinstance(text, str) else text, (0, 0, 0, 2))


def _ago(span: int) -> str:
    """How long ago, in the largest unit that fits."""
    unit = max((worth for worth in UNITS.values() if _SECOND <= worth <= span), default=0)
    return f"{format_duration(span // unit * unit)} ago" if unit else "now"
