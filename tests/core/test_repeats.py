"""How long a message is recognised."""

from engine.core.repeats import REMEMBERED, Repeats


def test_a_message_is_recognised_for_a_day_and_no_longer() -> None:
    repeats = Repeats()
    assert [repeats.is_repeated("m", at) for at in (5, 5 + REMEMBERED - 1)] == [False, True]
    assert not repeats.is_repeated("m", 5 + REMEMBERED)
    assert REMEMBERED == 24 * 60 * 60 * 1000


def test_what_has_no_id_is_never_a_repeat() -> None:
    repeats = Repeats()
    assert not any(repeats.is_repeated("", at) for at in range(3))
