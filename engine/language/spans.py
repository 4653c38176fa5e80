"""How long a trigger may still be waiting for something after the last input."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from engine.language import tree

_SPANS = ("within", "span")


def settled_after(trigger: tree.Trigger, segments: Iterable[tree.Segment], retention: int) -> int:
    """The milliseconds after which, without another input, nothing more can happen to a trigger.

    An upper bound: each wait begins at the latest when the one inside it ends, so their sum covers all.
    """
    conditions = (trigger.when, trigger.condition, *(segment.state for segment in segments))
    return sum(_total(condition, retention) for condition in conditions)


def _total(node: object, retention: int) -> int:
    """The sum of all spans in a tree; a span of None is the retention."""
    if isinstance(node, tuple):
        return sum(_total(part, retention) for part in node)
    if not is_dataclass(node):
        return 0
    total = 0
    for each in fields(node):
        value = getattr(node, each.name)
        own = each.name in _SPANS
        total += (retention if value is None else value) if own else _total(value, retention)
    return total
