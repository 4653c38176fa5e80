"""The peers' rules mean the same everywhere, also where gaps hit the spans exactly and by one millisecond."""

import random
from collections import Counter
from pathlib import Path

import pytest

from bench.peers import TRIGGERS, Run, apart, differences, flink, impel, report
from bench.peers_input import SPANS, Line, Properties, RawLine, batches, write
from bench.peers_machine import Fired, Machine, by_hand, hosted
from engine.simulate import simulate

FAR = "2030-01-01T00:00:00Z"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "events.jsonl"
    assert list(write(written, 4_000, 40, 7)) == [4_000]
    return written


def simulated(lines: list[Line]) -> Counter[Fired]:
    inputs = [
        {
            "userId": line.user_id,
            "event": line.event,
            "timestamp": line.timestamp,
            "properties": {"product": line.properties.product},
        }
        for line in lines
    ]
    firings = simulate(TRIGGERS.read_text("utf-8"), inputs, until=FAR)
    return Counter((firing.trigger, firing.user, firing.at) for firing in firings)


def test_the_core_and_the_machine_fire_as_simulate_does(file: Path) -> None:
    wanted = simulated([line for lines in batches(file, Line) for line in lines])
    assert {rule for rule, _, _ in wanted} == {"looked_on", "cart_left"}
    assert Counter(by_hand(file)) == Counter(impel(file)) == wanted


def test_hosted_by_bytewax_the_machine_fires_the_same(file: Path) -> None:
    pytest.importorskip("bytewax", reason="of the `bench` group")
    assert Counter(hosted(file)) == Counter(by_hand(file))


@pytest.mark.parametrize("seed", range(30))
def test_the_machine_fires_as_simulate_does_at_the_edges(seed: int) -> None:
    rng = random.Random(seed)
    gaps = [span + off for span in SPANS for off in (-1, 0, 1)] + [0, 1, SPANS[1] // 2]
    lines, at = [], 1_767_225_600_000
    for _ in range(80):
        event, product = rng.choice([("viewed", "A"), ("viewed", "B"), ("cart_abandoned", None), ("purchased", None)])
        at += max(rng.choice(gaps), event == "cart_abandoned")  # no two carts in one millisecond
        lines.append(Line("ann", event, at, Properties(product)))
    machine, fired = Machine(), list[Fired]()
    for line in lines:
        machine.take(line, fired)
    assert Counter(fired + machine.end("ann")) == simulated(lines)


def test_the_file_is_the_same_for_a_seed_and_in_order_of_time(file: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    for path, seed in ((again, 7), (other, 8)):
        assert list(write(path, 4_000, 40, seed)) == [4_000]
    assert file.read_bytes() == again.read_bytes() != other.read_bytes()
    times = [line.timestamp for lines in batches(file, Line) for line in lines]
    assert times == sorted(times)


def test_the_file_has_ties_and_exact_spans_but_no_two_carts_of_a_user_in_a_millisecond(file: Path) -> None:
    lines = [line for some in batches(file, Line) for line in some]
    places = Counter((line.user_id, line.timestamp) for line in lines)
    carts = Counter((line.user_id, line.timestamp) for line in lines if line.event == "cart_abandoned")
    looks = [(line.user_id, line.timestamp) for line in lines if line.properties.product == "A"]
    assert max(places.values()) > 1 == max(carts.values())
    assert any((user, at + span) in places for user, at in [*carts, *looks] for span in SPANS)


def test_every_event_has_an_id_of_its_own(file: Path) -> None:
    ids = [line.message_id for some in batches(file, RawLine) for line in some]
    assert len(set(ids)) == len(ids) == 4_000


def test_a_peer_in_a_process_of_its_own_gives_what_it_gives_here(file: Path) -> None:
    run = apart("by hand", file)
    assert run.fired == Counter(by_hand(file))
    assert run.cpu > 0


def test_who_fires_otherwise_is_named_with_how_often() -> None:
    first, second = ("cart_left", "ann", 1), ("cart_left", "bob", 1)
    right, wrong = Run(Counter([first]), 1.0, 1.0), Run(Counter([first, first, second]), 1.0, 1.0)
    assert differences({"impel": [right, right], "by hand": [right], "flink": [right, wrong]}) == {"flink": 2}


def test_figures_are_medians_and_ratios_to_impel() -> None:
    impel_runs = [Run(Counter(), wall, wall / 2) for wall in (4.0, 2.0, 9.0)]
    figures = report({"impel": impel_runs, "flink": [Run(Counter(), 20.0, 30.0)]}, 1_000)
    assert figures["impel"]["events_per_cpu_second"] == 500
    assert (figures["flink"]["wall_to_impel"], figures["flink"]["cpu_to_impel"]) == (5.0, 15.0)


def test_a_flink_that_fails_says_why(file: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no java here >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(SystemExit, match="no java here"):
        flink(python, file)
