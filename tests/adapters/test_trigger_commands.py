"""`impel check`, `test`, `schema` and `simulate`, called as functions."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.commands.check import check
from adapters.commands.compile import compile_folder
from adapters.commands.schema import print_schema
from adapters.commands.simulate import simulate_file
from adapters.commands.trials import run_trials
from adapters.files import FolderError, read_folder
from engine.simulate import Simulation

SHOP = """\
triggers:
  cart_reminder:
    when: cart_updated then no (cart_updated or order_completed) within 1h
    per: cart_id
    if: not in segment vip
    tests:
      - name: a cart left alone for an hour
        given:
          - 0s product_viewed
          - {at: 10m, event: cart_updated, properties: {cart_id: c1}}
        expect: [1h10m]
      - name: nobody disturbs a vip
        given:
          - {at: 0s, enters: vip}
          - {at: 10m, event: cart_updated, properties: {cart_id: c1}}
        expect: []
      - name: each cart waits by itself
        given:
          - {at: 0s, event: cart_updated, properties: {cart_id: c1}}
          - {at: 1m, event: cart_updated, properties: {cart_id: c2}}
        expect: [{at: 1h1m, per: c2}, {at: 1h, per: c1}]
segments:
  vip: list
"""

EVENTS = [
    {"type": "track", "userId": "u", "event": "cart_updated", "timestamp": 0, "properties": {"cart_id": "c9"}},
    {"type": "track", "userId": "u", "event": "product_viewed", "timestamp": 7_200_000},
]
FIRING = {"at": 3_600_000, "user": "u", "trigger": "cart_reminder", "per": "c9"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(SHOP)
    return tmp_path


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    return file


def test_check_counts_what_it_read(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(shop) == 0
    assert capsys.readouterr().err == "all right: 1 trigger, 1 segment, 3 tests\n"


def test_check_shows_every_error_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("triggers: {x: {when: not add}}")
    (tmp_path / "b.yaml").write_text("triggers: {y: {whne: add}}")
    assert check(tmp_path) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'a.yaml'}:1:26 error: `add` is a moment; `not` takes a state" in said
    assert "did you mean `when`?" in said
    assert said.endswith("2 errors\n")


def test_check_shows_warnings_and_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("triggers: {x: {when: add}}")
    assert check(tmp_path) == 0
    assert "warning: this fires at every such event" in capsys.readouterr().err


def test_square_brackets_in_a_condition_are_shown_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text("triggers: {x: {when: 'not view[bold == 1]'}}")
    check(tmp_path)
    assert "`view[bold == 1]` is a moment" in capsys.readouterr().err


def test_a_missing_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "gone") == 1
    assert "there is no folder" in capsys.readouterr().err


def test_of_a_configuration_only_triggers_and_segments_are_read(tmp_path: Path) -> None:
    for file in ("impel.yaml", "messages/a.yaml", "triggers/b.yaml", "triggers/deep/c.yml", "segments/d.yaml"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(file)
    assert list(read_folder(tmp_path).values()) == ["triggers/b.yaml", "triggers/deep/c.yml", "segments/d.yaml"]


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a\xff")
    with pytest.raises(FolderError, match="is not UTF-8 text: byte 1"):
        read_folder(tmp_path)


def test_tests_that_pass_are_counted(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_trials(shop) == 0
    assert capsys.readouterr().err == "all right: 3 tests of 1 trigger\n"


def test_a_failing_test_shows_what_it_expected_beside_what_it_got(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "shop.yaml").write_text(SHOP.replace("expect: [1h10m]", "expect: [1h]"))
    assert run_trials(shop) == 1
    said = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert said == [
        f"{shop / 'shop.yaml'}:7 failed: cart_reminder: a cart left alone for an hour",
        "expected got",
        "1h nothing did not fire",
        "nothing 1h10m for c1 should not fire",
        "1 of 3 tests of 1 trigger failed",
    ]


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_schema()
    assert json.loads(capsys.readouterr().out)["title"] == "Impel trigger file"


def simulated(capsys: pytest.CaptureFixture[str]) -> tuple[list[Any], str]:
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_simulate_prints_firings_as_json_lines(shop: Path, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate_file(triggers=shop, events=events) == 0
    assert simulated(capsys) == ([FIRING], "")


@pytest.mark.parametrize(("until", "fired"), [("3599999", []), ("1970-01-01T01:00:00Z", [FIRING])])
def test_simulate_settles_what_is_due_up_to_until(
    until: str, fired: list[Any], shop: Path, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate_file(triggers=shop, events=events, until=until) == 0
    assert simulated(capsys)[0] == fired


def test_bad_lines_are_reported_and_nothing_else_is_lost(
    shop: Path, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = events.read_text().splitlines()
    events.write_text("\n".join(["{bad", good[0], "[1]", "", '{"userId": "u", "event": "x"}', good[1]]))
    assert simulate_file(triggers=shop, events=events) == 1
    fired, said = simulated(capsys)
    assert fired == [FIRING]
    places = [line.split(" ")[0] for line in said.splitlines()]
    assert places == [f"{events}:1", f"{events}:3", f"{events}:5"]


def test_a_line_that_the_core_cannot_take_is_reported_and_nothing_else_is_lost(
    shop: Path, events: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Simulation.take

    def fragile(self: Simulation, item: dict[str, Any], received: int, seq: int) -> None:
        if item.get("event") == "bad":
            raise OverflowError("too large")
        take(self, item, received, seq)

    monkeypatch.setattr(Simulation, "take", fragile)
    good = events.read_text().splitlines()
    bad = '{"userId": "u", "event": "bad", "timestamp": 1}'
    events.write_text("\n".join([good[0], bad, "[" * 100_000, good[1]]))
    assert simulate_file(triggers=shop, events=events) == 1
    fired, said = simulated(capsys)
    assert fired == [FIRING]
    assert [line.split(" ")[0] for line in said.splitlines()] == [f"{events}:2", f"{events}:3"]


def test_an_integer_of_400_digits_is_a_number_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.yaml").write_text("triggers: {x: {when: sum(order.total) > 100 within 1d}}")
    order = {"type": "track", "userId": "u", "event": "order", "timestamp": 1}
    lines = [{**order, "properties": {"total": total}} for total in (10**400 - 1, 1)]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert simulate_file(triggers=tmp_path / "t.yaml", events=tmp_path / "events.jsonl") == 0
    assert simulated(capsys) == ([{"at": 1, "user": "u", "trigger": "x", "per": None}], "")


def test_a_dash_reads_standard_input(
    shop: Path, events: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(events.read_bytes())))
    assert simulate_file(triggers=shop, events=Path("-")) == 0
    assert simulated(capsys)[0] == [FIRING]


def test_a_missing_file_of_events_is_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate_file(triggers=shop, events=shop / "gone.jsonl") == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_check_says_which_message_nobody_has_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "triggers").mkdir()
    (tmp_path / "messages").mkdir()
    (tmp_path / "triggers" / "a.yaml").write_text("triggers: {a: {when: view, cooldown: 1h, send: hello}}")
    assert check(tmp_path) == 1
    assert "hello" in capsys.readouterr().err


def test_check_shows_what_is_wrong_in_triggers_and_messages_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "triggers").mkdir()
    (tmp_path / "messages").mkdir()
    (tmp_path / "triggers" / "a.yaml").write_text("triggers: {a: {when: not add, send: [helo, broken]}}")
    (tmp_path / "messages" / "broken.yaml").write_text("destination: nowhere")
    assert check(tmp_path) == 1
    said = capsys.readouterr().err
    assert "`add` is a moment; `not` takes a state" in said
    assert "there is no message `helo`" in said
    assert "messages/broken.yaml" in said
    assert "there is no message `broken`" not in said


def test_the_retention_in_the_settings_bounds_what_check_and_test_accept(tmp_path: Path) -> None:
    (tmp_path / "triggers").mkdir()
    (tmp_path / "triggers" / "a.yaml").write_text("triggers: {a: {when: inactive for 30d}}")
    assert (check(tmp_path), run_trials(tmp_path)) == (0, 0)
    (tmp_path / "impel.yaml").write_text("retention: 7d")
    assert (check(tmp_path), run_trials(tmp_path)) == (1, 1)
    assert (check(tmp_path, retention="90d"), run_trials(tmp_path, retention="90d")) == (0, 0)


def test_compile_lists_the_events_and_shows_what_is_written_out_for_one(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_folder(shop) == 0
    assert {"cart_updated", "order_completed"} <= set(capsys.readouterr().out.split())
    assert compile_folder(shop, show="cart_updated") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("def handle(user, event, now):")
    assert "# cart_reminder: cart_updated then no (cart_updated or order_completed) within 1h" in shown


def test_compile_says_where_there_is_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "all.yaml").write_text("""triggers: {t: {when: 'view["a\\"b" == 1]'}}""")
    assert compile_folder(tmp_path, show="view") == 1
    assert "its events go the general way" in capsys.readouterr().err
