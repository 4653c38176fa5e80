"""Suppressions in and out: `POST /v1/suppressions`, as JSON or as CSV, and `GET`, as CSV.

    {"address": "ada@shop.example", "why": "bounced"}
    {"suppressions": [{"userId": "u1", "why": "unsubscribed", "list": "news"}]}

A CSV file has a line of names first: `address`, and if wanted `channel`, `list`, `why`, `source`. Lines that are wrong
are told, and the rest is taken. With `?dry_run=true` nothing is, and the answer is the same.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.sources.body import read_body
from adapters.sources.envelope import BadEnvelope, read
from adapters.sources.intake import Intake
from adapters.sources.segment import text_of
from adapters.web.access import flag, only_admin
from adapters.web.answers import answer
from engine.core.events import Millis
from engine.core.sending.suppression import Suppressed, Why, normal
from engine.runtime.arrivals import Block
from engine.runtime.service import Service

FIELDS = ("address", "channel", "list", "why", "source")
_Text = Annotated[str, msgspec.Meta(max_length=320)]


class Suppression(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An address, or a person by an id, to whom nothing is to be sent."""

    address: _Text = ""
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    channel: _Text = "email"
    list: _Text = ""
    why: Why = "manual"
    source: _Text = "shop"


class _Several(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    suppressions: list[msgspec.Raw]
    lifted: bool = False


class _Taken(NamedTuple):
    """What was right, and what was wrong at which place, from 1."""

    said: list[Suppression]
    wrong: list[tuple[int, str]]


def suppressions_source(keys: Keys, intake: Intake, service: Service) -> Blueprint:
    """The routes; they ask for the admin token."""
    routes = Blueprint("suppressions", __name__)

    async def put(said: Sequence[Suppression], *, lifted: bool) -> None:
        """Suppress them, or lift that; durable on return."""
        now = service.now()
        addresses = [(each.address, _mark(each, now)) for each in said if each.address]
        await service.suppress(addresses, lifted=lifted)
        blocks = [_block(each, lifted=lifted) for each in said if not each.address]
        if blocks:
            await intake.take(blocks, "admin")

    @routes.post("/v1/suppressions")
    async def take() -> Response:
        only_admin(keys, request)
        lifted, dry, body = flag("lifted"), flag("dry_run"), await read_body()
        if request.mimetype == "text/csv":
            taken = _from_csv(body)
        else:
            several = _several(body)
            lifted = lifted or several.lifted
            taken = _checked(several.suppressions)
        if not dry:
            await put(taken.said, lifted=lifted)
        wrong = [{"place": place, "reason": reason} for place, reason in taken.wrong]
        said = {"success": not wrong, "taken": len(taken.said), "rejected": wrong}
        return answer(said, 200 if taken.said or not wrong else 400)

    @routes.get("/v1/suppressions")
    async def give() -> Response:
        only_admin(keys, request)
        text = as_csv((address, mark) for address, marks in service.addresses.marks.items() for mark in marks.values())
        return Response(text, mimetype="text/csv")

    return routes


def as_csv(marks: Iterable[tuple[str, Suppressed]]) -> str:
    """Addresses that are suppressed, as a file that can be read again."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*FIELDS, "at"))
    for address, mark in marks:
        writer.writerow((address, mark.channel, mark.list, mark.why, mark.source, mark.at))
    return out.getvalue()


def _several(body: bytes) -> _Several:
    """One entry, or several.

    Raises:
        BadEnvelope: it is neither.

    """
    fields: dict[str, msgspec.Raw] = read(body, dict[str, msgspec.Raw])
    if "suppressions" in fields:
        several: _Several = read(body, _Several)
        return several
    return _Several([msgspec.Raw(body)])


def _checked(entries: Iterable[msgspec.Raw]) -> _Taken:
    taken = _Taken([], [])
    for place, entry in enumerate(entries, start=1):
        try:
            _sort(taken, place, msgspec.json.decode(entry, type=Suppression))
        except msgspec.DecodeError as error:
            taken.wrong.append((place, str(error)))
    return taken


def _from_csv(body: bytes) -> _Taken:
    taken = _Taken([], [])
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
        if "address" not in (rows.fieldnames or ()):
            raise BadEnvelope("the first line names the columns, and one of them is `address`")
        for row in _rows(rows):
            place = rows.line_num
            try:
                _sort(taken, place, msgspec.convert(row, Suppression))
            except msgspec.ValidationError as error:
                taken.wrong.append((place, str(error)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadEnvelope(f"this is not CSV in UTF-8: {error}") from error
    return taken


def _rows(rows: Iterable[Mapping[str | Any, str | Any]]) -> Iterator[dict[str, str]]:
    for row in rows:
        yield {name: row[name].strip() for name in FIELDS if row.get(name)}


def _sort(taken: _Taken, place: int, said: Suppression) -> None:
    if normal(said.address) or text_of(said.user_id) or text_of(said.anonymous_id):
        taken.said.append(said)
    else:
        taken.wrong.append((place, "who? Give an `address`, a `userId` or an `anonymousId`"))


def _mark(said: Suppression, now: Millis) -> Suppressed:
    return Suppressed(said.channel, said.list, said.why, now, said.source)


def _block(said: Suppression, *, lifted: bool) -> Block:
    return Block(
        user_id=text_of(said.user_id),
        anonymous_id=text_of(said.anonymous_id),
        channel=said.channel,
        list=said.list,
        why=said.why,
        source=said.source,
        lifted=lifted,
    )
