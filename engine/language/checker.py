"""Raw tree -> typed tree: tells moments from states, and says what to write where one stands for the other.

Theory of operation: every part is read bottom-up, and what it turned out to be decides what its
surroundings make of it. A selector is read as the moment it stands for (`Happens`) and taken out again where
an event is wanted; a state becomes a moment (`Becomes`) only where it meets one, so at its largest whole. An
error does not end the reading: the part is replaced by something harmless, so that what else is wrong is
found too, and a part that has an error inside is not blamed a second time for what its replacement is.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

from lark import Token

from engine.language import tree
from engine.language.filters import read_comparison, read_name, read_path, read_test, read_where
from engine.language.notes import Notes
from engine.language.parser import RawTree

Condition = tree.Moment | tree.State
_Node = TypeVar("_Node")
_Rules = dict[str, Callable[[RawTree], _Node]]
_LinkRules = dict[str, Callable[[RawTree, int | None], Condition]]
_Atom = tree.Seen | tree.Count | tree.Folded | tree.Last

_ANY = tree.Selector((tree.Choice(None),))
_A_STATE = "a state is `seen(…)`, `count(…) > 2`, `profile.plan == …`, `in segment …`, or made of such"
_AN_EVENT = "an event is `view`, `view[price > 20]`, `(view or click)` or `any`"


class Checker:
    """Reads the raw tree of one condition, and takes down in `notes` what is wrong with it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._atoms: _Rules[_Atom] = {
            "seen": self._seen,
            "count": self._count,
            "folded": self._folded,
            "last": self._last,
            "last_exists": self._last_exists,
        }
        self._links: _LinkRules = {
            "then": self._then,
            "then_no": self._then_no,
        }
        self._rest: _Rules[Condition] = {
            "group": lambda raw: self._read(_part(raw, 0)),
            "either": self._either,
            "both": self._both,
            "lasting": self._lasting,
            "on": self._on,
            "negation": self._negation,
            "bounded": self._bounded,
            "event": self._event,
            "filtered_group": self._filtered_group,
            "inactive": self._inactive,
            "profile": self._profile,
            "profile_exists": self._profile_exists,
            "in_segment": self._in_segment,
        }

    # Where a moment, a state or an event is wanted ----------------------------------------------------------

    def moment(self, raw: RawTree) -> tree.Moment:
        """Read a part that stands where a moment is wanted."""
        return _as_moment(self._read(raw))

    def state(self, raw: RawTree, wanted_by: str) -> tree.State:
        """Read a part that stands where `wanted_by` takes a state."""
        blamed = len(self._notes.errors)
        node = self._read(raw)
        if isinstance(node, tree.State):
            return node
        if blamed == len(self._notes.errors):
            self._not_a_state(raw, node, wanted_by)
        return tree.Seen(_ANY, None)

    def goal(self, raw: RawTree) -> tuple[tree.Selector, int]:
        """Read an event within a time, in ms."""
        raw = _peeled(raw)
        if raw.data != "bounded":
            hint = "say by when: `order_completed within 7d`, or `(order_completed or renewed) within 7d`"
            self._notes.fail(raw, "a goal is one event within a time", hint)
            return _ANY, 1
        return self._selector(_part(raw, 0), "`goal`"), self._notes.span(_part(raw, 1))

    def _selector(self, raw: RawTree, wanted_by: str) -> tree.Selector:
        if _peeled(raw).data == "negation":
            self._not_an_event(raw, "a negation", wanted_by)
            return _ANY
        blamed = len(self._notes.errors)
        node = self._read(raw)
        if isinstance(node, tree.Happens):
            return node.selector
        if blamed == len(self._notes.errors):
            kind = "a state" if isinstance(node, tree.State) else "more than one event"
            self._not_an_event(raw, kind, wanted_by)
        return _ANY

    def _not_a_state(self, raw: RawTree, node: tree.Moment, wanted_by: str) -> None:
        text, hint = self._notes.text(_peeled(raw)), _A_STATE
        if isinstance(node, tree.Happens):
            hint = f"did you mean `{'not ' if wanted_by == '`not`' else ''}seen({text})`?"
        self._notes.fail(raw, f"`{text}` is a moment; {wanted_by} takes a state", hint)

    def _not_an_event(self, raw: RawTree, kind: str, wanted_by: str) -> None:
        inner, hint = _peeled(raw), _AN_EVENT
        if inner.data == "negation" and wanted_by == "`then`":
            hint = f"did you mean `then no {self._notes.text(_part(inner, 0))} within …`?"
        elif inner.data == "seen":
            hint = f"did you mean `{self._notes.text(_part(inner, 0))}`?"
        self._notes.fail(raw, f"`{self._notes.text(raw)}` is {kind}; {wanted_by} takes an event", hint)

    # What each rule of the grammar becomes ------------------------------------------------------------------

    def _read(self, raw: RawTree, within: int | None = None) -> Condition:
        """Read a part; `within` is the span that stands behind it, for the rules that take one."""
        if raw.data in self._atoms:
            return replace(self._atoms[raw.data](raw), within=within)
        if raw.data in self._links:
            return self._links[raw.data](raw, within)
        return self._rest[raw.data](raw)

    def _either(self, raw: RawTree) -> Condition:
        left, right = self._read(_part(raw, 0)), self._read(_part(raw, 1))
        if isinstance(left, tree.State) and isinstance(right, tree.State):
            return tree.Or(left, right)
        if isinstance(left, tree.Happens) and isinstance(right, tree.Happens):
            return tree.Happens(tree.Selector(left.selector.choices + right.selector.choices))
        return tree.Either(_as_moment(left), _as_moment(right))

    def _both(self, raw: RawTree) -> Condition:
        left, right = self._read(_part(raw, 0)), self._read(_part(raw, 1))
        if isinstance(left, tree.State):
            return tree.And(left, right) if isinstance(right, tree.State) else tree.While(right, left)
        if not isinstance(right, tree.State):
            self._two_moments(raw, both_happen=isinstance(left, tree.Happens) and isinstance(right, tree.Happens))
            return left
        return tree.While(left, right)

    def _two_moments(self, raw: RawTree, *, both_happen: bool) -> None:
        left, right = (self._notes.text(_peeled(_part(raw, side))) for side in (0, 1))
        hint = "a moment goes together with a state, such as `seen(…) within …`"
        if both_happen:
            hint = f"did you mean `seen({left}) within … and {right}`, or `{left} then {right}`?"
        self._notes.fail(_part(raw, 1), f"two moments cannot coincide: `{left}` and `{right}`", hint)

    def _then(self, raw: RawTree, within: int | None) -> tree.Then:
        first, then = self.moment(_part(raw, 0)), self._selector(_part(raw, 1), "`then`")
        without = self._selector(_part(raw, 2), "`without`") if raw.children[2] else None
        return tree.Then(first, then, without, self._notes.span(_part(raw, 3)) if raw.children[3] else within)

    def _then_no(self, raw: RawTree, within: int | None) -> tree.ThenNo:
        first, absent = self.moment(_part(raw, 0)), self._selector(_part(raw, 1), "`then no`")
        span = self._notes.span(_part(raw, 2)) if raw.children[2] else within
        if span is None:
            text = self._notes.text(_part(raw, 1))
            hint = f"say how long to wait for it: `then no {text} within 1h`"
            self._notes.fail(_part(raw, 1), f"`then no {text}` has no `within`", hint)
        return tree.ThenNo(first, absent, span or 1)

    def _lasting(self, raw: RawTree) -> tree.For:
        return tree.For(self.state(_part(raw, 0), "`for`"), self._notes.span(_part(raw, 1)))

    def _on(self, raw: RawTree) -> tree.On:
        return tree.On(self.state(_part(raw, 0), "`on`"), self._selector(_part(raw, 1), "`on`"))

    def _negation(self, raw: RawTree) -> tree.Not:
        return tree.Not(self.state(_part(raw, 0), "`not`"))

    def _bounded(self, raw: RawTree) -> Condition:
        inner, span = _peeled(_part(raw, 0)), self._notes.span(_part(raw, 1))
        open_link = inner.data in self._links and inner.children[-1] is None
        if inner.data not in self._atoms and not open_link:
            self._takes_no_within(inner, self._notes.text(_part(raw, 1)))
        return self._read(inner, span)

    def _takes_no_within(self, inner: RawTree, span: str) -> None:
        text = self._notes.text(inner)
        message, hint = (
            f"`{text}` takes no `within`",
            "`within` follows `seen(…)`, `count(…)` and the like, or a chain",
        )
        if inner.data == "event":
            hint = f"did you mean `seen({text}) within {span}`?"
        elif inner.data == "bounded" or inner.data in self._links:
            message, hint = f"`{text}` has a `within` already", "leave one of the two away"
        self._notes.fail(inner, message, hint)

    def _event(self, raw: RawTree) -> tree.Happens:
        token = _token(_part(raw, 0))
        name = None if token.type == "ANY" else read_name(token)
        where = read_where(_part(raw, 1), self._notes.report) if raw.children[1] else None
        return tree.Happens(tree.Selector((tree.Choice(name, where),)))

    def _filtered_group(self, raw: RawTree) -> Condition:
        hint = "give each event its own: `view[price > 20] or click[price > 20]`"
        self._notes.fail(raw, "what stands in brackets belongs to one event", hint)
        return self._read(_part(raw, 0))

    def _inactive(self, raw: RawTree) -> tree.ThenNo:
        return tree.ThenNo(tree.Happens(_ANY), _ANY, self._notes.span(_part(raw, 0)))

    def _profile(self, raw: RawTree) -> tree.Profile:
        return tree.Profile(read_test(read_path(_part(raw, 0)), _part(raw, 1), self._notes.report))

    def _profile_exists(self, raw: RawTree) -> tree.Profile:
        return tree.Profile(tree.Exists(read_path(_part(raw, 0))))

    @staticmethod
    def _in_segment(raw: RawTree) -> tree.InSegment:
        return tree.InSegment(read_name(_token(raw)))

    def _seen(self, raw: RawTree) -> tree.Seen:
        return tree.Seen(self._selector(_part(raw, 0), "`seen`"), None)

    def _count(self, raw: RawTree) -> tree.Count:
        selector = self._selector(_part(raw, 0), "`count`")
        return tree.Count(selector, read_comparison(raw), self._notes.threshold(_part(raw, 2)), None)

    def _folded(self, raw: RawTree) -> tree.Folded:
        fold = cast("tree.Fold", str(_token(_part(raw, 0))))
        selector, path = self._selector(_part(raw, 1), f"`{fold}`"), read_path(_part(raw, 2))
        return tree.Folded(fold, selector, path, read_comparison(raw), self._notes.threshold(_part(raw, 4)), None)

    def _last(self, raw: RawTree) -> tree.Last:
        selector = self._selector(_part(raw, 0), "`last`")
        return tree.Last(selector, read_test(read_path(_part(raw, 1)), _part(raw, 2), self._notes.report), None)

    def _last_exists(self, raw: RawTree) -> tree.Last:
        return tree.Last(self._selector(_part(raw, 0), "`last`"), tree.Exists(read_path(_part(raw, 1))), None)


def _as_moment(node: Condition) -> tree.Moment:
    return tree.Becomes(node) if isinstance(node, tree.State) else node


def _peeled(raw: RawTree) -> RawTree:
    """The part without the parentheses around it."""
    while raw.data == "group":
        raw = _part(raw, 0)
    return raw


def _part(raw: RawTree, index: int) -> RawTree:
    return cast("RawTree", raw.children[index])


def _token(raw: RawTree) -> Token:
    return cast("Token", raw.children[0])
