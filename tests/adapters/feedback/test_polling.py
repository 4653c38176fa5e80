"""Windows and rounds: what is asked for, so that each thing is told, and told once where that would not be noticed."""

from itertools import pairwise

import trio
from hypothesis import given
from hypothesis import strategies as st

from adapters.feedback.polling import Round, ask_each, first, overlapping
from adapters.feedback.report import Report
from engine.core.events import Millis
from engine.core.repeats import REMEMBERED
from engine.runtime.ports import DeliveryError, Unclear

HOUR: Millis = 3_600_000
NOW: Millis = 1_795_428_000_000


class Asker:
    """Takes down of which windows each address was asked about."""

    def __init__(self) -> None:
        self.windows: dict[str, list[tuple[Millis, Millis]]] = {}
        self.problems: dict[str, DeliveryError] = {}

    async def ask(self, address: str, progress: Round) -> list[Report]:
        await trio.lowlevel.checkpoint()
        if address in self.problems:
            raise self.problems[address]
        self.windows.setdefault(address, []).append((progress.since, progress.began))
        return []


@given(now=st.integers(0, 10 * REMEMBERED), since=st.integers(0, 10 * REMEMBERED))
def test_a_window_leaves_no_gap_and_goes_back_only_where_a_repetition_is_recognised(now: Millis, since: Millis) -> None:
    begins = overlapping(NOW + since, NOW + since + now)
    assert begins <= NOW + since
    if begins < NOW + since:
        assert NOW + since + now - begins < REMEMBERED


def test_the_first_window_goes_back_for_less_than_repetitions_are_recognised() -> None:
    assert NOW - REMEMBERED < overlapping(first(NOW), NOW) < NOW - 20 * HOUR


def test_a_round_begins_when_the_one_before_is_over_and_not_too_soon() -> None:
    one = Round().going_on(NOW)
    assert (one.since, one.began, one.over) == (first(NOW), NOW, False)
    assert one.going_on(NOW + HOUR) == one
    over = Round(one.since, one.began, "z@x.example", over=True)
    assert over.going_on(NOW + HOUR - 1, every=HOUR) == over
    assert over.going_on(NOW + HOUR, every=HOUR) == Round(NOW, NOW + HOUR, "", over=False)


@given(
    polls=st.lists(
        st.tuples(st.integers(1, 30), st.sets(st.sampled_from("abcdefgh")), st.integers(1, 3)), min_size=1, max_size=30
    )
)
async def test_whoever_comes_and_goes_each_doing_is_told_once_and_none_is_missed(
    polls: list[tuple[int, set[str], int]],
) -> None:
    """Somebody who is there does something every minute; the windows of a round's addresses follow one another."""
    progress, now = Round(), NOW
    asker = Asker()
    for minutes, present, most in polls:
        now += minutes * 60_000
        _, progress, problem = await ask_each(sorted(present), progress, most, asker.ask, now=now)
        assert problem is None
    for asked in asker.windows.values():
        assert len(set(asked)) == len(asked)
        assert all(before[1] <= after[0] for before, after in pairwise(asked))


async def test_who_stays_is_asked_about_without_a_gap() -> None:
    progress, now, present = Round(), NOW, ["a", "b", "c", "d", "e"]
    asker = Asker()
    for _ in range(20):
        now += 60_000
        _, progress, _ = await ask_each(present, progress, 2, asker.ask, now=now)
    assert asker.windows.keys() == set(present)
    for asked in asker.windows.values():
        assert len(asked) >= 6
        assert all(before[1] == after[0] for before, after in pairwise(asked))


async def test_a_failure_leaves_the_round_where_it_is_and_one_at_once_has_not_begun_it() -> None:
    asker, before = Asker(), Round(NOW - HOUR, NOW, "z", over=True)
    asker.problems["a"] = Unclear("no answer")
    _, progress, problem = await ask_each(["a", "b"], before, 9, asker.ask, now=NOW + HOUR)
    assert (progress, problem) == (before, asker.problems["a"])
    asker.problems = {"b": Unclear("no answer")}
    _, progress, problem = await ask_each(["a", "b"], before, 9, asker.ask, now=NOW + 2 * HOUR)
    assert (progress, problem) == (Round(NOW, NOW + 2 * HOUR, "a", over=False), asker.problems["b"])
    asker.problems.clear()
    _, progress, problem = await ask_each(["a", "b"], progress, 9, asker.ask, now=NOW + 3 * HOUR)
    assert (progress.over, problem) == (True, None)
    assert asker.windows == {"a": [(NOW, NOW + 2 * HOUR)], "b": [(NOW, NOW + 2 * HOUR)]}


async def test_without_anybody_to_ask_about_no_round_begins() -> None:
    asker = Asker()
    assert await ask_each([], Round(), 9, asker.ask, now=NOW, every=24 * HOUR) == ([], Round(), None)
    _, progress, _ = await ask_each(["a"], Round(), 9, asker.ask, now=NOW + 1, every=24 * HOUR)
    assert progress.over
    assert await ask_each(["a", "b"], progress, 9, asker.ask, now=NOW + HOUR, every=24 * HOUR) == ([], progress, None)
    assert asker.windows.keys() == {"a"}


async def test_however_long_the_first_question_fails_the_window_begins_where_it_would_have() -> None:
    asker, progress = Asker(), Round()
    asker.problems["a"] = Unclear("no answer")
    for hours in range(0, 100, 10):
        _, progress, _ = await ask_each(["a"], progress, 9, asker.ask, now=NOW + hours * HOUR)
    asker.problems.clear()
    _, progress, _ = await ask_each(["a"], progress, 9, asker.ask, now=NOW + 100 * HOUR)
    assert asker.windows == {"a": [(first(NOW), NOW + 100 * HOUR)]}
