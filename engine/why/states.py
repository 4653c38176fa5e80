"""States, explained: whether they hold, with the values that they look at."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import reduce
from math import ceil, floor
from typing import Any, assert_never

from engine.core.events import INF
from engine.core.series import EXACT, number
from engine.core.where import Properties, follow, kind, scalar_key
from engine.language import tree
from engine.language.predicates import paths_in
from engine.language.writing import condition, filter_of, literal, path, selector
from engine.why.parts import Part, iso, named, several, span
from engine.why.view import View

_VOWELS = frozenset("aeiou")

_EXACT_FLOATS = 1 << 53
"""Below this a float can tell every whole number."""


def explain_state(state: tree.State, view: View) -> Part:
    """Explain a state as it stands."""
    match state:
        case tree.Seen():
            return _seen(state, view)
        case tree.Count():
            return _count(state, view)
        case tree.Folded():
            return _folded(state, view)
        case tree.Last():
            return _last(state, view)
        case tree.Profile(asked):
            traits = view.past.subject.profile
            said, values = _told(asked, traits, "profile.", "is", "not set")
            return _part(state, view, "profile", said=said, needs=f"`{condition(state)}`", values=values)
        case tree.InSegment():
            return _segment(state, view)
        case tree.Not():
            return _not(state, view)
        case tree.And():
            return _part(state, view, "and", parts=[explain_state(each, view) for each in _flat(state, tree.And)])
        case tree.Or():
            return _part(state, view, "or", parts=[explain_state(each, view) for each in _flat(state, tree.Or)])
        case _:
            assert_never(state)


def _part(state: tree.State, view: View, sort: str, *, needs: str = "", **more: Any) -> Part:
    """What is told of a state; it needs nothing where it holds."""
    holds = view.holds(state)
    return Part(condition(state), sort, holds=holds, needs="" if holds else needs, **more)


def _flat(state: tree.State, sort: type[tree.And | tree.Or]) -> Iterator[tree.State]:
    """The parts of a conjunction or disjunction, however many."""
    if isinstance(state, tree.And | tree.Or) and isinstance(state, sort):
        yield from _flat(state.left, sort)
        yield from _flat(state.right, sort)
    else:
        yield state


def _seen(state: tree.Seen, view: View) -> Part:
    found = view.events(state.selector)
    values: dict[str, Any] = {"seen": len(view.window(state.selector, state.within))}
    if not found:
        return _part(
            state, view, "seen", said=missing(state.selector, view), needs=one_of(state.selector), values=values
        )
    last, length = found[-1], view.span(state.within)
    leaves = last.ts + length
    where = f"in the window until {iso(leaves)}" if leaves > view.t else f"longer than {span(length)} ago"
    return _part(
        state,
        view,
        "seen",
        said=f"last {named(last)}, {where}",
        needs=one_of(state.selector),
        values=values | {"last": view.past.subject.told(last), "leaves": leaves},
    )


def _count(state: tree.Count, view: View) -> Part:
    found = view.window(state.selector, state.within)
    length, lacking = view.span(state.within), _least(state) - len(found)
    values: dict[str, Any] = {"count": len(found), "wanted": state.value}
    said = f"the count is {len(found)}, `{state.op} {literal(state.value)}` is wanted"
    if found:
        leaves = found[0].ts + length
        values["leaves"] = leaves
        said += f"; the first is {named(found[0])}, which leaves the window at {iso(leaves)}"
    elif view.events(state.selector):
        said += f"; the last, {named(view.events(state.selector)[-1])}, is longer than {span(length)} ago"
    needs = (
        f"{lacking} more {one_of(state.selector, article=False)}"
        if lacking > 0
        else "fewer, as the first leave the window"
    )
    return _part(state, view, "count", said=said, needs=needs, values=values)


def _least(state: tree.Count) -> int:
    """How many are wanted at least; 0 where none need be."""
    least = {">=": ceil(state.value), "==": ceil(state.value), ">": floor(state.value) + 1}
    return least.get(state.op, 0)


def _folded(state: tree.Folded, view: View) -> Part:
    subject = view.past.subject
    found = view.window(state.selector, state.within)
    values = [follow(subject.properties(record), state.path) for record in found]
    amount, counted = fold(state.fold, values)
    wanted = f"`{state.op} {literal(state.value)}` is wanted"
    over = several(counted, "different value" if state.fold == "distinct" else "value")
    said = (
        f"the {state.fold} is {_plain(amount)}, over {over}, {wanted}"
        if amount is not None
        else f"there is no value of `{path(state.path)}`, {wanted}"
    )
    told: dict[str, Any] = {state.fold: None if amount is None else _number(amount), "wanted": state.value}
    if found:
        told["leaves"] = found[0].ts + view.span(state.within)
    needs = f"{one_of(state.selector)} with `{path(state.path)}`"
    if state.fold == "sum" and amount is not None and state.op in (">", ">="):
        more = Decimal(repr(state.value)) - amount
        needs = (
            f"{'' if state.op == '>=' else 'more than '}{_plain(more)} more, by {one_of(state.selector, article=False)}"
        )
    return _part(state, view, state.fold, said=said, needs=needs, values=told)


def fold(sort: tree.Fold, values: Sequence[Any]) -> tuple[Decimal | None, int]:
    """What the values come to, and how many count; None where they come to nothing."""
    if sort == "distinct":
        different = {scalar_key(value) for value in values if kind(value) is not None}
        return Decimal(len(different)), len(different)
    numbers = [exact for value in values if (exact := number(value)) is not None]
    if sort == "sum":
        return _sum(numbers), len(numbers)
    if not numbers:
        return None, 0
    reckon: dict[str, Callable[[list[Decimal]], Decimal]] = {
        "avg": lambda each: _sum(each) / len(each),
        "min": min,
        "max": max,
    }
    return reckon[sort](numbers), len(numbers)


def _sum(numbers: Sequence[Decimal]) -> Decimal:
    return reduce(EXACT.add, numbers, Decimal(0))


def _last(state: tree.Last, view: View) -> Part:
    subject, needs = view.past.subject, f"{one_of(state.selector)} with {filter_of(state.test)}"
    found = view.window(state.selector, state.within)
    if not found:
        older = view.events(state.selector)
        length = span(view.span(state.within))
        said = f"last {named(older[-1])}, longer than {length} ago" if older else missing(state.selector, view)
        return _part(state, view, "last", said=said, needs=needs)
    last = found[-1]
    said, values = _told(state.test, subject.properties(last), "", "was", "missing")
    values |= {"last": subject.told(last), "leaves": last.ts + view.span(state.within)}
    return _part(state, view, "last", said=f"{said}, in {named(last)}", needs=needs, values=values)


def _segment(state: tree.InSegment, view: View) -> Part:
    definition = view.definitions[state.name]
    if definition is None:
        said = "on the list" if state.name in view.past.subject.lists else "not on the list"
        return _part(state, view, "segment", said=said, needs="to be put on the list")
    below = explain_state(definition, view.whole())
    return _part(state, view, "segment", parts=[below])


def _not(state: tree.Not, view: View) -> Part:
    below = explain_state(state.part, view)
    truth, exact = view.truth(state.part)
    ends = truth if below.holds and exact and truth < INF else None
    needs = "" if ends is None else f"nothing that keeps `{below.text}` true until {iso(ends)}"
    return _part(state, view, "not", needs=needs, waits=ends, parts=[below])


def _told(asked: tree.Where, bag: Properties, prefix: str, verb: str, none: str) -> tuple[str, dict[str, Any]]:
    """The values that a test looks at."""
    values = {prefix + path(keys): follow(bag, keys) for keys in paths_in(asked)}
    said = [f"`{name}` {verb} {none if value is None else literal(value)}" for name, value in values.items()]
    return ", ".join(said), values


def missing(events: tree.Selector, view: View) -> str:
    """Of a selector that takes no event: what comes nearest to one."""
    like = view.like(events)
    if not like:
        return f"no {one_of(events, article=False)} is known"
    last = like[-1]
    asked = [choice.where for choice in events.choices if choice.where is not None and choice.name in (None, last.name)]
    said = [_told(each, view.past.subject.properties(last), "", "was", "missing")[0] for each in asked]
    return f"no such event among {several(len(like), 'event')} of the name; in {named(last)} {', '.join(said)}"


def one_of(events: tree.Selector, *, article: bool = True) -> str:
    """An event that a selector takes, in words."""
    text = selector(events).removeprefix("(").removesuffix(")")
    which = "an" if text.lstrip('"')[:1].lower() in _VOWELS else "a"
    return f"{which} `{text}`" if article else f"`{text}`"


def _plain(amount: Decimal) -> str:
    return literal(_number(amount))


def _number(amount: Decimal) -> int | float:
    is_whole = abs(amount) < _EXACT_FLOATS and amount == amount.to_integral_value()
    return int(amount) if is_whole else float(amount)
