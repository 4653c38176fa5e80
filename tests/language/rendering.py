"""Typed tree -> text: the way back, for round trips. Every part stands in parentheses where it may."""

import json
import re

from engine.language import tree
from engine.language.durations import format_duration
from engine.language.parser import KEYWORDS

_PLAIN = re.compile(r"[a-z_][a-z_0-9]*")


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def name(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text not in KEYWORDS else quoted(text)


def literal(value: tree.Scalar) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def path(keys: tree.Path) -> str:
    return ".".join(map(name, keys))


def where(node: tree.Where, prefix: str = "") -> str:
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
            return f"not ({where(part)})"
        case tree.AllWhere(parts):
            return " and ".join(f"({where(part)})" for part in parts)
        case tree.AnyWhere(parts):
            return " or ".join(f"({where(part)})" for part in parts)


def choice(node: tree.Choice) -> str:
    event = "any" if node.name is None else name(node.name)
    return event if node.where is None else f"{event}[{where(node.where)}]"


def selector(node: tree.Selector) -> str:
    return f"({' or '.join(map(choice, node.choices))})"


def within(span: int | None) -> str:
    return "" if span is None else f" within {format_duration(span)}"


def state(node: tree.State) -> str:
    match node:
        case tree.Seen(events, span):
            return f"seen{selector(events)}{within(span)}"
        case tree.Count(events, op, value, span):
            return f"count{selector(events)} {op} {literal(value)}{within(span)}"
        case tree.Folded(fold, events, keys, op, value, span):
            return f"{fold}({selector(events)}.{path(keys)}) {op} {literal(value)}{within(span)}"
        case tree.Last(events, test, span):
            return f"{where(test, f'last{selector(events)}.')}{within(span)}"
        case tree.Profile(test):
            return where(test, "profile.")
        case tree.InSegment(segment):
            return f"in segment {quoted(segment)}"
        case tree.Not(part):
            return f"not ({state(part)})"
        case tree.And(left, right):
            return f"({state(left)}) and ({state(right)})"
        case tree.Or(left, right):
            return f"({state(left)}) or ({state(right)})"


def moment(node: tree.Moment) -> str:
    match node:
        case tree.Happens(events):
            return selector(events)
        case tree.Then(first, then, without, span):
            spared = "" if without is None else f" without {selector(without)}"
            return f"({moment(first)}) then {selector(then)}{spared}{within(span)}"
        case tree.ThenNo(first, absent, span):
            return f"({moment(first)}) then no {selector(absent)}{within(span)}"
        case tree.For(held, span):
            return f"({state(held)}) for {format_duration(span)}"
        case tree.On(held, events):
            return f"({state(held)}) on {selector(events)}"
        case tree.Becomes(held):
            return state(held)
        case tree.Either(left, right):
            return f"({moment(left)}) or ({moment(right)})"
        case tree.While(inner, held):
            return f"({moment(inner)}) and ({state(held)})"
