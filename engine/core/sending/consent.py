"""Consent, and an address to write to: who has said what, when and where, and what silence means.

What was said last counts. Where the law asks for an opt-in, silence is a no; in the regions that the shop names it is
a yes until the person objects, and the browser's Global Privacy Control objects for them.
"""

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from engine.core.events import Millis
from engine.core.sending.answers import Never
from engine.core.sending.local import in_words
from engine.core.sending.policy import ConsentRule, Policy
from engine.core.sending.question import Question

if TYPE_CHECKING:
    from engine.core.user import User

TRAIT = "consent"
"""The trait by which a profile update says to what the person consents: a purpose, or several, each true or false."""

PRIVACY_CONTROL = "gpc"
"""The trait that is true for whom the browser sent Global Privacy Control; also as a purpose, where it stamps that."""

TRACKING = "tracking"
"""The purpose to which a person consents who lets it be seen which mails they open, and which links they follow."""


class Stance(msgspec.Struct, frozen=True, array_like=True):
    """What a person has said of a purpose."""

    granted: bool
    at: Millis
    source: str
    withdrawn: Millis | None = None
    """When it was last withdrawn, though it may have been granted again since."""

    def after(self, before: "Stance | None") -> "Stance":
        """What is known when this is said after what was said before."""
        known = [each.withdrawn for each in (before, self) if each is not None and each.withdrawn is not None]
        withdrawn = max(known, default=None)
        return replace(self, withdrawn=withdrawn if self.granted else self.at)


def stances(trait: Any, at: Millis) -> dict[str, Stance]:
    """What a profile update says of consent, by purpose; what is neither true nor false says nothing."""
    if not isinstance(trait, dict):
        return {}
    return {
        purpose: Stance(granted, at, "profile")
        for purpose, granted in trait.items()
        if isinstance(purpose, str) and isinstance(granted, bool)
    }


def address(asked: Question) -> Never | None:
    """There must be an address."""
    trait = asked.facts.address
    if not trait or asked.user.profile.get(trait):
        return None
    return Never("address", f"address: their profile has no `{trait}`")


def consent(asked: Question) -> Never | None:
    """A message needs consent to its purpose, but a transactional one, of which the law asks none."""
    user, rule, purpose = asked.user, asked.policy.consent, asked.facts.purpose
    if rule is None or not asked.is_limited:
        return None
    stance = _stance(asked, rule)
    if stance is not None:
        if stance.granted:
            return withdrawal(asked)
        return Never("consent", f"consent: they withdrew it for {purpose} at {in_words(stance.at)} ({stance.source})")
    if _must_opt_in(user, rule):
        return Never("consent", f"consent: they have not opted in to {purpose}")
    if _browser_objects(user):
        return Never("consent", "consent: Global Privacy Control objects for them")
    return None


def may_track(user: "User", policy: Policy) -> bool:
    """Whether it may be seen what a person does with a mail: as they have said, else by what their silence means.

    Where nobody is asked for consent here, silence lets it be seen, unless the browser objects.
    """
    rule = policy.tracking or policy.consent
    stance = _said(user, TRACKING, policy.tracking.category if policy.tracking else "")
    if stance is not None:
        return stance.granted
    return not _browser_objects(user) and (rule is None or not _must_opt_in(user, rule))


def _must_opt_in(user: "User", rule: ConsentRule) -> bool:
    """Whether silence is a no where a person lives."""
    region = user.profile.get(rule.region_trait)
    return not isinstance(region, str) or region not in rule.opt_out


def _browser_objects(user: "User") -> bool:
    """Whether Global Privacy Control objects for a person."""
    signal = user.sending.consents.get(PRIVACY_CONTROL)
    return user.profile.get(PRIVACY_CONTROL) is True or (signal is not None and signal.granted)


def withdrawal(asked: Question) -> Never | None:
    """Consent that is withdrawn ends what is due, for good: to give it again concerns what comes after."""
    rule = asked.policy.consent
    if rule is None or not asked.is_limited:
        return None
    stance = _stance(asked, rule)
    if stance is None or stance.withdrawn is None or stance.withdrawn <= asked.due.at:
        return None
    return Never("consent", f"consent: they withdrew it for {asked.facts.purpose} at {in_words(stance.withdrawn)}")


def _stance(asked: Question, rule: ConsentRule) -> Stance | None:
    """What a person has said of a message's purpose."""
    return _said(asked.user, asked.facts.purpose, rule.category)


def _said(user: "User", purpose: str, category: str) -> Stance | None:
    """What a person has said of a purpose, or of the category that stands for it."""
    said = user.sending.consents
    found = [said[name] for name in dict.fromkeys((purpose, category)) if name in said]
    stance: Stance | None = None
    for each in sorted(found, key=lambda each: (each.at, not each.granted)):
        stance = each.after(stance)
    return stance
