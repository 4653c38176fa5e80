"""Holdout: a stable share of the people gets nothing, so that what messages bring about can be told from the rest."""

from hashlib import blake2b

from engine.core.sending.answers import Never
from engine.core.sending.question import Question


def holdout(asked: Question) -> Never | None:
    """Who is held out of everything, or of what this trigger sends, gets nothing but transactional messages."""
    policy, trigger = asked.policy, asked.due.trigger
    if not asked.is_limited:
        return None
    for of, share in (("everything", policy.holdout), (f"trigger {trigger}", policy.holdouts.get(trigger, 0))):
        if share > 0 and place(asked.user.first_id, of) < share:
            return Never("holdout", f"holdout: they are among the {share:.4g} of people held out of {of}")
    return None


def place(first_id: str, of: str) -> float:
    """Where a person stands in [0, 1) for a purpose: the same always and everywhere, evenly over all people.

    A share that grows only adds people, and two purposes draw independently of each other.
    """
    digest = blake2b(f"{of}\0{first_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
