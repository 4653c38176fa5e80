"""Rows of files: CSV, JSON lines and Parquet, each row with where it stands, however bad the one before it was."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

_DELIMITERS = ",;\t"
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RowsError(Exception):
    """The file as a whole cannot be read; the text says why."""


class Row(NamedTuple):
    """One row: its fields, or why it has none."""

    place: int
    """The line at which it begins; of Parquet, the number of the row, from 1."""
    done: int
    """How much of the file was read with it, in the unit of `Rows.total`."""
    fields: dict[str, Any]
    fault: str = ""


class Rows(NamedTuple):
    """A file that can be read: `total` is its size in bytes, of Parquet in rows."""

    total: int
    columns: tuple[str, ...] | None
    """Where every row has the same."""
    is_text: bool
    """Whether all fields are text, numbers among them."""
    read: Callable[[], Iterator[Row]]


def open_rows(file: Path) -> Rows:
    """Look what a file is, by the end of its name.

    Raises:
        RowsError: it is of no kind that can be read, or cannot be opened.

    """
    try:
        match file.suffix.lower():
            case ".csv" | ".tsv":
                return _csv(file)
            case ".jsonl" | ".ndjson" | ".json":
                return Rows(file.stat().st_size, None, is_text=False, read=lambda: _json_rows(file))
            case ".parquet":
                return _parquet(file)
    except OSError as error:
        raise RowsError(f"{file} cannot be read: {error.strerror or error}") from error
    raise RowsError(f"{file} is none of .csv, .jsonl and .parquet")


def _csv(file: Path) -> Rows:
    with file.open("rb") as opened:
        head = _text(opened.readline()).removeprefix(_BOM)
    delimiter = max(_DELIMITERS, key=head.count)
    columns = tuple(name.strip() for name in next(csv.reader([head], delimiter=delimiter), []))
    return Rows(file.stat().st_size, columns, is_text=True, read=lambda: _csv_rows(file, columns, delimiter))


def _csv_rows(file: Path, columns: tuple[str, ...], delimiter: str) -> Iterator[Row]:
    with file.open("rb") as opened:
        rows = csv.reader(map(_text, opened.__iter__()), delimiter=delimiter)
        with suppress(StopIteration, csv.Error):
            next(rows)
        while True:
            place = rows.line_num + 1
            try:
                values, fault = next(rows), ""
            except StopIteration:
                return
            except csv.Error as error:
                values, fault = [], str(error)
            if values or fault:
                yield _csv_row(
                    place, opened, dict(zip(columns, values, strict=False)), fault, len(values) - len(columns)
                )


def _csv_row(place: int, opened: BinaryIO, fields: Mapping[str, str], fault: str, surplus: int) -> Row:
    if surplus > 0:
        fault = "it has more fields than the first line names"
    if any(not value.isascii() and not _is_utf8(value) for value in fields.values()):
        fault = "it is not UTF-8"
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    return Row(place, opened.tell(), {} if fault else given, fault)


def _json_rows(file: Path) -> Iterator[Row]:
    done = 0
    with file.open("rb") as opened:
        for place, line in enumerate(opened, start=1):
            done += len(line)
            if not line.strip():
                continue
            try:
                yield Row(place, done, _decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield Row(place, done, {}, f"it is no JSON object: {error}")


def _parquet(file: Path) -> Rows:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise RowsError("Parquet is read by pyarrow, which is not installed: `pip install pyarrow`") from error
    try:
        opened = parquet.ParquetFile(file)
    except ArrowException as error:
        raise RowsError(f"{file} is not Parquet: {error}") from error

    def rows() -> Iterator[Row]:
        numbers = count(1)
        for part in opened.iter_batches():
            for fields, number in zip(part.to_pylist(), numbers, strict=False):
                yield Row(number, number, {name: _plain(value) for name, value in fields.items() if value is not None})

    return Rows(opened.metadata.num_rows, tuple(opened.schema_arrow.names), is_text=False, read=rows)


def _plain(value: Any) -> Any:
    """A value as JSON has it: instants as ISO 8601 text, numbers as numbers."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
