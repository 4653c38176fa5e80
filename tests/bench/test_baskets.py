"""The engine and the bench's plain computation agree, also where gaps hit the spans exactly and by one millisecond."""

import random
from collections import Counter

import pytest

from bench.baskets import DAY, EXPECTED, TRIGGERS, Line, expected, inputs
from engine.simulate import simulate

GAPS = [span * DAY + off for span in (7, 14, 30, 90) for off in (-1, 0, 1)] + [1, 3_600_000, DAY, 2 * DAY]
CENTS = [0, 1, 99, 5_000, 9_999, 10_000, 15_000]


def shopping(rng: random.Random) -> list[Line]:
    lines = []
    for user in ("ann", "bob", "cem"):
        at = 1_483_228_800_000
        for visit in range(25):
            at += rng.choice(GAPS)
            basket = visit * 3 + ord(user[0]) * 1000
            lines += [Line(at, basket, user, "p", rng.choice(CENTS)) for _ in range(rng.randint(1, 4))]
    return sorted(lines, key=lambda line: line[:2])


@pytest.mark.parametrize("seed", range(20))
def test_each_firing_is_where_a_plain_computation_puts_it(seed: int) -> None:
    lines = shopping(random.Random(seed))
    firings = simulate(TRIGGERS, inputs(lines))
    assert Counter((firing.trigger, firing.user, firing.at) for firing in firings) == expected(lines)
    assert {firing.trigger for firing in firings} == EXPECTED.keys()


def test_a_basket_is_told_behind_its_last_line() -> None:
    lines = [Line(5, 1, "ann", "a", 150), Line(5, 1, "ann", "b", 50), Line(5, 2, "ann", "a", 7)]
    told = [(event["event"], event["properties"]) for event in inputs(lines)]
    assert told == [
        ("item_bought", {"product": "a", "cents": 150}),
        ("item_bought", {"product": "b", "cents": 50}),
        ("order_completed", {"total_cents": 200, "items": 2}),
        ("item_bought", {"product": "a", "cents": 7}),
        ("order_completed", {"total_cents": 7, "items": 1}),
    ]
