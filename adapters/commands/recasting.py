"""What becomes of a row of a file: a profile, an event of the past, or an address that nothing is sent to."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from xxhash import xxh3_128_hexdigest

from adapters.commands.rows import Row, Rows, RowsError
from adapters.sources.segment import EVENT_LIMIT

Fields = dict[str, Any]

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?")
"""Text that is a number: what begins with a zero, as postcodes may, or has more digits, is a name."""

_TRUTHS = {"true": True, "false": False}
_CAMEL = {"user_id": "userId", "anonymous_id": "anonymousId", "message_id": "messageId"}
_IDS = ("userId", "anonymousId")
_HEAD = (*_IDS, "messageId", "event", "timestamp")
_EVENTS = {"track", "page", "screen"}
_NO_EVENTS = {"identify", "group", "alias"}
_SAID = (*_IDS, "address", "channel", "list", "why", "source")


class Columns(NamedTuple):
    """Which column is which field."""

    of: Mapping[str, str] = {}
    """By field the column, or `=` and a text that all rows have; fields may reach inside: `consent.marketing`."""
    texts: frozenset[str] = frozenset()
    """Fields that stay text, though it looks like a number."""

    def check(self, file: Path, rows: Rows, kind: "Kind") -> None:
        """See whether the columns are there, where all rows have the same.

        Raises:
            RowsError: one is not.

        """
        if rows.columns is None:
            return
        for field, column in self.of.items():
            if not column.startswith("=") and column not in rows.columns:
                raise RowsError(f"{file} has no column `{column}` for `{field}`; it has {', '.join(rows.columns)}")
        known = {_camel(column) for column in rows.columns} | set(self.of)
        for names in kind.needs:
            if not known & set(names):
                wanted = " or ".join(f"`{name}`" for name in names)
                told = f"the first line of {file} names the columns, and one of them is {wanted}"
                raise RowsError(f"{told}; or say which: --map {names[0]}=COLUMN")

    def fields(self, row: Row) -> Fields:
        """A row's fields by their names here."""
        used = set(self.of.values())
        fields = {_camel(name): value for name, value in row.fields.items() if name not in used}
        for field, column in self.of.items():
            if column.startswith("="):
                fields[field] = column[1:]
            elif column in row.fields:
                fields[field] = row.fields[column]
        return fields

    def value(self, field: str, value: Any) -> Any:
        """A value of a file in which all are text: a number or a truth, where it is one."""
        if not isinstance(value, str) or field in self.texts:
            return value
        if _NUMBER.fullmatch(value):
            return float(value) if "." in value else int(value)
        return _TRUTHS.get(value.lower(), value)


class Kind(NamedTuple):
    """What rows are made into, and where that goes."""

    path: str
    together: str
    """What a request calls the list of them."""
    needs: Sequence[Sequence[str]]
    """Fields of which a row needs one, each time."""
    make: Callable[[Fields], Fields]


def read_columns(pairs: Sequence[str], file: Path | None, texts: Sequence[str]) -> Columns:
    """Columns out of a YAML file of `FIELD: COLUMN` and, over that, `FIELD=COLUMN` pairs.

    Raises:
        RowsError: they cannot be read.

    """
    of: dict[str, str] = {}
    if file is not None:
        try:
            of |= msgspec.convert(YAML(typ="safe", pure=True).load(file.read_text("utf-8")) or {}, dict[str, str])
        except (OSError, UnicodeDecodeError, YAMLError, msgspec.ValidationError) as error:
            raise RowsError(f"{file} is no mapping such as `email: E-Mail`: {error}") from error
    for pair in pairs:
        field, _, column = pair.partition("=")
        if not (field and column):
            raise RowsError(f"--map takes FIELD=COLUMN, such as email=E-Mail, not {pair!r}")
        of[field] = column
    return Columns(of, frozenset(texts))


def recast(row: Row, columns: Columns, kind: Kind, *, is_text: bool) -> bytes:
    """What a row becomes, as JSON.

    Raises:
        ValueError: nothing; the text says why.

    """
    if row.fault:
        raise ValueError(row.fault)
    fields = columns.fields(row)
    if is_text:
        plain = {*_HEAD, *_SAID}
        fields = {name: each if name in plain else columns.value(name, each) for name, each in fields.items()}
    try:
        made = kind.make(fields)
        if kind.together == "batch" and not made.get("messageId"):
            made["messageId"] = "import:" + xxh3_128_hexdigest(msgspec.json.encode(made, order="deterministic"))
        content = msgspec.json.encode(made)
    except TypeError as error:
        raise ValueError(f"something in it has no form in JSON: {error}") from error
    if len(content) > EVENT_LIMIT:
        raise ValueError(f"it has {len(content)} bytes; at most {EVENT_LIMIT} are taken")
    return content


def _profile(fields: Fields) -> Fields:
    traits = fields.pop("traits", None)
    call = {name: fields.pop(name) for name in (*_IDS, "messageId") if name in fields}
    if fields.get("type") == "identify":
        del fields["type"]
    traits = traits if isinstance(traits, dict) else _nested(fields)
    consent = traits.get("consent", {})
    if not isinstance(consent, dict):
        raise ValueError("`consent` says to what: map a column to `consent.marketing`")  # noqa: TRY004 - of a file
    for purpose, granted in consent.items():
        if type(granted) is not bool:
            raise ValueError(f"`consent.{purpose}` is neither true nor false: {granted!r}")
    return call | {"type": "identify", "traits": traits}


def _event(fields: Fields) -> Fields:
    kind = fields.get("type")
    if kind in _NO_EVENTS:
        raise ValueError(f"`type` is {kind!r}, which is no event: track, page or screen")
    kind = fields.pop("type") if kind in _EVENTS else "track"
    of_call = _HEAD if kind == "track" else (*_HEAD, "name", "category")
    call = {name: fields.pop(name) for name in of_call if name in fields}
    properties = fields.get("properties")
    return call | {"type": kind, "properties": properties if isinstance(properties, dict) else _nested(fields)}


def _suppression(fields: Fields) -> Fields:
    return {name: fields[name] for name in _SAID if name in fields}


def _nested(fields: Fields) -> Fields:
    """Fields with dots in their names, as objects."""
    whole: Fields = {}
    for name, value in fields.items():
        *path, last = name.split(".")
        inner: Any = whole
        for part in path:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or isinstance(inner.get(last), dict):
            raise ValueError(f"`{name}` is both a value and an object")  # noqa: TRY004 - of what is in a file
        inner[last] = value
    return whole


def _camel(name: str) -> str:
    return _CAMEL.get(name, name)


PROFILES = Kind("/admin/import", "batch", [_IDS], _profile)
EVENTS = Kind("/admin/import", "batch", [_IDS, ["event", "type"], ["timestamp"]], _event)
SUPPRESSIONS = Kind("/v1/suppressions", "suppressions", [["address", *_IDS]], _suppression)
