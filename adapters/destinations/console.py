"""A way out to the terminal: each message as it leaves, for a first look and for development."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import trio
from rich.console import Console as Terminal
from rich.console import Group
from rich.padding import Padding
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

from engine.core.events import Millis
from engine.runtime.ports import Delivery, Pace, Retries

_INDENT = 14
_LINES = 6


class ConsoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="console"):
    """Print the messages."""


class Console:
    """Prints messages; `name` is the destination's own, as the settings call it."""

    def __init__(self, name: str, terminal: Terminal | None = None) -> None:
        self._name = name
        self._terminal = terminal or Terminal(highlight=False)

    pace = Pace(concurrency=1)

    def retries(self, _: str) -> Retries:
        """There is nothing to retry."""
        return Retries(attempts=1)

    async def send(self, delivery: Delivery) -> None:
        """Print one message."""
        await trio.lowlevel.checkpoint()
        self._terminal.print(_shown(self._name, delivery))


def _shown(name: str, delivery: Delivery) -> Group:
    return Group(_headline(name, delivery), Padding(_content(delivery.data), (0, 0, 1, _INDENT), expand=False))


def _headline(name: str, delivery: Delivery) -> Text:
    return Text.assemble(
        (_clock(delivery.at), "dim"),
        "  ",
        (delivery.message, "bold green"),
        " to ",
        (_one_line(delivery.user), "bold cyan"),
        (f"  by {delivery.trigger}, on {name}", "dim"),
    )


def _clock(at: Millis) -> str:
    """The time of day here, to the millisecond: twelve letters."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone()
    return local.strftime("%H:%M:%S.") + f"{at % 1000:03d}"


def _content(data: Any) -> Group | Pretty:
    """A mail as its reader would see it; any other data as it is."""
    if "text" not in data and "html" not in data:
        return Pretty(dict(data), expand_all=False)
    head = Table.grid(padding=(0, 2))
    for field in ("to", "subject"):
        if data.get(field):
            head.add_row(Text(field, "dim"), Text(_one_line(data[field]), "bold" if field == "subject" else ""))
    return Group(head, Text(_opening(str(data.get("text") or data.get("html"))), overflow="fold"))


def _one_line(value: Any) -> str:
    """On one line, without control characters: names come from outside, and a terminal obeys escape codes."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _opening(text: str) -> str:
    """The first lines of a text, empty ones left out."""
    lines = [_one_line(line) for line in text.splitlines() if line.strip()]
    more = ["…"] if len(lines) > _LINES else []
    return "\n".join(lines[:_LINES] + more)
