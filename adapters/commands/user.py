"""`impel user`: a person as the running sidecar sees them."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call
from adapters.commands.notices import fail, stderr
from engine.language.durations import format_duration

_SECOND = 1_000


def user(
    user_id: str,
    /,
    *,
    config: Config = Path("config"),
    url: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Show a user of the running sidecar: traits, segments, recent events, what is pending and what has fired.

    Args:
        user_id: The user's id, or an anonymous id.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.
        as_json: Print everything as JSON, times in milliseconds.

    Returns:
        The exit status: 0, or 1 if nobody is known by that id or the sidecar cannot be reached.

    """
    console = stderr()
    answer = call("GET", "/admin/user", config=config, url=url, console=console, params={"id": user_id})
    return 1 if answer is None else _shown(answer, console, as_json=as_json)


def _shown(answer: httpx.Response, console: Console, *, as_json: bool) -> int:
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return fail(console, "nobody is known by that id")
    if not answer.is_success:
        return fail(console, f"the sidecar answers {answer.status_code}: {answer.text.strip()}")
    if as_json:
        sys.stdout.write(answer.text + "\n")
    else:
        show(msgspec.json.decode(answer.content), Console(highlight=False))
    return 0


def show(person: Mapping[str, Any], console: Console) -> None:
    """Print what `GET /admin/user?id=ID` answers."""
    kind = " (anonymous)" if person["anonymous"] else ""
    console.print(Text.assemble((printable(person["user"]), "bold cyan"), kind))
    now: int = person["now"]
    _section(console, "traits", ((name, _value(value)) for name, value in person["traits"].items()))
    _section(console, "segments", ((name,) for name in person["segments"]))
    if person["consents"]:
        _section(console, "consent", (_stance(purpose, said, now) for purpose, said in person["consents"].items()))
    _section(console, "pending", ((instant(each["at"], now), _named(each)) for each in person["pending"]))
    _section(console, "fired", (_firing(each, now) for each in person["firings"]))
    events = person["recent"]
    _section(
        console, "events", ((instant(e["at"], now), e["event"], _value(e["properties"])) for e in events), cut=True
    )


def _section(console: Console, title: str, rows: Iterable[tuple[str, ...]], *, cut: bool = False) -> None:
    """A title and its rows; with `cut`, a row is one line, and its last cell is what there is room for."""
    table = Table.grid(padding=(0, 2), expand=cut)
    for row in rows:
        while cut and len(table.columns) <= len(row):
            is_last = len(table.columns) == len(row)
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if is_last else None)
        table.add_row("", *(Text(printable(cell)) for cell in row))
    console.print(Text(title, "bold"))
    console.print(table if table.row_count else Text("  none", "dim"))


def _stance(purpose: str, said: Mapping[str, Any], now: int) -> tuple[str, ...]:
    return (purpose, "granted" if said["granted"] else "withdrawn", said["source"], instant(said["at"], now))


def _firing(firing: Mapping[str, Any], now: int) -> tuple[str, ...]:
    return (instant(firing["at"], now), _named(firing), ", ".join(map(_fate, firing["messages"])))


def _fate(message: Mapping[str, Any]) -> str:
    reason = f" ({message['reason']})" if message.get("reason") else ""
    return f"{message['message']}: {message['state']}{reason}"


def _named(entry: Mapping[str, Any]) -> str:
    return str(entry["trigger"]) if entry["per"] is None else f"{entry['trigger']} [{entry['per']}]"


def instant(at: int, now: int) -> str:
    """The time here, and how far off it is."""
    local = datetime.fromtimestamp(at / _SECOND, UTC).astimezone()
    seconds = abs(at - now) // _SECOND * _SECOND
    off = format_duration(seconds) if seconds else "0s"
    return f"{local:%Y-%m-%d %H:%M:%S}  " + (f"in {off}" if at > now else f"{off} ago")


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def printable(text: str) -> str:
    """On one line and without control characters: a terminal obeys escape codes, and ids come from outside."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
