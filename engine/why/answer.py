"""The whole answer: why a trigger fired, or did not, for one person by an instant."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from engine.core.decisions import Firing
from engine.core.events import Millis, Scalar
from engine.core.sending.holdout import place
from engine.core.timeline import Recorded
from engine.core.where import scalar_key
from engine.language import tree
from engine.language.concerns import leaves, states_in, used_segments
from engine.language.writing import literal
from engine.why.moments import deadline, explain_moment, lacking, reasons
from engine.why.parts import Answer, Fired, Occurred, Part, Watched, iso, named, span
from engine.why.past import Fate, Past
from engine.why.plan import Plan
from engine.why.states import explain_state
from engine.why.subject import Subject
from engine.why.view import View

MOST = 5
"""So many values, firings and occurrences are told of; of the others, how many there are."""


class Asked(NamedTuple):
    """What is asked: about a trigger, at an instant, in the settings that give it meaning."""

    trigger: tree.Trigger
    segments: Sequence[tree.Segment]
    t: Millis
    retention: Millis
    history_after: Millis
    since: Millis = 0
    """Since when its text is in force."""
    per: str | None = None
    """The value asked about, as text; None: those seen last."""
    now: Millis | None = None
    """The present, if it is known."""
    is_brief: bool = False
    """Only the value seen last, and not how everything stood at a firing."""


def explain(asked: Asked, subject: Subject) -> Answer:
    """Explain a trigger for a person."""
    trigger, variant = _mine(asked.trigger, subject)
    plan = Plan(trigger, asked.segments, retention=asked.retention, history_after=asked.history_after)
    firings = None
    if subject.firings is not None:
        firings = [each for each in subject.firings if each.trigger == trigger.name and each.at <= asked.t]
    past = Past.until(plan, subject, asked.t, since=asked.since, firings=firings)
    case = _Case(asked, plan, subject, past, firings)
    values: list[Scalar | None] = [*past.values()] if trigger.per is not None else [None]
    if asked.per is not None:
        values = [value for value in values if value is not None and asked.per in (value, literal(value))]
    most = 1 if asked.is_brief else MOST
    return Answer(
        trigger=trigger.name,
        at=asked.t,
        when=trigger.when_text,
        condition=trigger.condition_text,
        place=f"{trigger.file}:{trigger.line}" if trigger.file else "",
        per=".".join(trigger.per or ()),
        watches=[case.watched(value) for value in values[:most]],
        others=len(values[most:]),
        notes=[*_notes(asked, plan, subject, variant), *case.differences()],
    )


def _mine(trigger: tree.Trigger, subject: Subject) -> tuple[tree.Trigger, str]:
    """The trigger as it is for the person, who may have a variant of it."""
    name = subject.variants.get(trigger.name, "")
    variant = next((each for each in trigger.variants if each.name == name), None)
    if variant is None or variant.when is None:
        return trigger, name
    return replace(trigger, when=variant.when, when_text=variant.when_text), name


class _Case(NamedTuple):
    """All that is known of one question."""

    asked: Asked
    plan: Plan
    subject: Subject
    past: Past
    firings: list[Firing] | None

    def watched(self, value: Scalar | None) -> Watched:
        """What is told of one watch."""
        trigger, view = self.plan.trigger, View(self.past, value)
        when = explain_moment(trigger.when, view)
        condition = None if trigger.condition is None else explain_state(trigger.condition, view.whole())
        fired, held = self.fired(value), self.held(value)
        status, said = self._summary(when, fired, held)
        if condition is not None and not condition.holds and status in ("waiting", "not yet"):
            said += f"; its `if` is false as it stands: {'; '.join(_false(condition))}"
        return Watched(
            status=status,
            said=said,
            when=when,
            per=value,
            condition=condition,
            gates=self._gates(fired),
            firings=[*(self._because(each, value) for each in fired[:1]), *fired[1:MOST]],
            occurrences=held[:MOST],
        )

    def fired(self, value: Scalar | None) -> list[Fired]:
        """The firings, newest first: those remembered, and those told from the timeline from before."""
        remembered = [each for each in self.firings or () if _same(each.per, value)]
        fates = [fate for fate in self._fates(value) if not fate.held]
        told = {fate.met.point.t: self._fired(value, fate) for fate in fates}
        told |= {each.at: self._remembered(each) for each in remembered}
        return [told[at] for at in sorted(told, reverse=True)]

    def held(self, value: Scalar | None) -> list[Occurred]:
        """What happened and did not fire, newest first."""
        fates = [fate for fate in self._fates(value) if fate.held]
        return [self._occurred(value, fate) for fate in reversed(fates[-MOST:])]

    def differences(self) -> list[str]:
        """Where the timeline does not tell what was fired."""
        notes = []
        for firing in self.firings or ():
            at = {fate.met.point.t for fate in self._fates(firing.per)}
            if firing.at not in at:
                why = "it was fired when its file came into force" if firing.at == self.asked.since else _ELSE
                notes.append(
                    f"the firing of {iso(firing.at)} is recorded, and not told by the timeline as it is: {why}"
                )
        return notes[:MOST]

    def _fates(self, value: Scalar | None) -> list[Fate]:
        return self.past.fates.get(None if value is None else scalar_key(value), [])

    def _fired(self, value: Scalar | None, fate: Fate) -> Fired:
        record = View(self.past, value).event_at(fate.met.event)
        at = fate.met.point.t
        return Fired(at, f"fired at {iso(at)}, {_by(record, at)}", per=value, event=self._told(record))

    def _remembered(self, firing: Firing) -> Fired:
        record = self.subject.event(firing.event)
        gone = firing.event is not None and record is None
        by = "by an event that is kept no more" if gone else _by(record, firing.at)
        said = f"fired at {iso(firing.at)}, {by}"
        return Fired(firing.at, said, firing.id, firing.per, firing.variant, self._told(record))

    def _because(self, fired: Fired, value: Scalar | None) -> Fired:
        """The same, with how everything stood at its step."""
        fate = next((each for each in self._fates(value) if each.met.point.t == fired.at), None)
        if fate is None or self.asked.is_brief:
            return fired
        trigger, view = self.plan.trigger, View(Past(self.plan, self.subject, fate.met.point), value)
        condition = None if trigger.condition is None else explain_state(trigger.condition, view.whole())
        return _with(fired, when=explain_moment(trigger.when, view), condition=condition)

    def _told(self, record: Recorded | None) -> dict[str, Any] | None:
        return None if record is None else self.subject.told(record)

    def _occurred(self, value: Scalar | None, fate: Fate) -> Occurred:
        record = View(self.past, value).event_at(fate.met.event)
        at = fate.met.point.t
        said = f"`when` happened at {iso(at)}, {_by(record, at)}, but {self._hindrance(value, fate)}"
        return Occurred(at, self._told(record), fate.held, said)

    def _hindrance(self, value: Scalar | None, fate: Fate) -> str:
        """What kept a trigger from firing, in words."""
        trigger, at = self.plan.trigger, fate.met.point.t
        last = next((each.at for each in self.fired(value) if each.at < at), 0)
        match fate.held:
            case "cooldown":
                length = trigger.cooldown or 0
                until = iso(last + length)
                return f"the cooldown of {span(length)} since the firing of {iso(last)} lasted until {until}"
            case "once":
                return f"it fires once, and had at {iso(last)}"
            case "if":
                assert trigger.condition is not None  # noqa: S101  that is what held it
                view = View(Past(self.plan, self.subject, fate.met.point), value, is_whole=True)
                state = explain_state(trigger.condition, view)
                return f"`if` was false then: {'; '.join(_false(state)) or state.text}"
            case _:
                return _HINDRANCES[fate.held](self)

    def _summary(self, when: Part, fired: list[Fired], held: list[Occurred]) -> tuple[str, str]:
        waiting = deadline(when, self.asked.t)
        needs = lacking(when)
        upcoming = "" if waiting is None else f"it waits, and needs {waiting.needs}"
        if held and (not fired or held[0].at > fired[0].at):
            before = f"{fired[0].said}; " if fired else ""
            return "held back", f"{before}{held[0].said}" + (f"; {upcoming}" if upcoming else "")
        if fired:
            return "fired", fired[0].said + (f"; {upcoming}" if upcoming else "")
        if waiting is not None:
            return "waiting", upcoming
        said = "; ".join([*reasons(when)[:2], *([f"it needs {needs}"] if needs else [])])
        return "not yet", f"has not fired: {said}" if said else "has not fired"

    def _cooldown(self, length: Millis, fired: list[Fired]) -> Part:
        ends = fired[0].at + length if fired else 0
        over = self.asked.t >= ends
        said = f"ended at {iso(ends)}" if over else f"lasts until {iso(ends)}"
        return Part(f"cooldown: {span(length)}", "cooldown", holds=over, said=said if fired else "never fired")

    def _gates(self, fired: list[Fired]) -> list[Part]:
        """What else must let it fire, as it stands."""
        trigger, gates = self.plan.trigger, []
        if trigger.cooldown:
            gates.append(self._cooldown(trigger.cooldown, fired))
        if trigger.once:
            gates.append(Part("reentry: once", "once", holds=not fired, said="has fired" if fired else "has not fired"))
        if trigger.rollout < 1:
            where = place(self.subject.first_id, f"rollout of {trigger.name}")
            said = f"the person stands at {where:.4f}"
            gates.append(Part(f"rollout: {trigger.rollout:.4g}", "rollout", holds=where < trigger.rollout, said=said))
        if trigger.rollout_segment:
            state = tree.InSegment(trigger.rollout_segment)
            gates.append(explain_state(state, View(self.past, is_whole=True)))
        if trigger.mode != "live":
            said = "it does not fire" if trigger.mode == "off" else "it fires, and sends nothing"
            gates.append(Part(f"mode: {trigger.mode}", "mode", holds=trigger.mode == "shadow", said=said))
        return gates


_ELSE = "its file, traits or lists were otherwise then, or events are gone or came from another id"

_HINDRANCES: Mapping[str, Callable[[_Case], str]] = {
    "new": lambda case: f"the trigger, as it is, is in force only since {iso(case.asked.since)}",
    "rollout": lambda case: (
        "the trigger is off" if case.plan.trigger.mode == "off" else "the person is not in the share of `rollout`"
    ),
    "segment": lambda case: f'the person was not in the segment "{case.plan.trigger.rollout_segment}" of `rollout`',
    "unrecorded": lambda _: f"no firing is recorded: {_ELSE}",
}


def _notes(asked: Asked, plan: Plan, subject: Subject, variant: str) -> list[str]:
    """What cannot be known, and what is told otherwise than it may have been."""
    notes, trigger = [], plan.trigger
    if variant:
        notes.append(f"the person has the variant `{variant}`")
    states = [*states_in(trigger.when), *plan.asked_at_firing]
    used = used_segments(states, plan.definitions)
    asks = [leaf for state in (*states, *(each for each in used.values() if each)) for leaf in leaves(state)]
    if any(isinstance(leaf, tree.Profile) for leaf in asks):
        notes.append("traits have no history: they are told as they are now")
    if None in used.values():
        notes.append("lists have no history: who is on them is told as it is now")
    if subject.records and asked.t < min(record.ts for record in subject.records):
        notes.append("no event from before then is kept")
    if asked.now is not None and asked.t > asked.now:
        notes.append("this instant lies ahead: it is told as if nothing came until then")
    if trigger.per is not None and asked.per is not None and not _is_seen(asked, plan, subject):
        notes.append(f"no event with `{'.'.join(trigger.per)}` {asked.per} is kept")
    return notes


def _is_seen(asked: Asked, plan: Plan, subject: Subject) -> bool:
    past = Past.until(plan, subject, asked.t)
    return any(asked.per in (value, literal(value)) for value in past.values())


def _false(state: Part) -> list[str]:
    """The parts that made a state false, with their values."""
    found = [said for part in state.parts if not part.holds and state.kind != "not" for said in _false(part)]
    why = "; ".join(reasons(state))
    return found or [f"`{state.text}`" + (f" ({why})" if why else "")]


def _same(one: Scalar | None, two: Scalar | None) -> bool:
    return (None if one is None else scalar_key(one)) == (None if two is None else scalar_key(two))


def _by(record: Recorded | None, at: Millis) -> str:
    """What brought about the step at an instant."""
    if record is None:
        return "as time passed"
    return f"by `{record.name}`" if record.ts == at else f"by {named(record)}"


def _with(fired: Fired, *, when: Part, condition: Part | None) -> Fired:
    return Fired(fired.at, fired.said, fired.id, fired.per, fired.variant, fired.event, when, condition)
