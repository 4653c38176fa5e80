"""`impel db`: the database, whether the sidecar runs or not."""

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec
from cyclopts import App
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import fail, stderr
from adapters.settings import SettingsError, read_settings
from adapters.store import upkeep
from adapters.store.faults import explained
from adapters.store.guard import Witness, in_use
from adapters.store.sqlite import FILE
from engine.runtime.ports import StoreError

app = App(name="db", help="Check, measure or copy the database, whether the sidecar runs or not.")

_CONFIG = Path("config")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1_000

_Result = TypeVar("_Result")


@app.command
def check(*, config: Config = _CONFIG) -> int:
    """Look at every row of the database, and say what is damaged.

    Args:
        config: The folder with the settings, which say where the data folder is.

    Returns:
        The exit status: 0 if all is well, 1 if not.

    """
    console = stderr()
    path = _database(config, console)
    if path is None:
        return 1
    if in_use(path):
        answer = call("GET", "/admin/db/check", config=config, url=None, console=console)
        if answer is None or not answer.is_success:
            return 1 if answer is None else refused(answer, console)
        problems: list[str] | None = answer.json()["problems"]
    else:
        problems = _checked(path, console)
    if problems is None:
        return 1
    for problem in problems:
        fail(console, problem)
    if not problems:
        Console(highlight=False, soft_wrap=True).print(
            Text.assemble((str(path), "bold"), ": ", ("all is well", "bold green"))
        )
    return 1 if problems else 0


@app.command
def size(*, config: Config = _CONFIG) -> int:
    """Show what takes the room in the database.

    Args:
        config: The folder with the settings, which say where the data folder is.

    Returns:
        The exit status: 0, or 1 if it cannot be read.

    """
    console = stderr()
    path = _database(config, console)
    if path is None:
        return 1
    if in_use(path):
        answer = call("GET", "/admin/db/size", config=config, url=None, console=console)
        if answer is None or not answer.is_success:
            return 1 if answer is None else refused(answer, console)
        found: upkeep.Sizes | None = msgspec.json.decode(answer.content, type=upkeep.Sizes)
    else:
        found = _reading(path, upkeep.sizes, console)
    if found is None:
        return 1
    _show(path, found)
    return 0


@app.command
def backup(file: Path, /, *, config: Config = _CONFIG) -> int:
    """Write a copy of the database, as of now, to FILE; as `impel.db` in a data folder, a sidecar goes on from it.

    Args:
        file: Where to write it; it must not be there yet.
        config: The folder with the settings, which say where the data folder is.

    Returns:
        The exit status: 0, or 1 if it cannot be written.

    """
    console, file = stderr(), file.absolute()
    path = _database(config, console)
    if path is None:
        return 1
    if in_use(path):
        answer = call("POST", "/admin/db/backup", config=config, url=None, console=console, json={"file": str(file)})
        if answer is None or not answer.is_success:
            return 1 if answer is None else refused(answer, console)
    elif _reading(path, partial(_copied, file), console) is None:
        return 1
    Console(highlight=False, soft_wrap=True).print(f"{file}: {readable(file.stat().st_size)}")
    return 0


@app.command
def accept(*, config: Config = _CONFIG) -> int:
    """Go on with a database that lacks its last commits, after its write-ahead log was lost or an older copy put back.

    Args:
        config: The folder with the settings, which say where the data folder is.

    Returns:
        The exit status: 0, or 1 if there is nothing to accept.

    """
    console = stderr()
    path = _database(config, console)
    if path is None:
        return 1
    if in_use(path):
        return fail(console, "a sidecar uses the database: there is nothing to accept")
    commits = _reading(path, _commits, console)
    if commits is None:
        return 1
    witness = Witness(path)
    missing = witness.read() - commits
    if missing <= 0:
        return fail(console, "the database lacks nothing")
    with closing(witness):
        witness.write(commits)
    Console(highlight=False, soft_wrap=True).print(
        f"{missing:,} commits are given up; the database ends at commit {commits:,}"
    )
    return 0


def _database(config: Path, console: Console) -> Path | None:
    try:
        settings = read_settings(config, os.environ)
    except SettingsError as error:
        fail(console, str(error))
        return None
    path = Path(settings.data) / FILE
    if path.exists():
        return path
    fail(console, f"there is no database {path}; `impel run` makes it")
    return None


def _reading(path: Path, work: Callable[[apsw.Connection], _Result], console: Console) -> _Result | None:
    """Let some work read the file; None, with the reason on the console, where it cannot be read."""
    try:
        with (
            explained(path),
            closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection,
        ):
            return work(connection)
    except StoreError as error:
        fail(console, str(error))
    return None


def _checked(path: Path, console: Console) -> list[str] | None:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("rows", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        problems = _reading(path, partial(upkeep.check, tell=tell), console)
    commits = _reading(path, _commits, console)
    if problems is None or commits is None:
        return None
    try:
        Witness(path).check(commits)
    except StoreError as error:
        problems.append(str(error))
    return problems


def _copied(file: Path, connection: apsw.Connection) -> bool:
    upkeep.backup(connection, file)
    return True


def _commits(connection: apsw.Connection) -> int:
    ((commits,),) = connection.execute("SELECT commits FROM mark")
    return int(commits)


def _show(path: Path, found: upkeep.Sizes) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("table")
    for name in ("rows", "size", "used"):
        table.add_column(name, justify="right")
    for each in found.tables:
        table.add_row(each.table, f"{each.rows:,}", readable(each.size), readable(each.used))
    console = Console(highlight=False)
    console.print(Text.assemble((str(path), "bold"), f"  {readable(found.file)}"))
    console.print(table)
    console.print(f"free {readable(found.free)}, write-ahead log {readable(found.log)}")


def readable(size: float) -> str:
    """A number of bytes, for people."""
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size /= _STEP
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
