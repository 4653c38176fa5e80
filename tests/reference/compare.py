"""Compares the engine with the reference on one case, and makes a case that differs small enough to read."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from engine.simulate import simulate
from tests.reference.evaluator import Fired, evaluate
from tests.reference.render import rules_text, span
from tests.reference.states import identity
from tests.reference.terms import Case

Firings = Sequence[Fired]


def engine(case: Case) -> list[Fired]:
    """Ask the engine for the firings of a case."""
    firings = simulate(
        rules_text(case.rules),
        list(case.inputs),
        until=case.until,
        history_after=span(case.history_after),
        retention=span(case.retention),
    )
    return [(one.at, one.user, one.trigger, one.per) for one in firings]


def by_user(firings: Firings) -> dict[str, list[Any]]:
    """Bring firings into the form that is compared: different users have no order among them at one instant."""
    found: dict[str, list[Any]] = {}
    for at, user, trigger, per in firings:
        found.setdefault(user, []).append((at, trigger, identity(per)))
    return found


def differ(case: Case) -> bool:
    found = engine(case)
    ordered = [one[0] for one in found] == sorted(one[0] for one in found)
    return not ordered or by_user(found) != by_user(evaluate(case))


def smaller(case: Case) -> Iterator[Case]:
    """Give the case with one thing less: a trigger, an input, a key of a trigger, a property."""
    triggers = case.rules.triggers
    for one in triggers if len(triggers) > 1 else ():
        yield replace(case, rules=replace(case.rules, triggers=tuple(two for two in triggers if two is not one)))
    for number in range(len(case.inputs)):
        yield replace(case, inputs=case.inputs[:number] + case.inputs[number + 1 :])
    for number, one in enumerate(triggers):
        bare = replace(one, per=None), replace(one, condition=None), replace(one, cooldown=None)
        for lesser in (other for other in bare if other != one):
            fewer = (*triggers[:number], lesser, *triggers[number + 1 :])
            yield replace(case, rules=replace(case.rules, triggers=fewer))
    for number, call in enumerate(case.inputs):
        for key in call.get("properties", ()):
            properties = {name: value for name, value in call["properties"].items() if name != key}
            inputs = (*case.inputs[:number], call | {"properties": properties}, *case.inputs[number + 1 :])
            yield replace(case, inputs=inputs)


def shrink(case: Case, wrong: Callable[[Case], bool] = differ) -> Case:
    """Take away from a case whatever it is wrong without, greedily."""
    while (found := next(filter(wrong, smaller(case)), None)) is not None:
        case = found
    return case


def outcome(ask: Callable[[Case], Firings], case: Case) -> str:
    return "".join(f"    {one}\n" for one in ask(case)) or "    nothing\n"


def report(case: Case) -> str:
    """Write down a case and what both say to it."""
    calls = "".join(f"    {json.dumps(call)}\n" for call in case.inputs)
    return (
        f"{rules_text(case.rules)}\n"
        f"until={case.until} history_after={span(case.history_after)} retention={span(case.retention)}\n{calls}"
        f"  reference:\n{outcome(evaluate, case)}  engine:\n{outcome(engine, case)}"
    )
