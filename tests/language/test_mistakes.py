"""Mistakes in a condition: where the caret stands, and what to write instead."""

import pytest

from engine.language.conditions import RETENTION, parse_moment, parse_state
from engine.language.errors import TriggerErrors

STARTS_OVER = "the units are `ms`, `s`, `m`, `h`, `d` and `w`"

# text, with the caret's place marked by ^ before the spot; a piece of the message; a piece of the hint
MOMENTS = [
    ("not ^add", "`add` is a moment; `not` takes a state", "did you mean `not seen(add)`?"),
    ("not ^(add or view)", "`add or view` is a moment", "`not seen(add or view)`"),
    ("not ^(a then b)", "`a then b` is a moment; `not` takes a state", "a state is `seen(…)`"),
    (
        "view and ^add",
        "two moments cannot coincide: `view` and `add`",
        "did you mean `seen(view) within … and add`, or `view then add`?",
    ),
    ("(a then b) and ^c", "two moments cannot coincide", "a moment goes together with a state"),
    ("^view within 1h", "`view` takes no `within`", "did you mean `seen(view) within 1h`?"),
    ("^in segment x within 1h", "takes no `within`", "`within` follows `seen(…)`"),
    ("(^a then b within 1h) within 2h", "has a `within` already", "leave one of the two away"),
    ("a then no ^b", "`then no b` has no `within`", "`then no b within 1h`"),
    ("a then ^not b", "`not b` is a negation; `then` takes an event", "did you mean `then no b within …`?"),
    ("a then ^seen(b)", "`seen(b)` is a state; `then` takes an event", "did you mean `b`?"),
    ("a then ^(b then c)", "`(b then c)` is more than one event", "an event is `view`"),
    ("a then b without ^seen(c)", "`without` takes an event", "did you mean `c`?"),
    ("a then no ^in segment x within 1h", "`then no` takes an event", "an event is `view`"),
    ("seen(a) on ^seen(b)", "`on` takes an event", "did you mean `b`?"),
    ("^a on b", "`a` is a moment; `on` takes a state", "did you mean `seen(a)`?"),
    ("^a for 3d", "`a` is a moment; `for` takes a state", "did you mean `seen(a)`?"),
    ("seen(^a then b)", "`a then b` is more than one event; `seen` takes an event", "an event is"),
    ("seen(^view within 1h)", "`view` takes no `within`", "did you mean `seen(view) within 1h`?"),
    ("^(a or b)[x > 2]", "what stands in brackets belongs to one event", "give each event its own"),
    ('count(a) > ^"x"', '`"x"` is not a number', "compare with a number"),
    ("seen(a) within ^0s", "a duration of zero", "write a longer one"),
    ("inactive for ^0ms", "a duration of zero", "write a longer one"),
    ("seen(a) for ^91d", "`91d` is longer than history is kept", "at most 90d"),
    ("a then b within ^12w7d", "longer than history is kept", "at most 90d"),
    ("seen(a) within ^5", "`5` has no unit", "write `5s`, `5m`, `5h` or `5d`"),
    ("seen(a) within ^5x", "`x` is not a unit of time", STARTS_OVER),
    ("seen(a) within ^-5m", "`-5m` is not a duration", "a duration looks like"),
    ("seen(a) within ^0.5ms", "not a whole number of milliseconds", "a smaller unit"),
    ("view[t > ^5x]", "`x` is not a unit of time", STARTS_OVER),
    ("view[t > ^1e999]", "this number is too large", "below 1e308"),
    ("seen(view) within 5 ^m", "`m` cannot stand here", "number and unit stand together: `5m`"),
    ("view ^thn no buy within 1h", "`thn` cannot stand here", "did you mean `then`?"),
    ("a ^AND seen(b)", "`AND` cannot stand here", "did you mean `and`?"),
    ("in ^segmnt x", "`segmnt` cannot stand here", "did you mean `segment`?"),
    ("sen^(view)", "`(` cannot stand here", "did you mean `seen(`?"),
    ("Order ^Completed", "`Completed` cannot stand here", 'quoted: `"Order Completed"`'),
    ("cart^.updated", "`.` cannot stand here", 'quoted: `"cart.updated"`'),
    ("a or ^then", "`then` cannot stand here", 'as a name it is quoted: `"then"`'),
    ("a then b within 1h ^without c", "`without` cannot stand here", "stands before `within`"),
    ("seen(a) within 1h ^within 2h", "`within` cannot stand here", "once"),
    ("price ^> 3", "`>` cannot stand here", "`view[price > 20]`"),
    ("view[price ^= 3]", "`=` is not in the language", "to compare, write `==`"),
    ("a ^&& b", "`&` is not in the language", "write `and`"),
    ("a ^|| b", "`|` is not in the language", "write `or`"),
    ("^!seen(a)", "`!` is not in the language", "write `not`"),
    ('view[a == ^"x]', '`"` is not in the language', "missing its partner"),
    ("^“view”", "`“` is not in the language", "straight quotation marks"),
    ("view^{price > 3}", "`{` is not in the language", "stand in brackets"),
    ("view[price^]", "`]` cannot stand here", "a comparison, such as `> 20`"),
    ("view[price >^]", "`]` cannot stand here", "here stands a value: a number, a text"),
    ("view[cat == ^shoes]", "`shoes` cannot stand here", "a text in quotation marks"),
    ("view[cat in ^(3)]", "`(` cannot stand here", "a list in brackets"),
    ("seen(view^", "the condition ends too early", "a `)` is missing"),
    ("a and^", "the condition ends too early", "an event or a condition"),
    ("a then b within^", "the condition ends too early", "a duration, such as `30m`"),
    ("inactive^", "the condition ends too early", "`inactive for 30d`"),
    ("^", "there is no condition here", "write one"),
]

STATES = [
    ("^view", "`view` is a moment; `if` takes a state", "did you mean `seen(view)`?"),
    ("^(a then no b within 1h)", "is a moment; `if` takes a state", "a state is `seen(…)`"),
    ("^inactive for 3d", "is a moment; `if` takes a state", "a state is `seen(…)`"),
]


def _only(errors: TriggerErrors, marked: str) -> tuple[str, str]:
    (error,) = errors.errors
    assert (error.line, error.column) == (1, marked.index("^") + 1)
    caret = error.excerpt.split("\n")[1]
    assert caret.index("^") == error.excerpt.split("\n")[0].index("|") + 2 + marked.index("^")
    return error.message, error.hint


@pytest.mark.parametrize(("marked", "message", "hint"), MOMENTS)
def test_a_mistake_in_a_moment_is_shown_with_a_way_out(marked: str, message: str, hint: str) -> None:
    with pytest.raises(TriggerErrors) as caught:
        parse_moment(marked.replace("^", "", 1))
    said, advised = _only(caught.value, marked)
    assert message in said
    assert hint in advised


@pytest.mark.parametrize(("marked", "message", "hint"), STATES)
def test_a_mistake_in_a_state_is_shown_with_a_way_out(marked: str, message: str, hint: str) -> None:
    with pytest.raises(TriggerErrors) as caught:
        parse_state(marked.replace("^", "", 1))
    said, advised = _only(caught.value, marked)
    assert message in said
    assert hint in advised


def test_all_mistakes_of_a_condition_are_found_at_once() -> None:
    with pytest.raises(TriggerErrors) as caught:
        parse_moment("seen(view) within 0s and seen(b) within 100d and not c")
    assert [error.column for error in caught.value.errors] == [19, 41, 54]


def test_a_part_with_a_mistake_inside_is_not_blamed_for_it_again() -> None:
    with pytest.raises(TriggerErrors) as caught:
        parse_moment("not (view and add)")
    assert [error.message for error in caught.value.errors] == ["two moments cannot coincide: `view` and `add`"]


def test_a_span_may_be_as_long_as_the_retention_and_no_longer() -> None:
    parse_moment("inactive for 2d", retention=2 * 86_400_000)
    with pytest.raises(TriggerErrors, match="write at most 1d23h59m59s999ms"):
        parse_moment("inactive for 2d", retention=2 * 86_400_000 - 1)


def test_a_window_of_the_whole_retention_is_allowed() -> None:
    assert parse_state("seen(a) within 90d").within == RETENTION  # type: ignore[union-attr]


def test_parentheses_without_end_are_an_error_and_no_crash() -> None:
    with pytest.raises(TriggerErrors, match="nested too deeply"):
        parse_moment("(" * 5_000 + "a" + ")" * 5_000)


def test_an_error_shows_its_line_with_a_caret_and_a_way_out() -> None:
    with pytest.raises(TriggerErrors) as caught:
        parse_moment("seen(a)\n\tand not b")
    assert str(caught.value) == (
        "text:2:10: `b` is a moment; `not` takes a state\n"
        "    2 | \tand not b\n"
        "      | \t        ^\n"
        "      did you mean `not seen(b)`?"
    )
