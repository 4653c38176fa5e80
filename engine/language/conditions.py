"""Text of a condition -> typed tree: parse, then check."""

from collections.abc import Callable
from typing import TypeVar

from engine.language import tree
from engine.language.checker import Checker
from engine.language.durations import parse_duration
from engine.language.errors import TriggerErrors
from engine.language.filters import read_path
from engine.language.notes import Notes, Reference
from engine.language.parser import RawTree, parse
from engine.language.sources import Passage

RETENTION = parse_duration("90d")
"""How long history is kept unless the settings say otherwise, in milliseconds."""

_Node = TypeVar("_Node")


def read_moment(passage: Passage, retention: int) -> tuple[tree.Moment, list[Reference]]:
    """Read what stands after `when:`; `retention`, in milliseconds, bounds its spans.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return _read(passage, retention, lambda checker, raw: checker.moment(raw))


def read_state(passage: Passage, retention: int, wanted_by: str) -> tuple[tree.State, list[Reference]]:
    """Read what stands after `if:` or makes up a segment; `wanted_by` is what an error calls that.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return _read(passage, retention, lambda checker, raw: checker.state(raw, wanted_by))


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
    return read_moment(Passage.of(text), retention)[0]


def parse_state(text: str, *, retention: int = RETENTION) -> tree.State:
    """Read a state: `count(view) > 2 within 10m`.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    return read_state(Passage.of(text), retention, "`if`")[0]


def _read(
    passage: Passage, retention: int, check: Callable[[Checker, RawTree], _Node]
) -> tuple[_Node, list[Reference]]:
    notes = Notes(passage, retention)
    try:
        node = check(Checker(notes), parse(passage))
    except RecursionError:
        error = passage.error(0, "this condition is nested too deeply", "make segments of its parts")
        raise TriggerErrors([error]) from None
    if notes.errors:
        raise TriggerErrors(notes.errors)
    return node, notes.references
