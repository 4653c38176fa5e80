"""What came of each trigger, from what was counted: by version and variant, with 95 % intervals on the rates."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot
from typing import Any

from engine.runtime.records import Count

_CONFIDENCE = 0.95
_CONTROLS = ("holdout", "control")
"""Arms that others are compared with, in this order; where there is neither, the first by name."""

_ENDS = ("accepted", "unconfirmed", "failed", "dropped")


@dataclass(frozen=True, slots=True)
class Rate:
    """A share and its 95 % interval, Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22)."""

    share: float
    low: float
    high: float


def rate(successes: float, trials: float) -> Rate | None:
    """The rate of some successes among trials; None where there was no trial."""
    if trials <= 0:
        return None
    from scipy.stats import binomtest  # noqa: PLC0415 - a second to import, and seldom asked for

    n = round(trials)
    k = min(round(successes), n)
    interval = binomtest(k, n).proportion_ci(_CONFIDENCE, method="wilson")
    return Rate(k / n, float(interval.low), float(interval.high))


def difference(one: Rate, other: Rate) -> Rate:
    """By how much one rate is above another, with its 95 % interval (Newcombe 1998, Stat. Med. 17, method 10)."""
    by = one.share - other.share
    low = by - hypot(one.share - one.low, other.high - other.share)
    high = by + hypot(one.high - one.share, other.share - other.low)
    return Rate(by, max(low, -1.0), min(high, 1.0))


def by_trigger(counts: Iterable[Count]) -> dict[str, list[dict[str, Any]]]:
    """All that was counted: for each trigger its arms, those of the latest version first."""
    arms: defaultdict[tuple[str, str, str], list[Count]] = defaultdict(list)
    for count in counts:
        arms[count.of.trigger, count.of.version, count.of.variant].append(count)
    since: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for (trigger, version, _), found in arms.items():
        since[trigger, version] += [count.since for count in found]
    told: dict[str, list[dict[str, Any]]] = {}
    for (trigger, version, variant), found in sorted(arms.items()):
        began = min(since[trigger, version])
        told.setdefault(trigger, []).append({"version": version, "since": began, "variant": variant} | _arm(found))
    for found_arms in told.values():
        found_arms.sort(key=lambda arm: -arm["since"])
        _compare(found_arms)
    return told


def _arm(counts: Iterable[Count]) -> dict[str, Any]:
    """The counts of one arm, and its rates: each of what could have been so."""
    simple: defaultdict[str, float] = defaultdict(float)
    gates: dict[str, dict[str, int]] = {"held": {}, "dropped": {}}
    for count in counts:
        what, gate = count.of.what, count.of.gate
        if what in gates and gate:
            gates[what][gate] = round(count.amount)
        simple[what] += count.amount
    arrived = simple["delivered"] or simple["accepted"]
    exposed = simple["exposed"] or simple["fired"]
    names = ("fired", "exposed", *_ENDS, "delivered", "opened", "clicked", "converted")
    return {
        **{name: round(simple[name]) for name in names},
        "revenue": simple["revenue"],
        "revenue_per_exposure": simple["revenue"] / exposed if exposed else None,
        "held_by": gates["held"],
        "dropped_by": gates["dropped"],
        "rates": {
            "accepted": rate(simple["accepted"], sum(simple[end] for end in _ENDS)),
            "delivered": rate(simple["delivered"], simple["accepted"]) if simple["delivered"] else None,
            "opened": rate(simple["opened"], arrived),
            "clicked": rate(simple["clicked"], arrived),
            "converted": rate(simple["converted"], exposed),
        },
    }


def _compare(arms: list[dict[str, Any]]) -> None:
    """By how much more the arms of a version convert than the one to compare with."""
    for arm in arms:
        others = {each["variant"]: each for each in arms if each["version"] == arm["version"]}
        base = next((name for name in _CONTROLS if name in others), min(others))
        mine, theirs = (each["rates"]["converted"] for each in (arm, others[base]))
        apart = base != arm["variant"] and mine is not None and theirs is not None
        arm["lift"] = {"against": base, "converted": difference(mine, theirs)} if apart else None
