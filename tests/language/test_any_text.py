"""Whatever is written, the answer is a tree or errors that say where: never a crash."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from engine.language.conditions import parse_moment
from engine.language.errors import TriggerError, TriggerErrors
from engine.language.files import load
from engine.language.parser import KEYWORDS

PIECES = [
    *sorted(KEYWORDS),
    *("view", "b", '"c d"', "(", ")", "[", "]", ".", ",", ">", "==", "1", "-2.5", "1h", "0s", "5x", "=", "'"),
]
YAML_PIECES = [
    *("triggers:", "segments:", "tests:", "given:", "expect:", "when:", "if:", "per:", "send:", "x:", "at:", "event:"),
    *(
        " ",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "|",
        ">",
        '"',
        "'",
        "&a",
        "*a",
        "!t",
        "#",
        "<<:",
        "?",
    ),
    *("view", "not view", "list", "1h", "0s a", "5", "true", "null", "~", ".nan", "0x1f", "2024-01-01", "\t", "\\"),
]


def _errors(text: str) -> tuple[TriggerError, ...]:
    try:
        parse_moment(text)
    except TriggerErrors as errors:
        return errors.errors
    return ()


def _is_told(error: TriggerError) -> bool:
    return error.line >= 1 and error.column >= 1 and bool(error.message) and "^" in str(error)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_a_condition_or_an_error_with_a_place(text: str) -> None:
    assert all(map(_is_told, _errors(text)))


@given(st.lists(st.sampled_from(YAML_PIECES), max_size=25).map("".join) | st.text(max_size=30))
def test_any_text_is_a_trigger_file_or_errors(text: str) -> None:
    with contextlib.suppress(TriggerErrors):
        load({"x.yaml": text})


@given(st.lists(st.sampled_from(YAML_PIECES), max_size=12).map("".join))
def test_any_text_below_a_trigger_is_read_or_an_error(text: str) -> None:
    with contextlib.suppress(TriggerErrors):
        load({"x.yaml": f"triggers:\n  x:\n    when: view\n    {text}"})
