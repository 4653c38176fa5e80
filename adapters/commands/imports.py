"""`impel import`: what is there already, into the running sidecar."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from adapters.commands.calling import Config
from adapters.commands.loading import Target, load_file
from adapters.commands.notices import fail, stderr
from adapters.commands.recasting import EVENTS, PROFILES, SUPPRESSIONS, Kind, read_columns
from adapters.commands.rows import RowsError

app = App(name="import", help="Take profiles, past events and suppressions from a file: CSV, JSON lines or Parquet.")

Pairs = Annotated[tuple[str, ...], Parameter(name="--map", negative="")]
Names = Annotated[tuple[str, ...], Parameter(name="--text", negative="")]

_CONFIG = Path("config")


@app.command
def profiles(
    file: Path,
    /,
    *,
    pairs: Pairs = (),
    mapping: Path | None = None,
    texts: Names = (),
    dry_run: bool = False,
    config: Config = _CONFIG,
    url: str | None = None,
) -> int:
    """Take profiles: a row needs a `userId` or an `anonymousId`, all else is a trait. They start nothing.

    Rows that are wrong are told by their place, and the rest is taken. What was taken in the last 24 hours is not taken
    again: after an interruption, or when rows were corrected, import the file again.

    Args:
        file: .csv (with a first line of names), .jsonl or .parquet.
        pairs: FIELD=COLUMN, such as email=E-Mail, as often as needed; `=TEXT` for a column is the same for all rows.
            Fields reach inside with dots: consent.marketing=Newsletter.
        mapping: The same as a YAML file of FIELD: COLUMN.
        texts: A field of a CSV file that stays text though it looks like a number, such as a postcode.
        dry_run: Only look what would be taken.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if a row was wrong, or nothing could be taken.

    """
    return load(file, PROFILES, Target(config, url, dry_run), pairs=pairs, mapping=mapping, texts=texts)


@app.command
def events(
    file: Path,
    /,
    *,
    pairs: Pairs = (),
    mapping: Path | None = None,
    texts: Names = (),
    dry_run: bool = False,
    config: Config = _CONFIG,
    url: str | None = None,
) -> int:
    """Take events of the past: a row needs `event`, `timestamp`, and a `userId` or an `anonymousId`.

    All else is a property. They are history, however young: they count in windows and as a reason for silence, and
    nothing is sent because of them. Rows that are the same in all fields count once.

    Args:
        file: .csv (with a first line of names), .jsonl or .parquet.
        pairs: FIELD=COLUMN, such as timestamp=ordered_at, as often as needed; `=TEXT` for a column is the same for all
            rows: event='=Order Completed'.
        mapping: The same as a YAML file of FIELD: COLUMN.
        texts: A field of a CSV file that stays text though it looks like a number, such as an article's.
        dry_run: Only look what would be taken.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if a row was wrong, or nothing could be taken.

    """
    return load(file, EVENTS, Target(config, url, dry_run), pairs=pairs, mapping=mapping, texts=texts)


@app.command
def suppressions(
    file: Path,
    /,
    *,
    pairs: Pairs = (),
    mapping: Path | None = None,
    dry_run: bool = False,
    config: Config = _CONFIG,
    url: str | None = None,
) -> int:
    """Suppress all addresses of a file; rows that are wrong are told, and the rest is taken.

    Args:
        file: .csv (with a first line of names), .jsonl or .parquet: `address`, and if wanted `channel`, `list`, `why`,
            `source`.
        pairs: FIELD=COLUMN, such as address=E-Mail, as often as needed; `=TEXT` for a column is the same for all rows.
        mapping: The same as a YAML file of FIELD: COLUMN.
        dry_run: Only look what would be taken.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if a row was wrong, or nothing could be taken.

    """
    return load(file, SUPPRESSIONS, Target(config, url, dry_run), pairs=pairs, mapping=mapping)


def load(
    file: Path, kind: Kind, target: Target, *, pairs: Sequence[str], mapping: Path | None, texts: Sequence[str] = ()
) -> int:
    """Send a file as it is mapped; returns the exit status."""
    console = stderr()
    try:
        columns = read_columns(pairs, mapping, texts)
    except RowsError as error:
        return fail(console, str(error))
    return load_file(file, kind, columns, target, console)
