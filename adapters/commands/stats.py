"""`impel stats`: what came of the triggers."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr
from adapters.commands.user import printable

_RATES = ("opened", "clicked", "converted")
_ENDLESS = 10_000
"""Columns in which any table has room."""


def stats(
    trigger: str = "",
    /,
    *,
    config: Config = Path("config"),
    url: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Show what came of the triggers: how often each fired, what became of its messages, and what people did then.

    Counts are kept by version of a trigger's text and by variant. A rate stands with its 95 % interval.
    People who are held out count as the variant `holdout`. The goal is what a trigger's key `goal` says.

    Args:
        trigger: Only this one.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.
        as_json: Print everything as JSON, shares from 0 to 1, times in milliseconds.

    Returns:
        The exit status: 0, or 1 if there is no such trigger or the sidecar cannot be reached.

    """
    console = stderr()
    params = {"trigger": trigger} if trigger else {}
    answer = call("GET", "/v1/stats", params=params, config=config, url=url, console=console)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    if as_json:
        sys.stdout.write(answer.text + "\n")
        return 0
    show(answer.json()["triggers"], Console(highlight=False))
    return 0


def show(triggers: Mapping[str, Sequence[Mapping[str, Any]]], console: Console) -> None:
    """Print what the sidecar tells of each trigger."""
    for name, arms in triggers.items():
        if not arms:
            console.print(Text.assemble((printable(name), "bold"), ("  has not fired", "dim")))
        for version in dict.fromkeys(arm["version"] for arm in arms):
            of_version = [arm for arm in arms if arm["version"] == version]
            _show_version(name, of_version, console)
        console.print()


def _show_version(name: str, arms: Sequence[Mapping[str, Any]], console: Console) -> None:
    since = datetime.fromtimestamp(arms[0]["since"] / 1_000, UTC).astimezone()
    told = f"  version {arms[0]['version']}, since {since:%Y-%m-%d %H:%M}"
    console.print(Text.assemble((printable(name), "bold"), (told, "dim")))
    table = _table(arms, intervals=True)
    is_narrow = console.measure(table, options=console.options.update(max_width=_ENDLESS)).maximum > console.width
    console.print(_table(arms, intervals=False) if is_narrow else table)
    for arm in arms:
        for line in ([_intervals(arm)] if is_narrow else []) + _remarks(arm):
            whose = f"{arm['variant']}: " if len(arms) > 1 else ""
            console.print(Text(f"  {printable(whose + line)}", "dim"))


def _table(arms: Sequence[Mapping[str, Any]], *, intervals: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("variant", "fired", "accepted", *_RATES):
        is_name = head == "variant"
        table.add_column(
            head,
            justify="left" if is_name else "right",
            header_style="dim",
            no_wrap=not is_name,
            overflow="fold" if is_name else "ellipsis",
        )
    for arm in arms:
        rates = (_rate(arm["rates"][each], interval=intervals) for each in _RATES)
        table.add_row(printable(arm["variant"]) or "-", f"{arm['fired']:,}", f"{arm['accepted']:,}", *rates)
    return table


def _intervals(arm: Mapping[str, Any]) -> str:
    """The intervals of the rates, for a terminal in which they do not stand beside them."""
    found = {name: arm["rates"][name] for name in _RATES if arm["rates"][name] is not None}
    told = (f"{name} {_percent(rate['low'])}-{_percent(rate['high'])} %" for name, rate in found.items())
    return "at 95 %: " + (", ".join(told) or "no rates")


def _remarks(arm: Mapping[str, Any]) -> list[str]:
    """What else there is to say of an arm, a line each."""
    lines = []
    for what in ("held", "dropped"):
        by = arm[f"{what}_by"]
        if by:
            lines.append(f"{what} by " + ", ".join(f"{gate} {number:,}" for gate, number in by.items()))
    rest = [f"{arm[what]:,} {what}" for what in ("exposed", "failed", "unconfirmed", "delivered") if arm[what]]
    if arm["revenue"]:
        each = "" if arm["revenue_per_exposure"] is None else f", {arm['revenue_per_exposure']:,.2f} by exposure"
        rest.append(f"goals worth {arm['revenue']:,.2f}{each}")
    lines += [", ".join(rest)] if rest else []
    if arm["lift"] is not None:
        by, low, high = (100 * arm["lift"]["converted"][each] for each in ("share", "low", "high"))
        against = arm["lift"]["against"] or "the others"
        lines.append(f"converts {by:+.1f} points against {against}, {low:+.1f} to {high:+.1f} at 95 %")
    return lines


def _rate(rate: Mapping[str, float] | None, *, interval: bool) -> Text:
    if rate is None:
        return Text("-", "dim")
    share, low, high = (_percent(rate[each]) for each in ("share", "low", "high"))
    return Text.assemble(f"{share} %", (f" {low}-{high}" if interval else "", "dim"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
