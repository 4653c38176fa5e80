"""Holdout: a stable share of the people gets nothing, so that what messages bring about can be told from the rest."""

from collections.abc import Iterable
from hashlib import blake2b

from engine.core.sending.answers import Never
from engine.core.sending.policy import Policy
from engine.core.sending.question import Question

HELD_OUT = "holdout"
"""The gate, and the arm of those whom it lets nothing pass to."""


def holdout(asked: Question) -> Never | None:
    """Who is held out of everything, or of what this trigger sends, gets nothing but transactional messages."""
    if not asked.is_limited:
        return None
    of, share = _held_out(asked.policy, asked.user.first_id, asked.due.trigger)
    return (
        Never(HELD_OUT, f"holdout: they are among the {100 * share:.4g} % of people held out of {of}")
        if share
        else None
    )


def arm(policy: Policy, first_id: str, trigger: str, variant: str, messages: Iterable[str]) -> str:
    """The arm under which a person counts: the variant that they have, or that of those held out.

    Where all messages of a trigger are transactional, nobody is held out of it.
    """
    purposes = {policy.facts(message).purpose for message in messages}
    _, share = _held_out(policy, first_id, trigger)
    return HELD_OUT if share and purposes != {"transactional"} else variant


def _held_out(policy: Policy, first_id: str, trigger: str) -> tuple[str, float]:
    """Of what a person is held out, with how large a share of the people; a share of 0: of nothing."""
    for of, share in (("everything", policy.holdout), (f"trigger {trigger}", policy.holdouts.get(trigger, 0))):
        if share > 0 and place(first_id, of) < share:
            return of, share
    return "", 0.0


def place(first_id: str, of: str) -> float:
    """Where a person stands in [0, 1) for a purpose: the same always and everywhere, evenly over all people.

    A share that grows only adds people, and two purposes draw independently of each other.
    """
    digest = blake2b(f"{of}\0{first_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
