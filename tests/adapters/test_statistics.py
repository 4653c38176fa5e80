"""Rates and their intervals, against published figures; and what is put in proportion to what."""

from dataclasses import astuple

import pytest

from adapters.statistics import Rate, by_trigger, difference, rate
from engine.runtime.records import Count, Counted


def test_wilsons_interval() -> None:
    found = rate(81, 263)
    assert found is not None
    assert [round(each, 4) for each in astuple(found)] == [0.308, 0.2553, 0.3662], "Newcombe 1998a, table I"


def test_newcombes_interval() -> None:
    one, other = rate(56, 70), rate(48, 80)
    assert one is not None
    assert other is not None
    assert [round(each, 4) for each in astuple(difference(one, other))] == [0.2, 0.0524, 0.3339], (
        "Newcombe 1998b, table II (a)"
    )


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (12, 10)])
def test_a_rate_stays_between_none_and_all(successes: int, trials: int) -> None:
    found = rate(successes, trials)
    assert found is not None
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_where_nothing_was_tried_there_is_no_rate() -> None:
    assert rate(0, 0) is None


def count(what: str, amount: float, variant: str = "", *, gate: str = "", version: str = "v1") -> Count:
    return Count(Counted("t", version, variant, what, gate), amount, {"v0": 1, "v1": 5}[version])


def test_each_rate_is_of_what_could_have_been_so() -> None:
    ends = [count("accepted", 6), count("failed", 1), count("dropped", 3, gate="cap")]
    (arm,) = by_trigger([count("fired", 8), *ends, count("opened", 3), count("clicked", 1), count("converted", 2)])["t"]
    shares = {name: found and round(found.share, 3) for name, found in arm["rates"].items()}
    assert shares == {"accepted": 0.6, "delivered": None, "opened": 0.5, "clicked": 0.167, "converted": 0.25}
    assert (arm["dropped"], arm["dropped_by"], arm["held_by"]) == (3, {"cap": 3}, {})


def test_where_deliveries_and_exposures_are_known_they_are_what_counts() -> None:
    counts = [count("accepted", 6), count("delivered", 4), count("opened", 2)]
    (arm,) = by_trigger([*counts, count("fired", 2), count("exposed", 8), count("converted", 2)])["t"]
    assert (arm["rates"]["opened"].share, arm["rates"]["converted"].share) == (0.5, 0.25)


def test_arms_are_compared_with_those_held_out_of_the_same_version() -> None:
    arms = [("holdout", 10), ("control", 15), ("fast", 20)]
    counts = [each for variant, k in arms for each in (count("fired", 100, variant), count("converted", k, variant))]
    counts += [count("fired", 100, "fast", version="v0")]
    found = by_trigger(counts)["t"]
    assert [(arm["version"], arm["variant"]) for arm in found][-1] == ("v0", "fast"), "the latest version first"
    lifts = {arm["variant"]: arm["lift"] for arm in found if arm["version"] == "v1"}
    assert lifts["holdout"] is None
    assert lifts["fast"]["against"] == lifts["control"]["against"] == "holdout"
    assert isinstance(lifts["fast"]["converted"], Rate)
    assert round(lifts["fast"]["converted"].share, 2) == 0.1
    assert found[-1]["lift"] is None, "there is nothing to compare it with"
