from engine.runtime.clock import CONFIRMATION, LEAP, SteadyClock


class Hands:
    """A wall clock and a monotonic one that the test sets."""

    def __init__(self) -> None:
        self.wall = 1_000_000
        self.monotonic = 0

    def pass_(self, millis: int) -> None:
        self.wall += millis
        self.monotonic += millis

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.monotonic)


def test_time_passes_as_the_clocks_do() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_(250)
    assert clock() == 1_000_250


def test_a_clock_set_back_does_not_take_time_back_and_is_met_at_half_speed() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall -= 10_000
    assert clock() == 1_000_000
    hands.pass_(20_000)
    assert clock() == 1_010_000
    hands.pass_(20_000)
    assert clock() == hands.wall


def test_a_small_step_ahead_is_followed_at_once() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += LEAP
    assert clock() == hands.wall
    assert not clock.suspicious


def test_a_leap_ahead_is_believed_only_when_it_has_lasted() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += 10 * LEAP
    assert clock() == 1_000_000
    assert clock.suspicious
    hands.pass_(CONFIRMATION - 1)
    assert clock() == 1_000_000 + CONFIRMATION - 1
    hands.pass_(1)
    assert clock() == hands.wall
    assert not clock.suspicious


def test_a_leap_that_is_taken_back_is_forgotten() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += 10 * LEAP
    clock()
    hands.wall -= 10 * LEAP
    hands.pass_(1_000)
    assert clock() == hands.wall
    assert not clock.suspicious
