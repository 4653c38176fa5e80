"""Latencies count from the instants of the plan, what is missing is not left out, and a real sidecar is measured."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

pytest.importorskip("hdrh", reason="of the `bench` group")

from bench import latency, saturation, timers
from bench.drive import Plan
from bench.open_loop import Tick, Usage
from bench.percentiles import summary
from bench.traffic import Event, Traffic, frames, sizes, split
from bench.wire import Firing

PLAN = Plan([0.001, 0.002, 0.006], [], [Tick(0.005, 2), Tick(0.010, 3)])


def test_an_ack_counts_for_each_event_of_its_frame_from_that_events_instant() -> None:
    found, missing = latency.acks(PLAN, [0.105, 0.206], 9)
    assert found == pytest.approx([0.104, 0.103, 0.2])
    assert not missing


def test_an_event_without_an_ack_counts_as_one_that_had_it_when_it_was_given_up() -> None:
    found, missing = latency.acks(PLAN, [0.105], 9)
    assert found == pytest.approx([0.104, 0.103, 8.994])
    assert missing == 1


def test_what_is_due_to_a_user_comes_in_order_and_what_never_came_is_counted() -> None:
    due = [("ann", 1.0), ("bob", 1.5), ("ann", 2.0), ("ann", 3.0)]
    found = latency.since(due, [("ann", 1.25), ("bob", 1.75), ("ann", 2.5)], 10.0)
    assert found == ([0.25, 0.25, 0.5, 7.0], 1)


def test_the_first_event_behind_the_warm_up_is_found() -> None:
    assert [PLAN.first(after) for after in (0, 0.002, 0.003, 1)] == [0, 1, 2, 3]


def test_a_stated_share_of_the_events_is_of_users_who_sleep_and_a_hundredth_is_to_fire() -> None:
    events = Traffic(100, [f"s{each}" for each in range(4_000)], 10, 1).events([0.0] * 20_000)
    assert sum(event.user_id.startswith("s") for event in events) / 20_000 == pytest.approx(0.1, abs=0.01)
    asked = sum(event.event in {"coupon_asked", "help_asked"} for event in events)
    assert asked / 20_000 == pytest.approx(0.01, abs=0.003)
    assert len({event.message_id for event in events}) == 20_000


def test_frames_hold_their_events_and_timestamps_count_from_the_beginning() -> None:
    events = [Event("u", "view", f"m{each}", each, msgspec.Raw(b"\x80")) for each in range(5)]
    ends = split(5, 2)
    first, second, third = (msgspec.msgpack.decode(frame) for frame in frames(events, ends, 1_000))
    assert sizes(ends) == [len(first), len(second), len(third)] == [2, 2, 1]
    assert [event["timestamp"] for event in second] == [1_002, 1_003]
    assert third == [
        {"type": "track", "userId": "u", "event": "view", "messageId": "m4", "timestamp": 1_004, "properties": {}}
    ]


def test_lateness_is_from_the_deadline_and_what_is_early_or_missing_is_counted() -> None:
    due = {"late": 1_000, "early": 2_000, "never": 3_000, "before": 4_000}
    firings = [Firing("late", 1_000, 0, 1.25), Firing("early", 2_000, 0, 1.999), Firing("before", 3_999, 0, 4.5)]
    found, early, missing = timers.lateness(due, firings, 10.0)
    assert found == pytest.approx({"late": 0.25, "early": -0.001, "never": 7.0, "before": 0.5})
    assert (early, missing) == (2, 1)


def test_half_of_the_near_deadlines_are_of_users_who_come_all_the_time() -> None:
    promised = timers.promises(1_000, 200, due=10, spread=20)
    assert len({past.user for past in promised.pasts(Random(1))}) == 1_000
    active = set(promised.active)
    assert (len(active), len(promised.due)) == (200, 200)
    assert len(promised.due.keys() & active) == 100
    with pytest.raises(SystemExit, match="give a larger --spread"):
        promised.within(0, max(promised.due.values()) + 1)


def test_a_void_rate_is_drawn_hollow_beside_the_others(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the `bench` group")
    some = summary([0.001, 0.002])
    figures = latency.Figures(1_000, 2, 1.0, some, some, some, 0, 0, some, False, Usage(0.1, 0.1, 0), 0.5)
    latency.plot([figures, replace(figures, rate=5_000, is_void=True)], tmp_path / "latency")
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "latency.svg").read_text()


@pytest.mark.parametrize(
    ("bench", "options", "expected"),
    [
        (latency, ["--rates", "200", "--seconds", "1.5", "--warm-up", "0.2", "--tick", "200"], {"missing": 0}),
        (saturation, ["--sizes", "10", "--connections", "2", "--events", "400", "--warm-up", "100"], {"events": 400}),
    ],
)
def test_a_real_sidecar_is_measured(
    bench: Any, options: list[str], expected: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["bench", *options, "--users", "50", "--sleeping", "20", "--json", str(file)])
    bench.main()  # its status is of no matter: a busy machine makes a rate void
    (figures,) = json.loads(file.read_text())
    assert figures | expected == figures
    if bench is latency:
        assert figures["ack"]["count"] == figures["events"] > 0
        assert figures["ack"]["max"] > 0
    else:
        assert figures["events_per_second"] > 0
