"""From what a condition asks of properties or traits to a function that answers it."""

from collections.abc import Iterator
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


def mentioned_in(test: tree.Where) -> Iterator[str]:
    """The properties or traits that a test looks at, by the first step of their path."""
    for path in paths_in(test):
        yield path[0]


def paths_in(test: tree.Where) -> Iterator[tree.Path]:
    """The properties or traits that a test looks at."""
    match test:
        case tree.Compare(path) | tree.OneOf(path) | tree.Contains(path) | tree.Exists(path):
            yield path
        case tree.NotWhere(part):
            yield from paths_in(part)
        case tree.AllWhere(parts) | tree.AnyWhere(parts):
            for part in parts:
                yield from paths_in(part)
        case _:
            assert_never(test)
