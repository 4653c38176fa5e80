"""Warnings: what is legal in a trigger, and probably not meant."""

from collections.abc import Iterator, Sequence

from engine.language import tree
from engine.language.durations import format_duration
from engine.language.errors import TriggerWarning
from engine.language.trials import Trial
from engine.language.triggers import Draft


def lint(drafts: Sequence[Draft]) -> tuple[TriggerWarning, ...]:
    """Everything that is probably not meant, in the order of the triggers."""
    return tuple(
        warning
        for draft in drafts
        for check in (_bare_event, _silence_by_itself, _long_links, _per_nowhere)
        for warning in check(draft)
    ) + tuple(_twins(drafts))


def _bare_event(draft: Draft) -> Iterator[TriggerWarning]:
    if draft.trigger.cooldown is None and any(isinstance(arm, tree.Happens) for arm in _arms(draft.trigger.when)):
        yield draft.when.warning(0, "this fires at every such event", "add a `cooldown`, such as `cooldown: 1d`")


def _silence_by_itself(draft: Draft) -> Iterator[TriggerWarning]:
    states = [arm.state for arm in _arms(draft.trigger.when) if isinstance(arm, tree.Becomes)]
    if any(_awaits_silence(state, denied=False) for state in states):
        message = "this can become true by the mere passing of time, when an event leaves the window of `not seen(…)`"
        yield draft.when.warning(0, message, "to fire at an event only, write `(…) on product_viewed`")


def _awaits_silence(state: tree.State, *, denied: bool) -> bool:
    match state:
        case tree.Not(part):
            return _awaits_silence(part, denied=not denied)
        case tree.And(left, right) | tree.Or(left, right):
            return _awaits_silence(left, denied=denied) or _awaits_silence(right, denied=denied)
        case _:
            return denied and isinstance(state, tree.Seen)


def _long_links(draft: Draft) -> Iterator[TriggerWarning]:
    for moment in _moments(draft.trigger.when):
        if isinstance(moment, tree.Then) and moment.within is not None:
            longest = max((link.within or 0 for link in _links(moment.first)), default=0)
            if longest > moment.within:
                chain, link = format_duration(moment.within), format_duration(longest)
                message = f"a link of this chain may take {link}, and the whole chain only {chain}"
                yield draft.when.warning(0, message, f"the link needs at most {chain}, or the chain at least {link}")


def _per_nowhere(draft: Draft) -> Iterator[TriggerWarning]:
    per = draft.trigger.per
    if per and draft.per and draft.trials and not any(_bears(trial, per) for trial in draft.trials):
        message = f"no event in the tests of `{draft.trigger.name}` bears `{'.'.join(per)}`"
        yield draft.per.warning(0, message, "a trigger watches only events that bear it; is it misspelt?")


def _bears(trial: Trial, path: tree.Path) -> bool:
    return any(_has(given.properties, path) for given in trial.given)


def _has(value: object, path: tree.Path) -> bool:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value is not None


def _twins(drafts: Sequence[Draft]) -> Iterator[TriggerWarning]:
    first: dict[str, Draft] = {}
    for draft in drafts:
        twin = first.setdefault(repr(draft.trigger.when), draft)  # as text, 1 is not True
        if twin is not draft:
            message = f"`{draft.trigger.name}` fires at the same moments as `{twin.trigger.name}`"
            hint = f"one trigger can send several messages; the other is in {twin.trigger.file}:{twin.trigger.line}"
            yield draft.when.warning(0, message, hint)


def _arms(moment: tree.Moment) -> Iterator[tree.Moment]:
    """The moments of which either makes the trigger fire."""
    if isinstance(moment, tree.Either):
        yield from _arms(moment.left)
        yield from _arms(moment.right)
    else:
        yield moment


def _moments(moment: tree.Moment) -> Iterator[tree.Moment]:
    """A moment and all moments inside it."""
    yield moment
    match moment:
        case tree.Either(left, right):
            yield from _moments(left)
            yield from _moments(right)
        case tree.Then(first=inner) | tree.ThenNo(first=inner) | tree.While(moment=inner):
            yield from _moments(inner)
        case _:
            pass


def _links(moment: tree.Moment) -> Iterator[tree.Then]:
    """The links whose beginning is the beginning of a chain that goes on from `moment`."""
    match moment:
        case tree.Then():
            yield moment
            yield from _links(moment.first)
        case tree.Either(left, right):
            yield from _links(left)
            yield from _links(right)
        case tree.While(inner, _):
            yield from _links(inner)
        case _:
            pass
