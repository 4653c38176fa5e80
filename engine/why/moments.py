"""Moments, explained: whether they have happened, when last, and what would have to come."""

from collections.abc import Iterator
from typing import Any, assert_never

from msgspec.structs import replace

from engine.core.events import Millis
from engine.core.timeline import Place, instant
from engine.language import tree
from engine.language.writing import condition
from engine.why.parts import Part, iso, named, span
from engine.why.past import Met, Past
from engine.why.states import explain_state, missing, one_of
from engine.why.view import View


def explain_moment(moment: tree.Moment, view: View) -> Part:
    """Explain a moment as it stands."""
    match moment:
        case tree.Happens():
            return _event(moment, view)
        case tree.Then():
            return _then(moment, view)
        case tree.ThenNo():
            return _then_no(moment, view)
        case tree.For():
            return _lasting(moment, view)
        case tree.On():
            return _on(moment, view)
        case tree.Becomes():
            return _becomes(moment, view)
        case tree.Either():
            return _part(moment, view, "or", parts=[explain_moment(each, view) for each in _arms(moment)])
        case tree.While():
            return _while(moment, view)
        case _:
            assert_never(moment)


def _part(moment: tree.Moment, view: View, sort: str, *, said: str = "", **more: Any) -> Part:
    """What is told of a moment: when it happened, else what is `said`."""
    met = view.met(moment)
    values: dict[str, Any] = more.pop("values", {}) | {"times": len(met)}
    if met:
        last = max(met, key=lambda each: each.place)
        values["last"] = instant(last.place)
        happened = f"happened at {iso(instant(last.place))}" + (f", {len(met)} times in all" if len(met) > 1 else "")
        said = f"{happened}; {said}" if said else happened
    return Part(condition(moment), sort, occurred=bool(met), said=said, values=values, **more)


def _event(moment: tree.Happens, view: View) -> Part:
    events, met = view.events(moment.selector), view.met(moment)
    if met:
        last = view.event_at(met[-1].place)
        return _part(moment, view, "event", values={} if last is None else {"event": view.past.subject.told(last)})
    needs = one_of(moment.selector)
    if not events:
        return _part(moment, view, "event", said=missing(moment.selector, view), needs=needs)
    last = events[-1]
    said = f"{named(last)} is history, received at {iso(last.received_at)}: it begins and completes nothing"
    return _part(moment, view, "event", said=said, needs=needs, values={"event": view.past.subject.told(last)})


def _then(moment: tree.Then, view: View) -> Part:
    begun, met = _latest(moment.first, view), view.met(moment)
    parts = [explain_moment(moment.first, view)]
    if begun is None or (met and max(each.place for each in met) > begun.place):
        return _part(moment, view, "then", parts=parts)
    end, first = begun.beginning + view.span(moment.within), _place(begun, view)
    wanted = one_of(moment.then)
    values: dict[str, Any] = {"since": instant(begun.place), "before": end}
    spoiler = None if moment.without is None else view.first_after(moment.without, begun.place, view.t + 1)
    late = next((each for each in view.events(moment.then) if each.place > begun.place and each.ts < end), None)
    if spoiler is not None and (late is None or spoiler.place < late.place):
        said = f"{named(spoiler)} came after {first}, so that it counts no more"
    elif late is not None:
        said = f"{named(late)} is history, received at {iso(late.received_at)}, so that it completes nothing"
    elif view.t < end:
        needs = f"{wanted} after {first}, before {iso(end)}"
        return _part(moment, view, "then", needs=needs, values=values, parts=parts)
    else:
        said = f"no {one_of(moment.then, article=False)} came after {first}, before {iso(end)}"
    again = f"`{condition(moment.first)}` again, then {wanted} within {span(view.span(moment.within))}"
    return _part(moment, view, "then", said=said, needs="" if met else again, values=values, parts=parts)


def _then_no(moment: tree.ThenNo, view: View) -> Part:
    parts = [explain_moment(moment.first, view)]
    waiting: list[Place] = view.past.slot(moment, view.value) or []
    absent = one_of(moment.absent, article=False)
    if waiting:
        place = waiting[-1]
        first = _event_or_instant(place, view)
        end = instant(place) + moment.within
        needs = f"no {absent} after {first}, until {iso(end)}"
        values: dict[str, Any] = {"since": instant(place), "until": end}
        return _part(moment, view, "then no", needs=needs, waits=end, values=values, parts=parts)
    begun = _latest(moment.first, view)
    if begun is None:
        return _part(moment, view, "then no", parts=parts)
    end = instant(begun.place) + moment.within
    breaker = view.first_after(moment.absent, begun.place, min(end, view.t + 1))
    if breaker is None:
        return _part(moment, view, "then no", parts=parts)
    said = f"{named(breaker)} came after {_place(begun, view)}, before {iso(end)}"
    values = {"since": instant(begun.place), "until": end, "event": view.past.subject.told(breaker)}
    needs = "" if view.met(moment) else f"`{condition(moment.first)}` again, then no {absent} for {span(moment.within)}"
    return _part(moment, view, "then no", said=said, needs=needs, values=values, parts=parts)


def _lasting(moment: tree.For, view: View) -> Part:
    parts = [explain_state(moment.state, view)]
    _, *risen = view.past.slot(moment, view.value) or [0]
    if risen:
        end = risen[-1] + moment.span
        said = f"true since {iso(risen[-1])}"
        needs = f"`{parts[0].text}` to stay true until {iso(end)}"
        values: dict[str, Any] = {"since": risen[-1], "until": end}
        return _part(moment, view, "for", said=said, needs=needs, waits=end, values=values, parts=parts)
    needs = f"`{parts[0].text}` to become true and to stay so for {span(moment.span)}"
    return _part(moment, view, "for", said=_was_true(moment, view), needs=needs, parts=parts)


def _becomes(moment: tree.Becomes, view: View) -> Part:
    """The state itself, told as a moment."""
    state = explain_state(moment.state, view)
    said = "; ".join(filter(None, [state.said, _was_true(moment, view)]))
    needs = lacking(state) or f"`{state.text}` to become false, and true again"
    part = _part(moment, view, state.kind, said=said, needs=needs, values=dict(state.values), parts=state.parts)
    return replace(part, holds=state.holds)


def _was_true(moment: tree.For | tree.Becomes, view: View) -> str:
    """Why a state that holds is not one that became true."""
    if view.met(moment) or not view.holds(moment.state):
        return ""
    return "it is true, but it did not become so: it was true before the history that is kept, or history made it so"


def _on(moment: tree.On, view: View) -> Part:
    parts, events = [explain_state(moment.state, view)], view.events(moment.selector)
    needs = f"{one_of(moment.selector)} at whose step it becomes true"
    if view.met(moment):
        return _part(moment, view, "on", parts=parts)
    if not events:
        return _part(moment, view, "on", said=missing(moment.selector, view), needs=needs, parts=parts)
    said = f"it did not become true at the step of {named(events[-1])}"
    return _part(moment, view, "on", said=said, needs=needs, parts=parts)


def _while(moment: tree.While, view: View) -> Part:
    """Where the moment happened while the state was false, the state is told as it was then."""
    parts = [explain_moment(moment.moment, view)]
    met = view.met(moment.moment)
    if not met or (view.met(moment) and view.met(moment)[-1].point == met[-1].point):
        return _part(moment, view, "and", parts=[*parts, explain_state(moment.state, view)])
    then = view._replace(past=Past(view.past.plan, view.past.subject, met[-1].point))
    state = explain_state(moment.state, then)
    said = f"when `{condition(moment.moment)}` happened, at {iso(then.t)}, `{state.text}` was false"
    said = ": ".join([said, *filter(None, ["; ".join(reasons(state))])])
    needs = f"`{condition(moment.moment)}` while `{state.text}`"
    return _part(moment, view, "and", said=said, needs="" if view.met(moment) else needs, parts=[*parts, state])


def _arms(moment: tree.Moment) -> Iterator[tree.Moment]:
    if isinstance(moment, tree.Either):
        yield from _arms(moment.left)
        yield from _arms(moment.right)
    else:
        yield moment


def _latest(moment: tree.Moment, view: View) -> Met | None:
    """The occurrence with the latest beginning, of a first part."""
    return max(view.begun(moment), key=lambda each: (each.beginning, each.place), default=None)


def _place(met: Met, view: View) -> str:
    return _event_or_instant(met.place, view)


def _event_or_instant(place: Place, view: View) -> str:
    record = view.event_at(place)
    return f"what happened at {iso(instant(place))}" if record is None else f"the {named(record)}"


def deadline(part: Part, t: Millis) -> Part | None:
    """The part that waits for an instant by itself, the earliest of several."""
    waiting = [found for each in part.parts if (found := deadline(each, t)) is not None]
    if part.waits is not None and part.waits > t and part.occurred is not None:
        waiting.append(part)
    return min(waiting, key=lambda each: each.waits or 0, default=None)


def lacking(part: Part) -> str:
    """What would have to come first, in words; empty where nothing can be named."""
    if part.is_met:
        return ""
    found = [said for each in part.parts if (said := lacking(each))]
    if part.needs and (part.occurred is not None or not found):
        return part.needs
    return (" or " if part.kind == "or" else " and ").join(dict.fromkeys(found))


def _standing(part: Part) -> list[str]:
    """How a part stands, in words, with the values."""
    return [part.said] if part.said else [said for each in part.parts for said in _standing(each)]


def reasons(part: Part) -> list[str]:
    """Why it is not met, in words, with the values."""
    if part.is_met:
        return []
    if part.kind == "not":
        return _standing(part.parts[0])
    if part.said and (part.occurred is not None or not part.parts):
        return [part.said]
    return list(dict.fromkeys(said for each in part.parts for said in reasons(each)))
