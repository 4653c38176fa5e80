"""Writes the reference's values as the text of a trigger file, with as few parentheses as the binding rules allow."""

import json
from functools import partial

from tests.reference.terms import (
    And,
    Becomes,
    BothWhere,
    Choice,
    Compare,
    Contains,
    Count,
    Either,
    EitherWhere,
    Exists,
    Fold,
    For,
    Happens,
    InSegment,
    Last,
    Literal,
    Moment,
    Not,
    NotWhere,
    On,
    OneOf,
    Or,
    Profile,
    Rules,
    Seen,
    Selector,
    Span,
    State,
    Then,
    ThenNo,
    Trigger,
    Where,
    While,
)

OR, AND, CHAIN, NOT, ATOM = range(5)
"""How tightly a form binds, loosest first."""

UNITS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def span(ms: int) -> str:
    text = ""
    for unit, size in UNITS:
        if ms >= size:
            text += f"{ms // size}{unit}"
            ms %= size
    return text


def literal(value: Literal) -> str:
    return span(value.ms) if isinstance(value, Span) else json.dumps(value)


def name_of(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def bound(text: str, level: int, wanted: int) -> str:
    return text if level >= wanted else f"({text})"


def within(ms: int | None) -> str:
    return "" if ms is None else f" within {span(ms)}"


# Filters


def where_level(where: Where) -> int:
    return {EitherWhere: OR, BothWhere: AND, NotWhere: NOT}.get(type(where), ATOM)


def where_text(where: Where, wanted: int = OR, prefix: str = "") -> str:
    """Write a filter; `prefix` stands before each path (`profile.` or `last(E).`)."""
    below = partial(where_text, prefix=prefix)
    match where:
        case Compare(path, op, value):
            return f"{prefix}{'.'.join(path)} {op} {literal(value)}"
        case OneOf(path, values):
            return f"{prefix}{'.'.join(path)} in [{', '.join(map(literal, values))}]"
        case Contains(path, value):
            return f"{prefix}{'.'.join(path)} contains {literal(value)}"
        case Exists(path):
            return f"exists({prefix}{'.'.join(path)})"
        case NotWhere(part):
            text = f"not {below(part, ATOM)}"
        case BothWhere(left, right):
            text = f"{below(left, AND)} and {below(right, NOT)}"
        case EitherWhere(left, right):
            text = f"{below(left, OR)} or {below(right, AND)}"
    return bound(text, where_level(where), wanted)


# Selectors


def choice_text(choice: Choice) -> str:
    name = "any" if choice.name is None else name_of(choice.name)
    return name if choice.where is None else f"{name}[{where_text(choice.where)}]"


def inner_text(selector: Selector) -> str:
    """Write a selector where parentheses stand already."""
    return " or ".join(map(choice_text, selector))


def selector_text(selector: Selector) -> str:
    return inner_text(selector) if len(selector) == 1 else f"({inner_text(selector)})"


# States and moments


def level_of(term: State | Moment) -> int:
    match term:
        case Becomes(state):
            return level_of(state)
        case Or() | Either():
            return OR
        case And() | While():
            return AND
        case Then() | ThenNo() | For() | On():
            return CHAIN
        case Not():
            return NOT
        case _:
            return ATOM


def text(term: State | Moment, wanted: int = OR) -> str:
    """Write a condition so that it binds at least as tightly as wanted."""
    if isinstance(term, Becomes):
        return text(term.state, wanted)
    return bound(plain(term), level_of(term), wanted)


def plain(term: State | Moment) -> str:
    match term:
        case Or(left, right) | Either(left, right):
            return f"{text(left, OR)} or {text(right, AND)}"
        case And(left, right) | While(left, right):
            return f"{text(left, AND)} and {text(right, CHAIN)}"
        case Not(part):
            return f"not {text(part, ATOM)}"
        case Happens(selector):
            return selector_text(selector)
        case Then(first, then, without, ms):
            spoiler = "" if without is None else f" without {selector_text(without)}"
            return f"{text(first, CHAIN)} then {selector_text(then)}{spoiler}{within(ms)}"
        case ThenNo(first, absent, ms):
            return f"{text(first, CHAIN)} then no {selector_text(absent)} within {span(ms)}"
        case For(state, ms):
            return f"{text(state, NOT)} for {span(ms)}"
        case On(state, selector):
            return f"{text(state, NOT)} on {selector_text(selector)}"
    return atom_text(term)


def atom_text(term: State | Moment) -> str:
    match term:
        case Seen(selector, ms):
            return f"seen({inner_text(selector)}){within(ms)}"
        case Count(selector, op, value, ms):
            return f"count({inner_text(selector)}) {op} {literal(value)}{within(ms)}"
        case Fold(kind, selector, path, op, value, ms):
            prop = ".".join((selector_text(selector), *path))
            return f"{kind}({prop}) {op} {literal(value)}{within(ms)}"
        case Last(selector, test, ms):
            return f"{where_text(test, prefix=f'last({inner_text(selector)}).')}{within(ms)}"
        case Profile(test):
            return (
                f"({where_text(test, prefix='profile.')})"
                if where_level(test) < ATOM
                else where_text(test, prefix="profile.")
            )
        case InSegment(name):
            return f"in segment {json.dumps(name)}"
    raise AssertionError(term)


# Files


def trigger_text(trigger: Trigger) -> str:
    keys: dict[str, str] = {"when": json.dumps(text(trigger.when))}
    if trigger.per is not None:
        keys["per"] = ".".join(trigger.per)
    if trigger.condition is not None:
        keys["if"] = json.dumps(text(trigger.condition))
    if trigger.cooldown is not None:
        keys["cooldown"] = span(trigger.cooldown)
    if trigger.priority:
        keys["priority"] = str(trigger.priority)
    return f"  {trigger.name}:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())


def rules_text(rules: Rules) -> str:
    """Write a whole trigger file, as YAML."""
    segments = "".join(f"  {name}: {json.dumps(text(state))}\n" for name, state in rules.segments.items())
    triggers = "".join(map(trigger_text, rules.triggers))
    return (f"segments:\n{segments}" if segments else "") + f"triggers:\n{triggers}"
