"""Windows and rounds: what is asked for, so that each thing is told, and told once where that would not be noticed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.feedback.polling import Round, ask_each, first, overlapping
from adapters.feedback.report import Report
from engine.core.events import Millis
from engine.core.repeats import REMEMBERED

HOUR: Millis = 3_600_000
NOW: Millis = 1_795_428_000_000


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
    windows: dict[str, list[tuple[Millis, Millis]]] = {}

    for minutes, present, most in polls:
        now += minutes * 60_000
        progress = progress.going_on(now)
        span = (progress.since, progress.began)

        async def ask(address: str, span: tuple[Millis, Millis] = span) -> list[Report]:
            windows.setdefault(address, []).append(span)
            return []

        _, progress, problem = await ask_each(sorted(present), progress, most, ask)
        assert problem is None
    for asked in windows.values():
        assert len(set(asked)) == len(asked)
        assert all(before[1] <= after[0] for before, after in pairwise(asked))


async def test_who_stays_is_asked_about_without_a_gap() -> None:
    progress, now, present = Round(), NOW, ["a", "b", "c", "d", "e"]
    windows: dict[str, list[tuple[Millis, Millis]]] = {}
    for _ in range(20):
        now += 60_000
        progress = progress.going_on(now)
        span = (progress.since, progress.began)

        async def ask(address: str, span: tuple[Millis, Millis] = span) -> list[Report]:
            windows.setdefault(address, []).append(span)
            return []

        _, progress, _ = await ask_each(present, progress, 2, ask)
    assert windows.keys() == set(present)
    for asked in windows.values():
        assert len(asked) >= 6
        assert all(before[1] == after[0] for before, after in pairwise(asked))
