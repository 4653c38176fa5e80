"""The fit is right, and each axis varies what it says and nothing else."""

import argparse
from pathlib import Path

import pytest
from rich.progress import Progress

from bench.growth import HISTORY, TRIGGERS, Point, axes, exponent, fitted, measure, plot
from bench.load import DAY, RETENTION, VISIT


@pytest.mark.parametrize("power", [0.0, 0.1, 0.5, 1.0, -0.2])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    at = [10, 100, 1_000, 5_000]
    slope, factor = exponent(at, [3 * each**power for each in at])
    assert slope == pytest.approx(power, abs=1e-9)
    assert factor == pytest.approx(3)


def test_of_costs_beside_the_line_the_squares_of_the_logarithms_are_least() -> None:
    # ln y = 0, 1, 0 at ln x = 0, 1, 2: flat, at the mean of a third
    slope, factor = exponent([1, 2.718281828, 7.389056099], [1, 2.718281828, 1])
    assert slope == pytest.approx(0, abs=1e-6)
    assert factor == pytest.approx(1.395612425, rel=1e-6)


def test_a_single_point_is_flat() -> None:
    assert fitted([{"at": 1_000, "cost_us": 7.0}]) == (0.0, 7.0)


def test_each_axis_varies_one_thing() -> None:
    found = axes(1_000_000)
    assert [point.users for point in found["users"]] == [point.at for point in found["users"]]
    assert max(point.users for point in found["users"]) == 1_000_000
    assert {(point.history, point.triggers, point.apart) for point in found["users"]} == {(5, 10, 172_800_000)}
    assert [point.history for point in found["history"]] == [*HISTORY]
    assert len({(point.triggers, point.apart) for point in found["history"]}) == 1
    assert [point.triggers for point in found["triggers"]] == [*TRIGGERS]
    assert len({(point.users, point.history, point.apart) for point in found["triggers"]}) == 1


def test_the_longest_history_is_younger_than_the_retention() -> None:
    point = axes(1)["history"][-1]
    assert point.history / VISIT * point.apart < RETENTION


def test_points_of_an_axis_are_measured_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the `bench` group")
    options = argparse.Namespace(seed=1, rounds=3, events=200)
    points = [Point(at, 20, 5, at, 2 * DAY) for at in (10, 30)]
    with Progress(disable=True) as progress:
        figures = measure(points, options, progress)
    assert [each["at"] for each in figures] == [10, 30]
    assert all(each["cost_us"] > each["floor_us"] > 0 for each in figures)
    plot({"triggers": figures}, tmp_path / "growth")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "growth.svg").read_text()
