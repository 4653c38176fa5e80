"""What is sent when is drawn beforehand and kept to; who was late is told from the lag; nothing is left out."""

from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

import pytest

pytest.importorskip("hdrh", reason="of the `bench` group")

from bench.open_loop import MOST, Run, Tick, schedule, ticks

EVERY = 0.005


def test_arrivals_are_as_many_as_the_rate_says_and_their_gaps_spread_as_much_as_their_mean() -> None:
    instants = schedule(1_000, 50, Random(1))
    assert len(instants) == pytest.approx(50_000, rel=0.02)
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    assert min(gaps) > 0
    assert fmean(gaps) == pytest.approx(0.001, rel=0.02)
    assert pstdev(gaps) == pytest.approx(0.001, rel=0.03)  # of a clock's ticks it would be 0


def test_the_same_seed_gives_the_same_schedule() -> None:
    first, again, other = (schedule(100, 5, Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_each_event_leaves_at_the_end_of_the_tick_in_which_it_comes() -> None:
    instants = schedule(2_000, 3, Random(2))
    begin = 0
    for tick in ticks(instants, EVERY):
        assert all(tick.at - EVERY <= at + 1e-9 and at <= tick.at + 1e-9 for at in instants[begin : tick.end])
        assert tick.end > begin
        begin = tick.end
    assert begin == len(instants)


def test_a_tick_without_an_event_has_no_frame() -> None:
    assert ticks([0.001, 0.0011, 0.0221], EVERY) == [Tick(EVERY, 2), Tick(5 * EVERY, 3)]


def test_a_tick_of_more_events_than_a_frame_takes_has_several() -> None:
    instants = [0.001] * (2 * MOST + 1)
    assert ticks(instants, EVERY) == [Tick(EVERY, MOST), Tick(EVERY, 2 * MOST), Tick(EVERY, 2 * MOST + 1)]


def test_lag_is_told_without_that_of_the_warm_up() -> None:
    run = Run(0.0, 0, lags=[0.5, 0.001, 0.002])
    lag = run.lag([Tick(0.01, 1), Tick(0.02, 2), Tick(0.03, 3)], after=0.01)
    assert lag.count == 2
    assert lag.max == pytest.approx(2, rel=0.001)
