"""`impel why`: why a trigger fired for a person, or did not, as the running sidecar tells it."""

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr
from adapters.commands.user import instant, printable
from adapters.sources.instants import instant as read_instant

_SECOND = 1_000
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z")
_STATUS = {"fired": "green", "waiting": "cyan", "held back": "yellow", "not yet": "dim"}

Told = Mapping[str, Any]


def _is_instant(_kind: object, text: str | None) -> None:
    """Check an option that takes an instant; BadInstant is the ValueError that the command line shows."""
    if text is not None:
        read_instant(text, "--at")


def why(
    user_id: str,
    trigger: str | None = None,
    /,
    *,
    at: Annotated[str | None, Parameter(validator=_is_instant)] = None,
    per: str | None = None,
    config: Config = Path("config"),
    url: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Tell why a trigger fired for a person, or did not, with the values that decided it.

    Each part of the trigger is shown with a ✓ where it happened or held and a ✗ where it did not, with what it saw and
    what it needs. Of a firing, the messages are shown, with the gates that they passed and the one that holds. It is
    told from the person's history, so it may be asked about any instant for as long as that is kept:

        impel why u1                            every trigger, a line each
        impel why u1 cart_abandoned             one, as it stands now
        impel why u1 cart_abandoned --per c1    for one value of its `per`
        impel why u1 cart_abandoned --at 2026-11-23T20:00+01:00

    Args:
        user_id: The user's id, or an anonymous id.
        trigger: The trigger's name; without one, all are told of in short.
        at: The instant to tell of, ISO 8601 or milliseconds; without a time zone it is UTC. By default, now.
        per: The value to tell of, where the trigger has `per`; by default the five seen last.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.
        as_json: Print everything as JSON, times in milliseconds.

    Returns:
        The exit status: 0, or 1 if no such user or trigger is known or the sidecar cannot be reached.

    """
    console, given = stderr(), {"id": user_id, "trigger": trigger, "at": at, "per": per}
    params = {name: value for name, value in given.items() if value}
    answer = call("GET", "/admin/why", config=config, url=url, console=console, params=params)
    if answer is None:
        return 1
    if not answer.is_success:
        return refused(answer, console)
    if as_json:
        sys.stdout.write(answer.text + "\n")
    else:
        show(msgspec.json.decode(answer.content), Console(highlight=False))
    return 0


def show(told: Told, console: Console) -> None:
    """Print what `GET /v1/users/ID/why` answers."""
    teller = _Teller(told["now"])
    when = "now" if told["at"] == told["now"] else instant(told["at"], told["now"])
    head = Text.assemble((printable(told["user"]), "bold cyan"), "  as of ", when)
    console.print(head)
    lines = teller.triggers(told["triggers"]) if "triggers" in told else teller.trigger(told)
    for line in lines:
        console.print(line)


class _Teller:
    """Puts an answer into words and colours; `now` is the present, ms."""

    def __init__(self, now: int) -> None:
        self._today = _local(now).date()
        self._now = now

    def triggers(self, found: list[Told]) -> Iterator[RenderableType]:
        """Every trigger in short."""
        for each in found:
            per = f" [{each['per']}]" if "per" in each else ""
            name = Text.assemble((printable(each["trigger"] + per), "bold"), "  ", _status(each["status"]))
            yield name
            yield Padding(self._text(each["said"]), (0, 0, 0, 2))
        if not found:
            yield Text("  no triggers are in force", "dim")

    def trigger(self, told: Told) -> Iterator[RenderableType]:
        """One trigger in full."""
        place = f"  {told['place']}" if told.get("place") else ""
        yield Text.assemble((printable(told["trigger"]), "bold"), (printable(place), "dim"))
        yield from self._keyed("when", " ".join(told["when"].split()))
        if told.get("condition"):
            yield from self._keyed("if", " ".join(told["condition"].split()))
        for watch in told.get("watches", []):
            yield from self._watch(watch, told.get("per", ""))
        if told.get("others"):
            yield Text(f"\n{told['others']} more values of `{printable(told['per'])}`: ask for one with --per", "dim")
        for note in told.get("notes", []):
            yield _beside(Text("·", "dim"), self._text(note, "dim"), 0)

    def _keyed(self, key: str, text: str) -> Iterator[RenderableType]:
        yield _beside(Text(f"{key}:", "dim"), Text(printable(text)), 2)

    def _watch(self, watch: Told, per: str) -> Iterator[RenderableType]:
        value = Text(f"{per} {watch['per']}  ", "bold") if "per" in watch else Text()
        yield Text()
        yield Text.assemble(Text(printable(value.plain), "bold"), _status(watch["status"]))
        yield Padding(self._text(watch["said"]), (0, 0, 0, 2))
        for number, fired in enumerate(watch.get("firings", [])):
            yield from self._fired(fired, latest=number == 0)
        for each in watch.get("occurrences", [])[1 if watch["status"] == "held back" else 0 :]:
            yield Padding(self._text(each["said"], "dim"), (0, 0, 0, 2))
        yield Text("  as it stands", "bold")
        yield from self._parts(watch["when"], watch.get("condition"))
        for gate in watch.get("gates", []):
            yield from self._part(gate, 2)

    def _fired(self, fired: Told, *, latest: bool) -> Iterator[RenderableType]:
        if latest and "when" in fired:
            yield Text.assemble("  ", ("when it fired, ", "bold"), instant(fired["at"], self._now))
            yield from self._parts(fired["when"], fired.get("condition"), needs=False)
        elif not latest:
            yield Padding(self._text(fired["said"], "dim"), (0, 0, 0, 2))
        if latest and fired.get("event"):
            event = fired["event"]
            content = msgspec.json.encode(event["properties"]).decode()
            yield Padding(Text(printable(f"{event['event']} {content}"), "dim"), (0, 0, 0, 4))
        for message in fired.get("messages", []):
            yield _beside(Text("→"), self._message(message), 4)

    def _message(self, message: Told) -> Text:
        said = f"{message['message']}: {message['state']}"
        if message.get("reason"):
            said += f", {message['reason']}"
        if message.get("until"):
            said += f", until {instant(message['until'], self._now)}"
        if message.get("passed"):
            said += f"; it passed {', '.join(message['passed']) if 'gate' in message else 'every gate'}"
        return self._text(said)

    def _parts(self, when: Told, condition: Told | None, *, needs: bool = True) -> Iterator[RenderableType]:
        yield from self._part(when, 2, needs=needs)
        if condition is not None:
            yield from self._part(condition, 2, "if ", needs=needs)

    def _part(self, part: Told, depth: int, key: str = "", *, needs: bool = True) -> Iterator[RenderableType]:
        """A part, and those below it; with what it needs, if that is still of interest."""
        met = part["occurred"] if "occurred" in part else part.get("holds", False)
        said = Text.assemble((key, "dim"), printable(part["text"]))
        if part.get("said"):
            said.append("\n").append_text(self._text(part["said"], "dim"))
        if needs and part.get("needs"):
            said.append("\n").append_text(self._text(f"needs {part['needs']}", "yellow"))
        yield _beside(Text("✓", "green") if met else Text("✗", "red"), said, 2 * depth)
        needs = needs and not part.get("holds") and part["kind"] != "not"  # else nothing below it is wanting
        for each in part.get("parts", []):
            yield from self._part(each, depth + 1, needs=needs)

    def _text(self, said: str, style: str = "") -> Text:
        """What was said, with the times of here; those of today without their date."""
        return Text(printable(_ISO.sub(self._here, said)), style)

    def _here(self, found: re.Match[str]) -> str:
        local = datetime.fromisoformat(found.group()).astimezone()
        fraction = f".{local.microsecond // 1_000:03}" if local.microsecond else ""
        return f"{local:%H:%M:%S}{fraction}" if local.date() == self._today else f"{local:%Y-%m-%d %H:%M:%S}{fraction}"


def _beside(mark: Text, text: Text, indent: int) -> RenderableType:
    """A mark, and beside it a text that stays to the right of it however long it is."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(mark, text)
    return Padding(grid, (0, 0, 0, indent))


def _status(status: str) -> Text:
    return Text(status, _STATUS.get(status, ""))


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / _SECOND, UTC).astimezone()
