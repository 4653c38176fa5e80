"""The laws of the core, on random triggers and streams; a failing example names the seed of its world."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.events import INF
from engine.core.user import User
from engine.core.watch import Step
from tests.core.worlds import World, copied, lived, told, worlds

RANDOM = settings(max_examples=150)


def alone(made: World) -> User:
    return User("k:u", made.program)


@RANDOM
@given(worlds())
def test_a_truth_keeps_its_word_until_its_until(made: World) -> None:
    user = alone(made)
    for item, now in made.inputs:
        user.observe(item, now)
        whole = user.history.whole
        for state in made.program.segments.values():
            truth = state.truth(whole, now)
            instants = (
                {now + 1, abs(truth) - 1, (now + abs(truth)) // 2} if abs(truth) < INF else {now + 1, now + 10**9}
            )
            # a copy, since asking about a later time lets go of what has left the window by then
            other = copied(user)
            for instant in sorted(instants):
                if now <= instant < abs(truth):
                    assert (state.truth(other.history.whole, instant) > 0) == (truth > 0)


@RANDOM
@given(worlds(), st.lists(st.integers(1, 2 * 3_600_000), min_size=1, max_size=4))
def test_waking_only_at_horizons_misses_no_change(made: World, gaps: list[int]) -> None:
    """A user whose every watch takes further steps, at instants that nobody asked for, decides the same."""
    lazy, eager = alone(made), alone(made)
    expected, found = [], []
    for item, now in made.inputs:
        expected += lazy.observe(item, now)
        instant = eager.clock
        for gap in gaps:
            instant += gap
            if instant < now:
                found += eager.wake(instant)
                assert eager.advance(dict.fromkeys(eager.watches, Step(instant))) == []
                eager.deadlines._check()  # noqa: SLF001  the invariants are there for tests to call
        found += eager.observe(item, now)
        eager.history.timeline._check()  # noqa: SLF001
    assert told(found + eager.wake(made.end)) == told(expected + lazy.wake(made.end))


@RANDOM
@given(worlds(), st.data())
def test_waking_late_changes_nothing(made: World, data: st.DataObject) -> None:
    late, punctual = alone(made), alone(made)
    expected, found = [], []
    for item, now in made.inputs:
        while punctual.horizon() <= now:
            expected += punctual.wake(punctual.horizon())
        expected += punctual.observe(item, now)
        if data.draw(st.booleans(), label="woken before the input"):
            found += late.wake(now)
        found += late.observe(item, now)
    while punctual.horizon() <= made.end:
        expected += punctual.wake(punctual.horizon())
    found += late.wake(made.end)
    assert told(found) == told(expected)


@RANDOM
@given(worlds(), st.data())
def test_a_restored_user_goes_on_exactly_as_the_one_that_was_saved(made: World, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(made.inputs)), label="saved after")
    user = alone(made)
    lived(user, made.inputs[:at])
    other = copied(user)
    assert other.snapshot(whole=True) == user.snapshot(whole=True)
    assert other.horizon() == user.horizon()
    assert other.pending() == user.pending()
    rest = made.inputs[at:]
    assert told(lived(other, rest) + other.wake(made.end)) == told(lived(user, rest) + user.wake(made.end))
    assert other.snapshot(whole=True) == user.snapshot(whole=True)


@RANDOM
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_users_interleave_changes_nothing(made: World, random: Random) -> None:
    names = ["k:a", "k:b", "k:c"]
    streams = {
        name: [each for number, each in enumerate(made.inputs) if number % 3 == place]
        for place, name in enumerate(names)
    }
    expected = {name: told(lived(User(name, made.program), tuple(stream))) for name, stream in streams.items()}
    users = {name: User(name, made.program) for name in names}
    found: dict[str, list[object]] = {name: [] for name in names}
    waiting = {name: list(stream) for name, stream in streams.items()}
    while any(waiting.values()):
        name = random.choice([name for name in names if waiting[name]])
        item, now = waiting[name].pop(0)
        found[name] += told(users[name].observe(item, now))
    assert found == expected
