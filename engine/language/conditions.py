"""Text of a condition -> typed tree: parse, then check."""

from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from lark import Token

from engine.language import tree
from engine.language.checker import Checker
from engine.language.durations import parse_duration
from engine.language.errors import TriggerErrors
from engine.language.filters import read_name, read_path
from engine.language.notes import Notes, Reference
from engine.language.parser import RawTree, parse
from engine.language.sources import Passage

RETENTION = parse_duration("90d")
"""How long history is kept unless the settings say otherwise, in milliseconds."""

_Node = TypeVar("_Node")


def read_moment(passage: Passage, retention: int, references: list[Reference]) -> tree.Moment:
    """Read what stands after `when:`; `retention`, in milliseconds, bounds its spans.

    The segments asked for are added to `references`, whatever else is wrong.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return _read(passage, retention, references, lambda checker, raw: checker.moment(raw))


def read_state(passage: Passage, retention: int, references: list[Reference], wanted_by: str) -> tree.State:
    """Read what stands after `if:` or makes up a segment; `wanted_by` is what an error calls that.

    The segments asked for are added to `references`, whatever else is wrong.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return _read(passage, retention, references, lambda checker, raw: checker.state(raw, wanted_by))


def read_goal(passage: Passage, retention: int, references: list[Reference]) -> tuple[tree.Selector, int]:
    """Read an event within a time, `order_completed within 7d`; the time in ms.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return _read(passage, retention, references, lambda checker, raw: checker.goal(raw))


def read_property(passage: Passage) -> tree.Path:
    """Read the path of a property: `cart.id`.

    Raises:
        TriggerErrors: it is none.

    """
    return read_path(parse(passage, "path"))


def parse_moment(text: str, *, retention: int = RETENTION) -> tree.Moment:
    """Read a moment: `cart_updated then no order_completed within 1h`.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return read_moment(Passage.of(text), retention, [])


def parse_state(text: str, *, retention: int = RETENTION) -> tree.State:
    """Read a state: `count(view) > 2 within 10m`.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return read_state(Passage.of(text), retention, [], "`if`")


def _read(
    passage: Passage, retention: int, references: list[Reference], check: Callable[[Checker, RawTree], _Node]
) -> _Node:
    notes = Notes(passage, retention)
    try:
        raw = parse(passage)
        references += _segments(raw, passage)
        node = check(Checker(notes), raw)
    except RecursionError:
        error = passage.error(0, "this condition is nested too deeply", "make segments of its parts")
        raise TriggerErrors([error]) from None
    if notes.errors:
        raise TriggerErrors(notes.errors)
    return node


def _segments(raw: RawTree, passage: Passage) -> Iterator[Reference]:
    """The segments asked for; on the raw tree, because of a part with an error the checker keeps nothing."""
    for part in raw.find_data("in_segment"):
        token = cast("Token", part.children[0])
        yield Reference(read_name(token), passage, token.start_pos or 0)
