"""People and messages for the tests of sending, and the search that needs no formula."""

from collections.abc import Callable, Iterable

from engine.core.events import INF, Millis, Sent
from engine.core.sending.policy import Facts, Policy
from engine.core.sending.question import Due
from engine.core.user import User
from tests.core.worlds import program_of

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_767_873_600_000
"""2026-01-08, a Thursday, 12:00 UTC."""

PROGRAM = program_of("triggers: {t: {when: view}}", retention=90 * DAY, history_after=DAY)


def person(*sent: Sent, zone: str | None = None, name: str = "k:u") -> User:
    """Somebody who was sent messages."""
    user = User(name, PROGRAM)
    for each in sent:
        user.sending.ledger.enter(each)
    if zone is not None:
        user.profile["timezone"] = zone
    return user


def sent(at: Millis, number: int = 0, **more: object) -> Sent:
    """A message that was sent."""
    return Sent(f"{at}-{number}", at, "t", "m", **more)  # type: ignore[arg-type]


def due(user: User, *, at: Millis = 0, expires: Millis = INF, message: str = "m", number: int = 0) -> str:
    """Let a message be due; returns its id."""
    one = Due(f"f{number}:{message}", "t", message, at, expires)
    user.sending.due[one.id] = one
    return one.id


def policy_of(facts: Facts | None = None, **rules: object) -> Policy:
    """Rules, with the facts of the message `m`."""
    return Policy(messages={"m": facts or Facts()}, **rules)  # type: ignore[arg-type]


def first(holds: Callable[[Millis], bool], candidates: Iterable[Millis]) -> Millis | None:
    """The first of some instants, in order, at which something holds."""
    return next((at for at in candidates if holds(at)), None)
