"""What was probably meant: one rule for all that takes names, blind to capitals on both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.errors import closest, did_you_mean, meant

NAMES = ("Cart Abandoned", "Europe/Berlin", "vip", "Österreich")


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("cart abandoned", "Cart Abandoned"),
        ("CART ABANDONED", "Cart Abandoned"),
        ("Cart Abandonned", "Cart Abandoned"),
        ("europe/berln", "Europe/Berlin"),
        ("VIP", "vip"),
        ("Vpi", "vip"),
        ("ÖSTERREICH", "Österreich"),
    ],
)
def test_a_name_is_found_whatever_its_capitals(word: str, known: str) -> None:
    assert closest(word, NAMES) == known
    assert did_you_mean(word, NAMES, "something else") == f"did you mean `{known}`?"
    assert meant(word, NAMES) == f"; did you mean `{known}`?"


def test_where_nothing_is_close_something_else_is_said_or_nothing() -> None:
    assert closest("quantum", NAMES) is None
    assert did_you_mean("quantum", NAMES, "there is `vip`") == "there is `vip`"
    assert meant("quantum", NAMES) == ""
    assert meant("vip", ()) == ""


@given(st.sets(st.text("abAB", min_size=1, max_size=6), min_size=1), st.data())
def test_a_known_name_in_other_capitals_leads_to_one_that_differs_in_nothing_else(
    names: set[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(names)))
    found = closest(name.swapcase(), names)
    assert found in names
    assert found is not None
    assert found.lower() == name.lower()
