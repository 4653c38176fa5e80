"""Typed tree -> text: a condition as a shop would write it, with as few parentheses as the binding rules allow."""

import json
import re
from functools import partial
from typing import assert_never

from engine.language import tree
from engine.language.durations import format_duration
from engine.language.parser import KEYWORDS

_OR, _AND, _CHAIN, _NOT, _ATOM = range(5)
"""How tightly a form binds, loosest first."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")

ANY = tree.Selector((tree.Choice(None),))
"""`any`."""


def condition(node: tree.State | tree.Moment) -> str:
    """Write a condition."""
    return _bound(node, _OR)


def selector(node: tree.Selector) -> str:
    """Write a selector, in parentheses where it is a choice."""
    return _choices(node) if len(node.choices) == 1 else f"({_choices(node)})"


def filter_of(node: tree.Where, prefix: str = "") -> str:
    """Write what is asked of properties; `prefix` stands before each path."""
    return _where(node, _OR, prefix)


def path(keys: tree.Path) -> str:
    """Write the path of a property."""
    return ".".join(map(_name, keys))


def literal(value: object) -> str:
    """Write a value; what the language has no form for is written as JSON."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return json.dumps(value, ensure_ascii=False, default=str)


def _name(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text not in KEYWORDS else literal(text)


def _choices(node: tree.Selector) -> str:
    return " or ".join(map(_choice, node.choices))


def _choice(node: tree.Choice) -> str:
    event = "any" if node.name is None else _name(node.name)
    return event if node.where is None else f"{event}[{filter_of(node.where)}]"


def _within(span: int | None) -> str:
    return "" if span is None else f" within {format_duration(span)}"


def _where(node: tree.Where, wanted: int, prefix: str) -> str:
    below = partial(_where, prefix=prefix)
    match node:
        case tree.Compare(keys, op, value):
            return f"{prefix}{path(keys)} {op} {literal(value)}"
        case tree.OneOf(keys, values):
            return f"{prefix}{path(keys)} in [{', '.join(map(literal, values))}]"
        case tree.Contains(keys, value):
            return f"{prefix}{path(keys)} contains {literal(value)}"
        case tree.Exists(keys):
            return f"exists({prefix}{path(keys)})"
        case tree.NotWhere(part):
            return _in_parentheses(f"not {below(part, _ATOM)}", _NOT, wanted)
        case tree.AllWhere(parts):
            return _in_parentheses(" and ".join(below(part, _NOT) for part in parts), _AND, wanted)
        case tree.AnyWhere(parts):
            return _in_parentheses(" or ".join(below(part, _AND) for part in parts), _OR, wanted)
        case _:
            assert_never(node)


def _bound(node: tree.State | tree.Moment, wanted: int) -> str:
    """Write a condition so that it binds at least as tightly as wanted."""
    if isinstance(node, tree.Becomes):
        return _bound(node.state, wanted)
    return _in_parentheses(_written(node), _level(node), wanted)


def _in_parentheses(text: str, level: int, wanted: int) -> str:
    return text if level >= wanted else f"({text})"


def _level(node: tree.State | tree.Moment) -> int:
    match node:
        case tree.Or() | tree.Either():
            return _OR
        case tree.And() | tree.While():
            return _AND
        case tree.Then() | tree.ThenNo() | tree.For() | tree.On():
            return _CHAIN
        case tree.Not():
            return _NOT
        case tree.Last(_, test) | tree.Profile(test):
            return {tree.NotWhere: _NOT, tree.AllWhere: _AND, tree.AnyWhere: _OR}.get(type(test), _ATOM)
        case _:
            return _ATOM


def _written(node: tree.State | tree.Moment) -> str:
    match node:
        case tree.Or(left, right) | tree.Either(left, right):
            return f"{_bound(left, _OR)} or {_bound(right, _AND)}"
        case tree.And(left, right) | tree.While(left, right):
            return f"{_bound(left, _AND)} and {_bound(right, _CHAIN)}"
        case tree.Not(part):
            return f"not {_bound(part, _ATOM)}"
        case tree.ThenNo(tree.Happens(first), absent, span) if first == absent == ANY:
            return f"inactive for {format_duration(span)}"
        case tree.ThenNo(first, absent, span):
            return f"{_bound(first, _CHAIN)} then no {selector(absent)}{_within(span)}"
        case tree.Then(first, then, without, span):
            spared = "" if without is None else f" without {selector(without)}"
            return f"{_bound(first, _CHAIN)} then {selector(then)}{spared}{_within(span)}"
        case tree.For(held, span):
            return f"{_bound(held, _NOT)} for {format_duration(span)}"
        case tree.On(held, events):
            return f"{_bound(held, _NOT)} on {selector(events)}"
        case _:
            return _atom(node)


def _atom(
    node: tree.Happens
    | tree.Becomes
    | tree.Seen
    | tree.Count
    | tree.Folded
    | tree.Last
    | tree.Profile
    | tree.InSegment,
) -> str:
    match node:
        case tree.Happens(events):
            return selector(events)
        case tree.Becomes(held):
            return _written(held)
        case tree.Seen(events, span):
            return f"seen({_choices(events)}){_within(span)}"
        case tree.Count(events, op, value, span):
            return f"count({_choices(events)}) {op} {literal(value)}{_within(span)}"
        case tree.Folded(fold, events, keys, op, value, span):
            return f"{fold}({selector(events)}.{path(keys)}) {op} {literal(value)}{_within(span)}"
        case tree.Last(events, asked, span):
            return f"{filter_of(asked, f'last({_choices(events)}).')}{_within(span)}"
        case tree.Profile(asked):
            return filter_of(asked, "profile.")
        case tree.InSegment(name):
            return f"in segment {literal(name)}"
        case _:
            assert_never(node)
