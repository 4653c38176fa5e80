"""What stands inside `[...]`, and after `profile.` and `last(E).`: what is asked of properties and traits."""

import math
from collections.abc import Callable
from typing import cast

from lark import Token

from engine.language import tree
from engine.language.durations import DurationError, parse_duration
from engine.language.parser import RawTree

_LONGEST_NUMBER = 40

Report = Callable[[Token, str, str], None]
"""Takes note of an error at a token: message and hint."""


def read_name(token: Token) -> str:
    """A name without its quotation marks; in them, a backslash takes the next character as it is."""
    if token.type != "STRING":
        return str(token)
    letters = iter(token[1:-1])
    return "".join(next(letters) if letter == "\\" else letter for letter in letters)


def read_path(raw: RawTree) -> tree.Path:
    """`cart.total`."""
    return tuple(read_name(token) for token in _tokens(raw))


def read_literal(raw: RawTree, report: Report) -> tree.Scalar:
    """A number, text or boolean; a duration is a number of seconds."""
    (token,) = _tokens(raw)
    if token.type == "STRING":
        return read_name(token)
    if token.type in ("TRUE", "FALSE"):
        return token.type == "TRUE"
    return _seconds(token, report) if token.type == "DURATION" else _number(token, report)


def read_where(raw: RawTree, report: Report) -> tree.Where:
    """The condition inside `[...]`."""
    match raw.data:
        case "all_where":
            return tree.AllWhere(tuple(read_where(part, report) for part in _parts(raw)))
        case "any_where":
            return tree.AnyWhere(tuple(read_where(part, report) for part in _parts(raw)))
        case "not_where":
            return tree.NotWhere(read_where(_parts(raw)[0], report))
        case "exists":
            return tree.Exists(read_path(_parts(raw)[0]))
        case _:
            path, test = _parts(raw)
            return read_test(read_path(path), test, report)


def read_test(path: tree.Path, raw: RawTree, report: Report) -> tree.Where:
    """What follows a path: `> 20`, `in ["a", "b"]`, `contains "x"`."""
    if raw.data == "compare":
        return tree.Compare(path, read_comparison(raw), read_literal(_parts(raw)[-1], report))
    values = [read_literal(part, report) for part in _parts(raw)]
    return tree.Contains(path, values[0]) if raw.data == "contains" else tree.OneOf(path, tuple(values))


def read_comparison(raw: RawTree) -> tree.Comparison:
    """The operator among the children of `raw`."""
    return cast("tree.Comparison", str(next(token for token in _tokens(raw) if token.type == "OP")))


def _number(token: Token, report: Report) -> int | float:
    if len(token) > _LONGEST_NUMBER or math.isinf(float(token)):
        report(
            token,
            "this number is too large",
            f"write one of at most {_LONGEST_NUMBER} characters, below 1e308",
        )
        return 1
    return int(token) if token.lstrip("-").isdecimal() else float(token)


def _seconds(token: Token, report: Report) -> int | float:
    try:
        span = parse_duration(token.removeprefix("-")) * (-1 if token.startswith("-") else 1)
    except DurationError as error:
        report(token, str(error), error.hint)
        return 1
    return span // 1000 if span % 1000 == 0 else span / 1000


def _parts(raw: RawTree) -> list[RawTree]:
    return [child for child in raw.children if not isinstance(child, Token) and child is not None]


def _tokens(raw: RawTree) -> list[Token]:
    return [child for child in raw.children if isinstance(child, Token)]
