"""One trigger of a handler, written out: what its watch does at an event that comes in order.

Theory of operation. At such an event nothing stands behind it on the timeline, and whatever was due before it is
settled. So each moment's `advance` comes down to a few lines: `M then E` looks back once, to the last beginning before
the event; `M then no E` ends all the waits that are left, or begins one; a state is asked before and after. Each method
says what the moment's own `advance` does in that case; a moment for which there is no such way raises Unwritten, and
its trigger is then advanced as at any other step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.becoming import Becomes, For, On
from engine.core.chains import Then, ThenNo
from engine.core.moments import Either, Happens, Moment, While
from engine.core.states import State
from engine.core.timeline import LAST, SHIFT
from engine.language.domains import Constants, Domain
from engine.language.expressions import States


class Unwritten(Exception):
    """There is no short way."""


@dataclass(slots=True)
class Lines:
    """What a watch does, in order of time."""

    before: list[str] = field(default_factory=list)
    """Before the event enters the timeline."""
    after: list[str] = field(default_factory=list)
    """And after."""
    fires: str = "False"
    """Whether it is to fire."""
    arms: bool = False
    """Whether it waits for an instant: `due` then."""

    def __bool__(self) -> bool:
        """Whether it does anything."""
        return bool(self.before or self.after) or self.fires != "False"

    def done(self, watch: str) -> list[str]:
        """All that follows when the event has entered the timeline."""
        fire = [] if self.fires == "False" else [f"if {self.fires}: firing += (({watch}, now),)"]
        return [*self.after, *(_armed(watch) if self.arms else []), *fire]


def _armed(watch: str) -> list[str]:
    return [
        f"if due != {watch}.armed:",
        f"    {watch}.due = due",
        "    if due < INF:",
        f"        {watch}.armed = deadlines.armed[{watch}] = due",
        "        if due < deadlines.earliest: deadlines.earliest = due",
        f"    else: deadlines.arm({watch})",
    ]


class Watcher:
    """Writes one trigger's moment; `watch` is the name of its watch."""

    def __init__(
        self, watch: str, hits: Mapping[int, str], domain: Domain, states: States, constants: Constants
    ) -> None:
        self._watch = watch
        self._hits = hits
        """By the key of a selector that takes such events, whether it takes this one."""
        self._domain = domain
        self._states = states
        self._constants = constants
        self._lines = Lines()

    def write(self, when: Moment) -> Lines:
        """Write it.

        Raises:
            Unwritten: it has no short way.

        """
        happens = self._moment(when)
        if happens != "False":
            self._lines.fires = both(happens, f"user.may_fire({self._watch}, now)")
        return self._lines

    def _moment(self, moment: Moment) -> str:
        """Write a moment; returns an expression for whether it happens."""
        match moment:
            case Happens():
                return self._hits.get(moment.key, "False")
            case Either():
                return any_of([self._moment(moment.left), self._moment(moment.right)])
            case While():
                return self._while(moment)
            case Then():
                return self._then(moment)
            case ThenNo():
                return self._then_no(moment)
            case Becomes():
                return self._becomes(moment)
            case For():
                return self._for(moment)
            case On():
                return self._on(moment)
        raise Unwritten

    def _while(self, moment: While) -> str:
        happens = self._moment(moment.moment)
        return "False" if happens == "False" else f"({happens} and {self._states.holds(moment.state)})"

    def _then(self, moment: Then) -> str:
        """The event completes what began last, if it is one to complete with."""
        if not isinstance(moment.first, Happens):
            return self._then_again(moment)
        hit = self._hits.get(moment.then, "False")
        if hit == "False":
            return "False"
        begun, happens = self._local("begun", moment.slot), self._local("completes", moment.slot)
        conditions = [hit, f"ts - ({begun} >> {SHIFT}) < {moment.span}"]
        self._lines.before.append(f"{begun} = last_live({self._domain.find(moment.first.key)})")
        if moment.without is not None:
            between, silence = self._local("between", moment.slot), self._domain.silence
            places = [f"last_of({self._domain.find(moment.without)})"]
            places += [f"last_of({silence}.get({moment.without}))"] if silence else []
            self._lines.before.append(f"{between} = max({', '.join([*places, places[0]])})")
            conditions.append(f"{begun} >= {between}")
        self._lines.after += [
            f"if {happens} := {' and '.join(conditions)}:",
            f"    {self._slot(moment)}.completed[place] = {begun} >> {SHIFT}",
        ]
        return happens

    def _then_again(self, moment: Then) -> str:
        """The same after a moment with memory, whose occurrences are remembered with their beginnings."""
        happens, since = self._local("completes", moment.slot), self._local("since", moment.slot)
        hit, begins = self._hits.get(moment.then, "False"), self._moment(moment.first)
        after = self._lines.after
        if (hit, begins) != ("False", "False"):
            after.append(f"known = {self._slot(moment)}")
        if hit != "False":
            latest = f"{self._constants.new('node', moment)}.latest_beginning({self._watch}, known, place)"
            after += [
                f"{since} = {latest} if {both('known.places', hit)} else None",
                f"if {happens} := {since} is not None: known.completed[place] = {since}",
            ]
        if begins != "False":
            begun = f"Occurrence({_place(moment.first)}, {self._beginning(moment.first)})"
            after.append(f"if {begins}: known.begin({begun})")
        return "False" if hit == "False" else happens

    def _beginning(self, moment: Moment) -> str:
        """Where a chain that goes on from an occurrence at the event began."""
        match moment:
            case Happens():
                return "ts"
            case Then(first=Happens()):
                return f"{self._local('begun', moment.slot)} >> {SHIFT}"
            case Then():
                return self._local("since", moment.slot)
            case While():
                return self._beginning(moment.moment)
            case Either():
                raise Unwritten
        return "now"

    def _then_no(self, moment: ThenNo) -> str:
        """The event ends all waits, for those that were over are settled; and may begin one."""
        waiting, hit = self._local("waiting", moment.slot), self._hits.get(moment.absent, "False")
        begins, place = self._moment(moment.first), _place(moment.first)
        after = self._lines.after
        after.append(f"{waiting} = {self._slot(moment)}")
        if (hit, begins, place) == ("True", "True", "place"):
            after.append(f"{waiting}[:] = (place,)")
            self._arm(f"ts + {moment.span}", "True")
            return "False"
        if hit != "False":
            end = f"{self._constants.new('node', moment)}.end({waiting}, place)"
            after.append(f"if {both(waiting, hit)}: {f'{waiting}.clear()' if place == 'place' else end}")
        if begins != "False":
            begin = f"{waiting}.append(place)" if place == "place" else f"wait({waiting}, {place})"
            after.append(begin if begins == "True" else f"if {begins}: {begin}")
        self._arm(f"({waiting}[0] >> {SHIFT}) + {moment.span}", waiting)
        return "False"

    def _becomes(self, moment: Becomes) -> str:
        happens = self._local("rises", moment.slot)
        self._look(moment.state)
        was = self._slot(moment)
        self._lines.after += [f"{happens} = truth > 0 and {was} <= {_past(moment.state)}", f"{was} = truth"]
        return happens

    def _for(self, moment: For) -> str:
        """Whatever has lasted is settled, so that the state can only begin, end or go on."""
        risen = self._local("risen", moment.slot)
        self._look(moment.state)
        self._lines.after += [
            f"{risen} = {self._slot(moment)}",
            f"if truth < 0: {risen} = [truth]",
            f"elif {risen}[0] <= {_past(moment.state)}: {risen} = [truth, now]",
            f"else: {risen} = [truth, *{risen}[1:]]",
            f"{self._slot(moment)} = {risen}",
        ]
        self._arm(f"{risen}[1] + {moment.span}", f"len({risen}) > 1")
        return "False"

    def _on(self, moment: On) -> str:
        hit = self._hits.get(moment.key, "False")
        if hit == "False":
            return "False"
        was_false, holds = self._local("was_false", moment.slot), self._states.holds(moment.state)
        self._lines.before.append(f"{was_false} = not {holds}")
        return both(both(was_false, hit), holds)

    def _look(self, state: State) -> None:
        """Ask for a state's truth, and be woken where it may change by itself."""
        self._lines.after.append(f"truth = {self._states.truth(state)}")
        if not state.only_falls:
            self._arm("abs(truth)", "True")

    def _arm(self, at: str, condition: str) -> None:
        """Wait for an instant, if a condition holds; for the earliest of several."""
        if self._lines.arms:
            line = f"if {both(condition, f'(at := {at}) < due')}: due = at"
        else:
            line = f"due = {at}" if condition == "True" else f"due = {at} if {condition} else INF"
        self._lines.arms = True
        self._lines.after.append(line)

    def _slot(self, moment: Becomes | For | Then | ThenNo) -> str:
        return f"{self._watch}.slots[{moment.slot}]"

    def _local(self, name: str, slot: int) -> str:
        return f"{name}_{self._watch.removeprefix('watch_')}_{slot}"


def _place(moment: Moment) -> str:
    """Where an occurrence of a moment lies that happens at the event."""
    match moment:
        case Happens() | Then():
            return "place"
        case While():
            return _place(moment.moment)
        case Either():
            left, right = _place(moment.left), _place(moment.right)
            if left != right:
                raise Unwritten
            return left
    return f"(now << {SHIFT} | {LAST})"


def _past(state: State) -> str:
    """A truth up to this was false just before: see `_Becoming`."""
    return "now" if state.only_falls else "0"


def both(one: str, two: str) -> str:
    """`one and two`, simply."""
    if "False" in (one, two):
        return "False"
    return {"True": two}.get(one) or {"True": one}.get(two) or f"({one} and {two})"


def any_of(parts: Sequence[str]) -> str:
    """`one or another`, simply."""
    if "True" in parts:
        return "True"
    parts = [part for part in parts if part != "False"]
    return f"({' or '.join(parts)})" if parts else "False"
