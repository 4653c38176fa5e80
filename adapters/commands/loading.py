"""How a file gets into the running sidecar: in batches, with patience, and with word of what was wrong."""

import time
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from adapters.commands.calling import call, refused
from adapters.commands.notices import fail
from adapters.commands.recasting import Columns, Kind, recast
from adapters.commands.rows import Rows, RowsError, open_rows
from adapters.commands.user import printable

TOGETHER = 500
"""Rows in one request at most."""

_BYTES = 1_000_000
"""Bytes of a request, about."""

_SHOWN = 20
"""Rows that are wrong and are told one by one."""

_NO_ROOM = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_TRIES = 60
"""How often a request is sent at most that there is no room for."""

_LONGEST_PAUSE = 30.0


class Target(NamedTuple):
    """Where the sidecar is, and whether it is only to look."""

    config: Path
    url: str | None
    dry_run: bool = False


class _Made(NamedTuple):
    """A row as it is sent: where it stands, and how much of the file was read with it."""

    place: int
    done: int
    content: bytes


def load_file(
    file: Path, kind: Kind, columns: Columns, target: Target, console: Console, *, together: int | None = None
) -> int:
    """Send the rows of a file.

    Returns:
        The exit status: 0, or 1 if a row was wrong, or not all were sent.

    """
    try:
        rows = open_rows(file)
        columns.check(file, rows, kind)
    except RowsError as error:
        return fail(console, str(error))
    sender = _Sender(kind, target, console)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(file.name, total=rows.total)
        for part in _parts(_made(rows, kind, columns, sender.wrong), together or TOGETHER):
            if not sender.send(part):
                place = f"{file}:{part[0].place}"
                return fail(
                    console, f"stopped before {place}; what was taken is not counted again when it is run again"
                )
            progress.update(task, completed=part[-1].done)
    return sender.tell(file)


def _made(rows: Rows, kind: Kind, columns: Columns, wrong: list[tuple[int, str]]) -> Iterator[_Made]:
    """What the rows become; those that become nothing are noted."""
    for row in rows.read():
        try:
            content = recast(row, columns, kind, is_text=rows.is_text)
        except ValueError as error:
            wrong.append((row.place, str(error)))
        else:
            yield _Made(row.place, row.done, content)


def _parts(made: Iterable[_Made], together: int) -> Iterator[list[_Made]]:
    part, size = list[_Made](), 0
    for each in made:
        if part and (len(part) == together or size + len(each.content) > _BYTES):
            yield part
            part, size = [], 0
        part.append(each)
        size += len(each.content)
    if part:
        yield part


class _Sender:
    """Sends parts of a file, and remembers what became of them."""

    def __init__(self, kind: Kind, target: Target, console: Console) -> None:
        self.wrong: list[tuple[int, str]] = []
        self._taken = 0
        self._kind = kind
        self._target = target
        self._console = console

    def send(self, part: Sequence[_Made]) -> bool:
        """Send one; whether there was an answer for each row."""
        content = b'{"%s":[%s]}' % (self._kind.together.encode(), b",".join(each.content for each in part))
        answer = self._answer(content.decode())
        if answer is None:
            return False
        if "taken" not in answer.text:
            refused(answer, self._console)
            return False
        said = answer.json()
        self._taken += said["taken"]
        self.wrong += [(part[each["place"] - 1].place, each["reason"]) for each in said["rejected"]]
        return True

    def tell(self, file: Path) -> int:
        """Say what became of all; returns the exit status."""
        for place, reason in sorted(self.wrong)[:_SHOWN]:
            self._console.print(Text(f"{file}:{place}: {printable(reason)}", "red"))
        if len(self.wrong) > _SHOWN:
            self._console.print(f"… and {len(self.wrong) - _SHOWN:,} more")
        verb = "would be taken" if self._target.dry_run else "taken"
        Console(highlight=False).print(f"{self._taken:,} {verb}, {len(self.wrong):,} wrong")
        return 1 if self.wrong else 0

    def _answer(self, content: str) -> httpx.Response | None:
        """The sidecar's answer, after as long as it has no room."""
        for attempt in range(_TRIES):
            answer = call(
                "POST",
                self._kind.path,
                config=self._target.config,
                url=self._target.url,
                console=self._console,
                params={"dry_run": "true"} if self._target.dry_run else None,
                content=content,
                kind="application/json",
            )
            if answer is None or answer.status_code not in _NO_ROOM:
                break
            time.sleep(_pause(answer, attempt))
        return answer


def _pause(answer: httpx.Response, attempt: int) -> float:
    """Seconds to wait: as the sidecar asks, or ever longer."""
    try:
        asked = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        asked = 2.0 ** min(attempt, 5)
    return max(0.0, min(asked, _LONGEST_PAUSE))
