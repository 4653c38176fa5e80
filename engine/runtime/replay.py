"""Replay: messages of the past are told to their destination once more, for the record; nobody is sent anything.

They are told with their own keys and of the instant at which their trigger fired. What they say is filled in from the
person as they are now, with the event that fired where it is still kept: what was said then is not kept. Who has
withdrawn consent since, or is suppressed, is left out, for what is told of them is no less theirs than a message.
"""

from collections.abc import Iterable
from typing import Literal

from engine.core.sending.consent import consent
from engine.core.sending.question import Due, Question
from engine.core.sending.suppression import suppression
from engine.core.user import User
from engine.runtime.office import Office, addresses
from engine.runtime.ports import Chronicle, Delivery, Rejected, Turns
from engine.runtime.records import Dispatch

Past = Literal["accepted", "failed", "unconfirmed"]
"""The states of a message of which its destination may be told: what was dropped was not to go."""


async def replay(
    dispatches: Iterable[Dispatch], office: Office, there: Chronicle, account: Turns, *, dry: bool
) -> dict[str, str]:
    """Tell a destination of messages that have ended; where it is `dry`, only see whether that can be.

    Returns:
        The ids of those that were left out, or refused, and why.

    Raises:
        Unavailable: some may not have been told of; they may all be told again later, for that has no effect twice.
        Unclear: the same.

    """
    deliveries, left_out = list[Delivery](), dict[str, str]()
    for dispatch in dispatches:
        user = await office.desk.user(dispatch.name)
        try:
            delivery = _retold(user, dispatch, office)
            there.checked(delivery)
        except Rejected as problem:
            left_out[dispatch.id] = str(problem)
        else:
            deliveries.append(delivery)
    if deliveries and not dry:
        left_out |= await there.record(deliveries, account)
    return left_out


def _retold(user: User | None, dispatch: Dispatch, office: Office) -> Delivery:
    """A message as it reads now.

    Raises:
        Rejected: it is not to be told, or cannot be filled in.

    """
    if user is None:
        raise Rejected("the user is no longer known")
    firing = dispatch.firing
    due = Due(dispatch.id, firing.trigger, dispatch.message, firing.at)
    asked = Question(user, due, office.desk.now(), office.policy, ())
    for gate in (suppression, consent):
        if (never := gate(asked)) is not None:
            raise Rejected(never.reason)
    data = office.render(user, dispatch)
    if objection := office.objection(dispatch.message, addresses(data)):
        raise Rejected(objection)
    return Delivery(dispatch.id, firing.trigger, firing.user, firing.at, dispatch.message, data)
