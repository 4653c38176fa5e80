"""`impel outbox`: the messages of the running sidecar."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr
from adapters.commands.user import instant, printable
from engine.runtime.records import DispatchState

app = App(name="outbox", help="See what becomes of messages, send one again, or drop one that waits.")

_CONFIG = Path("config")
_COLOURS = {"accepted": "green", "failed": "red", "unconfirmed": "yellow", "dropped": "dim", "held": "cyan"}


@app.command(name="list")
def show_list(
    *,
    state: Annotated[tuple[DispatchState, ...], Parameter(negative=())] = (),
    user: str = "",
    limit: int = 50,
    config: Config = _CONFIG,
    url: str | None = None,
) -> int:
    """List messages, the latest change first.

    Args:
        state: Only those in this state; can be given several times.
        user: Only those to the user with this id.
        limit: So many at most.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if the sidecar cannot be reached.

    """
    console = stderr()
    params = {"state": list(state), "user": user, "limit": limit}
    answer = call("GET", "/admin/outbox", config=config, url=url, console=console, params=params)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    said = answer.json()
    out = Console(highlight=False)
    if said["messages"]:
        out.print(_shown(said["messages"]))
    else:
        out.print(Text("no messages", "dim"))
    out.print(f"{said['waiting']:,} on their way")
    for destination in said["paused"]:
        out.print(Text(f"{printable(destination)} fails: sending there is paused", "yellow"))
    return 0


@app.command
def show(message_id: str, /, *, config: Config = _CONFIG, url: str | None = None) -> int:
    """Show all that is known of a message.

    Args:
        message_id: Its id, as `impel outbox list` shows it.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if there is no such message or the sidecar cannot be reached.

    """
    console = stderr()
    answer = call("GET", f"/admin/outbox/{message_id}", config=config, url=url, console=console)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    now = time.time_ns() // 1_000_000
    table = Table.grid(padding=(0, 2))
    for name, value in answer.json().items():
        shown = instant(value, now) if name in {"fired", "begun", "due", "changed"} and value else value
        if value not in {None, ""}:
            table.add_row(Text(name, "dim"), Text(printable(str(shown))))
    Console(highlight=False).print(table)
    return 0


@app.command
def retry(*message_ids: str, config: Config = _CONFIG, url: str | None = None) -> int:
    """Send messages again that failed, were dropped, or are unconfirmed; what release says of them still holds.

    Args:
        message_ids: Their ids, as `impel outbox list` shows them.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is not possible for one of them.

    """
    return _change("retry", message_ids, config, url)


@app.command
def drop(*message_ids: str, config: Config = _CONFIG, url: str | None = None) -> int:
    """Drop messages that are due or held, so that they are never sent.

    Args:
        message_ids: Their ids, as `impel outbox list` shows them.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is not possible for one of them.

    """
    return _change("drop", message_ids, config, url)


def _change(what: str, message_ids: tuple[str, ...], config: Path, url: str | None) -> int:
    console, status = stderr(), 0
    for message_id in message_ids:
        answer = call("POST", f"/admin/outbox/{message_id}/{what}", config=config, url=url, console=console)
        if answer is None:
            return 1
        if answer.is_success:
            Console(highlight=False).print(f"{message_id}: {answer.json()['state']}")
        else:
            status = refused(answer, console)
    return status


def _shown(messages: list[Mapping[str, Any]]) -> Table:
    """Each in a line; below it what holds or ended it, if anything, and its id."""
    now = time.time_ns() // 1_000_000
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for each in messages:
        what = Text.assemble(
            printable(each["message"]),
            (" to ", "dim"),
            (printable(each["user"]), "cyan"),
            (" by ", "dim"),
            printable(each["trigger"]),
            (f"  {instant(each['changed'], now)}", "dim"),
        )
        table.add_row(Text(each["state"], _COLOURS.get(each["state"], "")), what)
        if each["reason"]:
            table.add_row("", Text(printable(each["reason"])))
        table.add_row("", Text(each["id"], "dim"))
    return table
