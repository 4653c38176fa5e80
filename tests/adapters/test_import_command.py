"""`impel import`, against a sidecar that runs."""

import csv
import json
import shlex
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trio
from pyarrow import parquet

from adapters.cli import app
from adapters.commands import imports, loading, suppressions
from engine.runtime.router import Refused
from engine.runtime.service import Service
from tests.adapters.running import Sidecar

NOW = datetime.now(UTC)
Run = Callable[..., Any]


@pytest.fixture
async def run(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a thread, with what says where the sidecar is; gives its exit status."""
    monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
    config = Path(sidecar.shop.settings.data).parent / "config"

    async def call(command: Callable[..., int], file: Path, **options: object) -> int:
        return await trio.to_thread.run_sync(partial(command, file, config=config, url=sidecar.url, **options))

    return call


def write(file: Path, *rows: Iterable[object]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(rows)
    return file


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat()


async def counted(sidecar: Sidecar) -> list[dict[str, Any]]:
    recent: list[dict[str, Any]] = (await sidecar.user("u1")).json()["recent"]
    return recent


async def test_ten_thousand_rows_are_taken_but_for_three_that_are_told_by_their_line(
    sidecar: Sidecar, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [[f"u{number % 100}", "view", ago(seconds=number), number] for number in range(10_000)]
    rows[4_999][2], rows[9_998][0], rows[0][1] = "yesterday", "", ""
    file = write(tmp_path / "events.csv", ["userId", "event", "timestamp", "number"], *rows)
    assert await run(imports.events, file) == 1
    told = capsys.readouterr()
    assert told.out == "9,997 taken, 3 wrong\n"
    lines = [line for line in told.err.splitlines() if "events.csv:" in line]
    assert [line.partition("events.csv:")[2].partition(":")[0] for line in lines] == ["2", "5001", "10000"]
    assert "needs the name of its `event`" in lines[0]
    users = [await sidecar.service.person(f"u{number}") for number in range(100)]
    assert sum(len(user.recent(1_000)) for user in users if user is not None) == 9_997


async def test_a_file_that_is_imported_again_counts_nothing_twice(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    head = ["userId", "event", "timestamp"]
    file = write(tmp_path / "a.csv", head, ["u1", "view", "soon"], ["u1", "view", ago(hours=1)])
    assert await run(imports.events, file) == 1
    file = write(tmp_path / "b.csv", head, ["u1", "view", ago(hours=2)], ["u1", "view", ago(hours=1)])
    assert await run(imports.events, file) == 0
    assert len(await counted(sidecar)) == 2


async def test_what_is_imported_counts_and_sends_nothing(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    rows = [["u1", "view", ago(seconds=number)] for number in range(2, 7)] + [["u1", "cart", ago(seconds=1)]]
    assert await run(imports.events, write(tmp_path / "e.csv", ["userId", "event", "timestamp"], *rows)) == 0
    await trio.sleep(0.2)  # longer than the trigger `left` waits
    told = (await sidecar.user("u1")).json()
    assert (told["firings"], told["pending"]) == ([], [])
    sidecar_now = await sidecar.service.person("u1")
    assert sidecar_now is not None
    assert [record.history for record in sidecar_now.recent(9)] == [True] * 6


async def test_an_imported_event_counts_beside_one_that_happens(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    rows = [["u1", "view", ago(seconds=number)] for number in (1, 2)]
    await run(imports.events, write(tmp_path / "e.csv", ["userId", "event", "timestamp"], *rows))
    body = {"type": "track", "userId": "u1", "event": "view"}
    assert (await sidecar.client.post("/v1/track", json=body)).is_success
    told = (await sidecar.user("u1")).json()
    assert [fired["trigger"] for fired in told["firings"]] == ["thrice"]


async def test_profiles_are_mapped_column_by_column(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    head = ["Kunde", "E-Mail", "PLZ", "Umsatz", "Newsletter", "VIP"]
    file = write(tmp_path / "p.csv", head, ["1007", "ada@x.example", "10115", "12.50", "TRUE", "false"])
    pairs = ("userId=Kunde", "email=E-Mail", "address.zip=PLZ", "spent=Umsatz", "consent.marketing=Newsletter")
    assert await run(imports.profiles, file, pairs=(*pairs, "source==archive"), texts=("address.zip",)) == 0
    assert (await sidecar.user("1007")).json()["traits"] == {
        "email": "ada@x.example",
        "address": {"zip": "10115"},
        "spent": 12.5,
        "consent": {"marketing": True},
        "VIP": False,
        "source": "archive",
    }
    user = await sidecar.service.person("1007")
    assert user is not None
    assert user.sending.consents["marketing"].granted


async def test_consent_to_nothing_in_particular_is_told(
    sidecar: Sidecar, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(imports.profiles, write(tmp_path / "p.csv", ["userId", "consent"], ["u1", "true"])) == 1
    assert "map a column to `consent.marketing`" in capsys.readouterr().err


async def test_a_mapping_may_stand_in_a_file(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    mapping = tmp_path / "map.yaml"
    mapping.write_text("userId: Kunde\nemail: Mail\n")
    file = write(tmp_path / "p.csv", ["Kunde", "Mail", "Alt"], ["u1", "a@x.example", "b@x.example"])
    assert await run(imports.profiles, file, mapping=mapping, pairs=("email=Alt",)) == 0
    assert (await sidecar.user("u1")).json()["traits"]["email"] == "b@x.example"


async def test_json_lines_may_be_calls_or_flat(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    calls: list[object] = [
        {"type": "page", "userId": "u1", "name": "Home", "timestamp": ago(hours=3), "properties": {"a": 1}},
        {"user_id": "u1", "event": "view", "timestamp": ago(hours=2), "cart": {"total": 9.5}},
        {"type": "identify", "userId": "u1"},
        [],
    ]
    file = tmp_path / "e.jsonl"
    file.write_text("\n".join(json.dumps(call) for call in calls) + "\n\n{")
    assert await run(imports.events, file) == 1
    view, page = await counted(sidecar)
    assert (page["event"], page["properties"]) == ("page", {"a": 1, "name": "Home"})
    assert (view["event"], view["properties"]) == ("view", {"cart": {"total": 9.5}})


async def test_parquet_is_read_with_its_types(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    at = NOW.replace(microsecond=123_000) - timedelta(hours=1)
    table = pa.table(
        {
            "userId": [788032119674292922],
            "timestamp": pa.array([at], pa.timestamp("us", tz="UTC")),
            "total": [Decimal("19.99")],
            "note": [None],
            "products": [[{"sku": "s1"}]],
        }
    )
    parquet.write_table(table, tmp_path / "e.parquet")
    assert await run(imports.events, tmp_path / "e.parquet", pairs=("event==Order Completed",)) == 0
    user = await sidecar.service.person("788032119674292922")
    assert user is not None
    assert [(each.name, each.ts) for each in user.recent(9)] == [("Order Completed", int(at.timestamp() * 1_000))]
    told = (await sidecar.user("788032119674292922")).json()["recent"]
    assert told[0]["properties"] == {"total": 19.99, "products": [{"sku": "s1"}]}


async def test_a_dry_run_says_the_same_and_takes_nothing(
    sidecar: Sidecar, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = write(tmp_path / "e.csv", ["userId", "event", "timestamp"], ["u1", "view", ago(hours=1)], ["u1", "v", "x"])
    assert await run(imports.events, events, dry_run=True) == 1
    blocked = write(tmp_path / "s.csv", ["Mail"], ["a@x.example"])
    assert await run(imports.suppressions, blocked, pairs=("address=Mail",), dry_run=True) == 0
    assert capsys.readouterr().out == "1 would be taken, 1 wrong\n1 would be taken, 0 wrong\n"
    assert (await sidecar.user("u1")).status_code == 404
    assert not sidecar.service.addresses.marks


async def test_a_sidecar_that_has_no_room_is_asked_again_when_it_says(
    sidecar: Sidecar, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    take, refusals = Service.take, [Refused("busy", "too much"), Refused("recovering", "a moment")]

    async def busy(service: Service, arrivals: Any) -> None:
        if refusals:
            raise refusals.pop(0)
        await take(service, arrivals)

    monkeypatch.setattr(Service, "take", busy)
    file = write(tmp_path / "e.csv", ["userId", "event", "timestamp"], ["u1", "view", ago(hours=1)])
    assert await run(imports.events, file) == 0
    assert pauses == [1.0, 2.0]
    assert len(await counted(sidecar)) == 1


async def test_what_cannot_be_sent_stops_it_and_says_where(
    sidecar: Sidecar, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "TOGETHER", 1)
    take, passed = Service.take, []

    async def failing(service: Service, arrivals: Any) -> None:
        passed.append(arrivals)
        if len(passed) == 2:
            raise RuntimeError("a fault")
        await take(service, arrivals)

    monkeypatch.setattr(Service, "take", failing)
    rows = [["u1", "view", ago(hours=hours)] for hours in (1, 2, 3)]
    file = write(tmp_path / "e.csv", ["userId", "event", "timestamp"], *rows)
    assert await run(imports.events, file) == 1
    assert "e.csv:3; what was taken is not counted again" in capsys.readouterr().err
    assert await run(imports.events, file) == 0
    assert len(await counted(sidecar)) == 3


@pytest.mark.parametrize(
    ("name", "content", "pairs", "said"),
    [
        ("e.csv", "user,event\nu1,view\n", (), "one of them is `userId` or `anonymousId`"),
        ("e.csv", "userId,event\n", (), "--map timestamp=COLUMN"),
        ("e.csv", "userId,event\n", ("timestamp=When",), "has no column `When` for `timestamp`"),
        ("e.csv", "", ("timestamp",), "--map takes FIELD=COLUMN"),
        ("e.xlsx", "", (), "is none of .csv, .jsonl and .parquet"),
        ("e.parquet", "no", (), "is not Parquet"),
        ("none.csv", None, (), "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_what_to_do(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    content: str | None,
    pairs: tuple[str, ...],
    said: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert imports.events(tmp_path / name, pairs=pairs) == 1
    assert said in capsys.readouterr().err


async def test_bad_rows_of_every_kind_cost_only_themselves(
    sidecar: Sidecar, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    file.write_bytes(
        b'\xef\xbb\xbfuserId;name;consent.marketing\nu1;"two\nlines";true\nu2;caf\xe9;true\nu3;a;b;c\n'
        b"u4;n;1\nu4;n;perhaps\n;n;true\nu6;\xc3\xa9;\n"
    )
    assert await run(imports.profiles, file) == 1
    told = capsys.readouterr()
    assert told.out == "2 taken, 5 wrong\n"
    reasons = [line.partition("p.csv:")[2] for line in told.err.splitlines() if "p.csv:" in line]
    assert reasons == [
        "4: it is not UTF-8",
        "5: it has more fields than the first line names",
        "6: `consent.marketing` is neither true nor false: 1",
        "7: `consent.marketing` is neither true nor false: 'perhaps'",
        "8: a call needs a `userId` or an `anonymousId`",
    ]
    assert (await sidecar.user("u1")).json()["traits"] == {"name": "two\nlines", "consent": {"marketing": True}}
    assert (await sidecar.user("u6")).json()["traits"] == {"name": "é"}


async def test_suppressions_are_imported_by_either_command(sidecar: Sidecar, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "s.csv", ["address", "why", "at"], ["a@x.example", "bounced", "1"])
    assert await run(suppressions.take, file) == 0
    mapped = write(tmp_path / "m.csv", ["Mail", "Grund"], ["b@x.example", "?"])
    assert await run(imports.suppressions, mapped, pairs=("address=Mail", "why==complained")) == 0
    marks = sidecar.service.addresses.marks
    assert {address: [mark.why for mark in found.values()] for address, found in marks.items()} == {
        "a@x.example": ["bounced"],
        "b@x.example": ["complained"],
    }


async def test_the_past_is_the_admins_to_tell(sidecar: Sidecar) -> None:
    alias = {"type": "alias", "userId": "u1", "previousId": "u2"}
    nothing: dict[str, Any] = {"type": {}, "userId": "u1"}
    body = {"batch": [{"type": "track", "userId": "u1", "event": "view"}, alias, nothing]}
    assert (await sidecar.client.post("/admin/import", json=body)).status_code == 401
    answer = await sidecar.stranger.post("/admin/import", json=body, headers=sidecar.admin)
    assert answer.json()["rejected"] == [
        {"place": 1, "reason": "an event of the past needs its `timestamp`"},
        {"place": 2, "reason": "an alias is of today: send it to /v1/alias"},
        {"place": 3, "reason": "Expected `str | null`, got `object` - at `$.type`"},
    ]


async def test_an_archives_consent_stamps_are_no_word_of_today(sidecar: Sidecar) -> None:
    consent = {"consent": {"categoryPreferences": {"Advertising": True}}}
    call = {"type": "track", "userId": "u1", "event": "view", "timestamp": ago(hours=1), "context": consent}
    answer = await sidecar.stranger.post("/admin/import", json={"batch": [call]}, headers=sidecar.admin)
    assert answer.json() == {"success": True, "taken": 1, "rejected": []}
    user = await sidecar.service.person("u1")
    assert user is not None
    assert not user.sending.consents


async def test_the_commands_in_the_documentation_do_what_it_says(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    commands = [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("impel import ")]
    write(
        tmp_path / "customers.csv", ["Customer", "E-Mail", "Newsletter", "zip"], ["7", "a@x.example", "true", "10115"]
    )
    write(tmp_path / "orders.csv", ["Customer", "Ordered", "total"], ["7", ago(hours=1), "9.50"])
    write(tmp_path / "unsubscribed.csv", ["E-Mail"], ["b@x.example"])
    monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
    monkeypatch.setenv("IMPEL_CONFIG", str(Path(sidecar.shop.settings.data).parent / "config"))
    monkeypatch.chdir(tmp_path)
    for words in commands:
        taken = partial(app, [*words, "--url", sidecar.url], result_action="return_value")
        assert await trio.to_thread.run_sync(taken) == 0
    assert capsys.readouterr().out == "1 would be taken, 0 wrong\n" + "1 taken, 0 wrong\n" * 3
    told = (await sidecar.user("7")).json()
    assert told["traits"] == {"email": "a@x.example", "zip": "10115", "consent": {"marketing": True}}
    assert [(each["event"], each["properties"]) for each in told["recent"]] == [("Order Completed", {"total": 9.5})]
    assert set(sidecar.service.addresses.marks) == {"b@x.example"}


def test_the_command_line_takes_a_mapping(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[object] = []

    def load(*_: object, **options: object) -> int:
        seen.extend(options.values())
        return 0

    monkeypatch.setattr(imports, "load", load)
    words = ["import", "profiles", str(tmp_path), "--map", "userId=Kunde", "--map", "email=E-Mail", "--text", "zip"]
    app(words, result_action="return_value")
    assert seen == [("userId=Kunde", "email=E-Mail"), None, ("zip",)]
