"""Fatigue: a budget that each message uses up, and that comes back as what was sent decays (LANGUAGE.md, "Fatigue")."""

from collections.abc import Collection
from math import ceil, exp2, fsum, log2

from engine.core.events import Millis, Sent
from engine.core.sending.answers import Held, Never
from engine.core.sending.local import in_words
from engine.core.sending.policy import Fatigue
from engine.core.sending.question import Question


def fatigue(asked: Question) -> Held | Never | None:
    """A message goes when what it weighs, and what is left of those before, are within the budget together."""
    rule, facts, now = asked.policy.fatigue, asked.facts, asked.at
    if rule is None or not asked.is_limited:
        return None
    sent = [each for each in asked.sent if each.id != asked.due.id]
    opens = earliest(rule, sent, facts.weight, now)
    if opens == now:
        return None
    felt = f"fatigue: {level(rule, sent, now):.3g} + {facts.weight:g} is more than the budget of {rule.budget:g}"
    if opens is None:
        return Never("fatigue", f"{felt}, and always will be")
    reason = f"{felt}; from {in_words(opens)} on"
    return Held("fatigue", reason, opens) if facts.over == "defer" else Never("fatigue", reason)


def level(rule: Fatigue, sent: Collection[Sent], at: Millis) -> float:
    """f(t), the sum of `weight * 2^(-(t - s) / half_life)` over what was sent at s, up to t; in whatever order."""
    return fsum(each.weight * exp2((each.at - at) / rule.half_life) for each in sent if each.at <= at)


def earliest(rule: Fatigue, sent: Collection[Sent], weight: float, now: Millis) -> Millis | None:
    """The first millisecond from `now` on at which `f(t) + weight <= budget`, if nothing else is sent; None: none.

    All parts decay at one rate, so f(t) = f(now) * 2^(-(t - now) / half_life), and t is known in closed form.
    """

    def fits(at: Millis) -> bool:
        return level(rule, sent, at) + weight <= rule.budget

    if fits(now):
        return now
    room = rule.budget - weight
    if room <= 0:  # what decays is never gone
        return None
    at = now + max(ceil(rule.half_life * log2(level(rule, sent, now) / room)), 1)
    # The closed form and the sum round differently, by less than a millisecond, but where hardly any room is left: so
    # two instants are sought about it, between which it begins to fit.
    late, early, step = at, at - 1, 1
    while not fits(late):
        early, late, step = late, late + step, 2 * step
    step = 1
    while early > now and fits(early):
        early, late, step = max(early - step, now), early, 2 * step
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if fits(middle) else (middle, late)
    return late
