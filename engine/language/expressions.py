"""Predicates and states as Python expressions, for the handlers that are written out (see `handlers`).

Each says what the function of the same name in `engine.core` does, with the values put in place: `where` for
predicates, `states` for states. A name in an expression is a local variable of the handler or a constant that it is
given.
"""

from collections.abc import Mapping
from typing import assert_never

from engine.core import where
from engine.core.states import State
from engine.core.timeline import SHIFT
from engine.core.truth import FALSE
from engine.language import tree
from engine.language.domains import Constants, Domain

HELPERS: Mapping[str, object] = {
    "SCALARS": frozenset({bool, int, float, str}),
    "follow": where.follow,
    "scalar_key": where.scalar_key,
}
"""What the expressions call."""


class Predicates:
    """Writes what is asked of an event `p`, whose properties stand in attributes."""

    def __init__(self, fields: Mapping[str, str], constants: Constants) -> None:
        self._fields = fields
        self._constants = constants

    def value(self, path: tree.Path) -> str:
        """What stands at a path."""
        top = f"p.{self._fields[path[0]]}"
        return top if len(path) == 1 else f"follow({top}, {path[1:]!r})"

    def test(self, test: tree.Where) -> str:
        """Whether a test holds."""
        match test:
            case tree.Compare(path, op, value):
                return _compare(self.value(path), op, value)
            case tree.OneOf(path, values):
                keys = self._constants.new("keys", frozenset(map(where.scalar_key, values)))
                return f"(type(v := {self.value(path)}) in SCALARS and scalar_key(v) in {keys})"
            case tree.Contains(path, value):
                return f"{self._constants.new('has', where.holds(value))}({self.value(path)})"
            case tree.Exists(path):
                return f"({self.value(path)} is not None)"
            case tree.NotWhere(part):
                return f"(not {self.test(part)})"
            case tree.AllWhere(parts):
                return f"({' and '.join(map(self.test, parts))})"
            case tree.AnyWhere(parts):
                return f"({' or '.join(map(self.test, parts))})"
            case _:
                assert_never(test)


def _compare(found: str, op: tree.Comparison, value: tree.Scalar) -> str:
    """`path op value`: unlike types never compare; what equals a text is one."""
    if isinstance(value, str):
        return f"({found} == {value!r})" if op == "==" else f"(type(v := {found}) is str and v {op} {value!r})"
    if isinstance(value, bool):
        return f"(type(v := {found}) is bool and v {op} {value!r})"
    return f"((type(v := {found}) is int or type(v) is float) and v {op} {value!r})"


class States:
    """Writes states of one domain, at the instant `now`."""

    def __init__(self, domain: Domain, constants: Constants, whole: "States | None" = None) -> None:
        self._domain = domain
        self._constants = constants
        self._whole = whole or self
        """Those of the whole timeline, of which segments speak."""

    def truth(self, state: State) -> str:
        """Its truth, as a signed instant."""
        match state.form:
            case ("at least" | "latest", *_):
                condition, leaves = self._window(state)
                return f"(u if {condition} and (u := {leaves}) > now else {FALSE})"
            case ("constant", truth):
                return f"{truth}"
            case ("not", part):
                return f"(-{self.truth(part)})"
            case ("and", left, right):
                return f"min({self.truth(left)}, {self.truth(right)})"
            case ("or", left, right):
                return f"max({self.truth(left)}, {self.truth(right)})"
            case ("whole", part):
                return self._whole.truth(part)
        return f"{self._constants.new('truth', state.truth)}({self._domain.scope}, now)"

    def holds(self, state: State) -> str:
        """Whether it is true."""
        match state.form:
            case ("at least" | "latest", *_):
                condition, leaves = self._window(state)
                return f"({condition} and {leaves} > now)"
            case ("constant", truth):
                return f"{truth > 0}"
            case ("not", part):
                return f"(not {self.holds(part)})"
            case ("and", left, right):
                return f"({self.holds(left)} and {self.holds(right)})"
            case ("or", left, right):
                return f"({self.holds(left)} or {self.holds(right)})"
            case ("whole", part):
                return self._whole.holds(part)
        return f"({self._constants.new('truth', state.truth)}({self._domain.scope}, now) > 0)"

    def _window(self, state: State) -> tuple[str, str]:
        """Whether the event on which it hangs is there, and the instant at which that leaves the window."""
        match state.form:
            case ("at least", key, number, span):
                condition, place = self._domain.reached(key, number)
            case (_, key, span):
                condition, place = self._domain.latest(key)
        return condition, f"({place} >> {SHIFT}) + {span}"
