import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.durations import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("250ms", 250),
        ("30s", 30_000),
        ("10m", 600_000),
        ("24h", 86_400_000),
        ("2d", 172_800_000),
        ("1w", 604_800_000),
        ("1h30m", 5_400_000),
        ("1.5h", 5_400_000),
        ("0s", 0),
    ],
)
def test_units_are_what_they_say(text: str, span: int) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "5", "h", "5x", "-3s", "1h 30m", "0.5ms", "1" * 50 + "s", "1.h", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


@given(st.integers(0, 10**12))
def test_a_written_duration_reads_back_as_itself(span: int) -> None:
    assert parse_duration(format_duration(span)) == span


def test_the_past_has_a_minus() -> None:
    assert format_duration(-90_000) == "-1m30s"
