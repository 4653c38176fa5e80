"""`impel sandbox`: the time of the running sidecar's sandbox."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr
from adapters.commands.user import instant, printable
from engine.language.durations import format_duration

app = App(
    name="sandbox",
    help="Let time pass in the sandbox, where events go that are sent with the sandbox key (data/sandbox_key).",
)

_CONFIG = Path("config")
_SECOND = 1_000


@app.command
def forward(span: str, /, *, config: Config = _CONFIG, url: str | None = None) -> int:
    """Let time pass in the sandbox, so that a trigger of a day is tried in a second.

    All that falls due on the way is decided in order, each thing as of its own instant, and its messages go to the
    inbox page and nowhere else. Time never goes back; a restart of the sidecar empties the sandbox.

        impel sandbox forward 24h
        impel user u1 --url http://127.0.0.1:8808/sandbox

    Args:
        span: How much time: `30s`, `24h`, `1h30m`, `7d`.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is no span of time or the sidecar cannot be reached.

    """
    console = stderr()
    answer = call("POST", "/sandbox/clock", config=config, url=url, console=console, json={"forward": span})
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    _show(answer.json(), Console(highlight=False))
    return 0


@app.command
def clock(*, config: Config = _CONFIG, url: str | None = None) -> int:
    """Show what time it is in the sandbox.

    Args:
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if the sidecar cannot be reached.

    """
    console = stderr()
    answer = call("GET", "/sandbox/clock", config=config, url=url, console=console)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    _show(answer.json(), Console(highlight=False))
    return 0


def _show(said: Mapping[str, Any], console: Console) -> None:
    """The time there, and what has fired until then, if that was told."""
    ahead = format_duration(said["ahead"] // _SECOND * _SECOND)
    local = datetime.fromtimestamp(said["now"] / _SECOND, UTC).astimezone()
    console.print(Text.assemble((f"{local:%Y-%m-%d %H:%M:%S}", "bold"), f"  {ahead} ahead of the shop's time"))
    if "firings" not in said:
        return
    table = Table.grid(padding=(0, 2))
    for each in said["firings"]:
        per = "" if each["per"] is None else f" [{each['per']}]"
        what = Text.assemble((printable(each["trigger"] + per), "bold"), " for ", (printable(each["user"]), "cyan"))
        table.add_row("", what, Text(instant(each["at"], said["now"]), "dim"), ", ".join(each["messages"]))
    console.print(table if table.row_count else Text("  nothing has fired", "dim"))
