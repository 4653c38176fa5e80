"""From what a condition asks of properties or traits to a function that answers it."""

from typing import assert_never

from engine.core import where
from engine.core.where import Predicate
from engine.language import tree


def predicate(test: tree.Where) -> Predicate:
    """Compile what is asked of properties or traits."""
    match test:
        case tree.Compare(path, op, value):
            return where.compare(path, op, value)
        case tree.OneOf(path, values):
            return where.one_of(path, values)
        case tree.Contains(path, value):
            return where.contains(path, value)
        case tree.Exists(path):
            return where.exists(path)
        case tree.NotWhere(part):
            return where.negation(predicate(part))
        case tree.AllWhere(parts):
            return where.conjunction([predicate(part) for part in parts])
        case tree.AnyWhere(parts):
            return where.disjunction([predicate(part) for part in parts])
        case _:
            assert_never(test)
