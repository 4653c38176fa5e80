"""What is told from a timeline is what the engine decided, for triggers that ask nothing without a history."""

import re
from decimal import Decimal
from random import Random

from hypothesis import given, note
from hypothesis import strategies as st

from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.user import User
from engine.core.where import COMPARISONS
from engine.language import tree
from engine.language.compiler import compile_triggers
from engine.language.concerns import leaves, states_in, used_segments
from engine.language.files import Loaded, load
from engine.simulate import read, received_at
from engine.why import Asked, Part, Subject, explain
from engine.why.moments import explain_moment
from engine.why.past import Past
from engine.why.plan import Plan
from engine.why.view import View
from tests.core.worlds import lived
from tests.reference.generator import case
from tests.reference.render import rules_text

DAY = 86_400_000


def has_history(trigger: tree.Trigger, loaded: Loaded) -> bool:
    """Whether a trigger asks nothing of traits and lists."""
    states = [*states_in(trigger.when), *([] if trigger.condition is None else [trigger.condition])]
    definitions = {segment.name: segment.state for segment in loaded.segments}
    used = used_segments(states, definitions)
    asked = [*states, *(state for state in used.values() if state is not None)]
    return None not in used.values() and not any(
        isinstance(leaf, tree.Profile) for state in asked for leaf in leaves(state)
    )


def life(seed: int) -> tuple[Loaded, User, list[Firing], Millis, Millis]:
    """Give the triggers of one random case, a user who has lived through its inputs, and what fired by the end."""
    made = case(Random(seed))
    text = rules_text(made.rules)
    note(text)
    loaded = load({"t.yaml": text}, retention=made.retention)
    program = compile_triggers(
        loaded.triggers, loaded.segments, retention=made.retention, history_after=made.history_after
    )
    inputs, clock = [], 0
    for seq, call in enumerate(made.inputs):
        clock = max(clock, received_at(call))
        inputs.append((read(call, clock, seq), clock))
    user, end = User("1u", program), clock + 2 * DAY
    fired = lived(user, tuple(inputs))
    return loaded, user, fired + user.wake(end), made.retention, made.history_after


@given(st.integers(0, 2**32 - 1))
def test_the_timeline_tells_the_firings_of_the_engine(seed: int) -> None:
    loaded, user, fired, retention, history_after = life(seed)
    if retention < 90 * DAY:
        return  # the timeline has forgotten what fired
    records = user.history.timeline.records
    subject = Subject(user.first_id, records, profile=user.profile)
    for trigger in loaded.triggers:
        if has_history(trigger, loaded):
            plan = Plan(trigger, loaded.segments, retention=retention, history_after=history_after)
            past = Past.until(plan, subject, user.clock)
            told = [fate.met.point.t for fates in past.fates.values() for fate in fates if not fate.held]
            assert sorted(told) == sorted(each.at for each in fired if each.trigger == trigger.name), seed
            asked = Asked(trigger, loaded.segments, user.clock, retention, history_after)
            answer = explain(asked, Subject.of(user))
            assert answer.notes == [], seed
            assert all(each.id for watch in answer.watches for each in watch.firings), seed
            assert all(each.held != "unrecorded" for watch in answer.watches for each in watch.occurrences), seed


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_whatever_happened_it_can_be_told_at_any_time(seed: int, share: float) -> None:
    loaded, user, _, retention, history_after = life(seed)
    subject = Subject.of(user)
    first = min((record.ts for record in user.history.timeline.records), default=0)
    t = int(first + (user.clock - first) * share)
    for trigger in loaded.triggers:
        answer = explain(Asked(trigger, loaded.segments, t, retention, history_after), subject)
        for watch in answer.watches:
            assert watch.said
            if watch.condition is not None:
                agree(watch.condition)


@given(st.integers(0, 2**32 - 1))
def test_the_parts_of_a_condition_make_up_the_whole(seed: int) -> None:
    loaded, user, _, retention, history_after = life(seed)
    subject = Subject.of(user)
    for trigger in loaded.triggers:
        plan = Plan(trigger, loaded.segments, retention=retention, history_after=history_after)
        past = Past.until(plan, subject, user.clock)
        for value in past.values() if trigger.per is not None else (None,):
            agree(explain_moment(trigger.when, View(past, value)))


def agree(part: Part) -> None:
    """Check that what the engine says of a part follows from the values that are told of it."""
    below = [bool(each.holds) for each in part.parts]
    for each in part.parts:
        agree(each)
    if part.holds is None or not part.text:
        return
    match part.kind:
        case "and":
            assert part.holds == all(below)
        case "or":
            assert part.holds == any(below)
        case "not":
            assert part.holds != below[0]
        case "seen":
            assert part.holds == (part.values["seen"] > 0)
        case "count" | "sum" | "min" | "max" | "distinct":
            found, [op] = part.values[part.kind], re.findall(r"`([<>=!]+) [^`]+` is wanted", part.said)
            wanted = Decimal(repr(part.values["wanted"]))
            assert part.holds == (found is not None and COMPARISONS[op](Decimal(repr(found)), wanted)), part
