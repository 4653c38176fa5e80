"""Percentiles are right to three digits, and a run is void by the generator's own lag."""

import pytest

pytest.importorskip("hdrh", reason="of the `bench` group")

from bench.open_loop import is_void
from bench.percentiles import Summary, summary


def test_percentiles_of_known_latencies_are_found_to_three_digits() -> None:
    found = summary(each / 1_000 for each in range(1, 10_001))  # 1 ms to 10 s
    assert found.count == 10_000
    assert found.p50 == pytest.approx(5_000, rel=0.001)
    assert found.p90 == pytest.approx(9_000, rel=0.001)
    assert found.p99 == pytest.approx(9_900, rel=0.001)
    assert found.p999 == pytest.approx(9_990, rel=0.001)
    assert found.max == pytest.approx(10_000, rel=0.001)


def test_one_slow_answer_in_a_hundred_shows_in_the_most_and_not_in_the_median() -> None:
    found = summary([0.001] * 99 + [2.0])
    assert found.p50 == pytest.approx(1, rel=0.001)
    assert found.max == pytest.approx(2_000, rel=0.001)


def test_of_no_latencies_all_is_nought() -> None:
    assert summary([]) == Summary(0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(("late", "void"), [(0, False), (1, False), (2, True), (100, True)])
def test_a_run_is_void_if_more_than_one_frame_in_a_hundred_was_late_by_more_than_a_tick(late: int, void: bool) -> None:
    assert is_void(summary([0.0005] * (100 - late) + [0.0051] * late), tick_ms=5) is void


def test_a_lag_of_just_under_a_tick_makes_no_run_void() -> None:
    assert not is_void(summary([0.0049] * 100), tick_ms=5)
