"""Whose turn it is, where a service can only be asked about one address after the other.

Each address has an instant of the day, made of the address itself. Whose instant has passed since the last poll is
asked about, so that each is asked about once a day, evenly over it, and nothing is to be kept but until when. Where
there are more than may be asked about, it goes on from the last of them the next time.
"""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

import structlog

from adapters.feedback.polling import Polled
from adapters.feedback.report import Report
from engine.core.events import Millis
from engine.core.sending.suppression import normal
from engine.runtime.ports import DAY, DeliveryError, Rejected

_log = structlog.get_logger()


async def ask_in_turn(
    due: Sequence[tuple[Millis, str]],
    until: Millis,
    ask: Callable[[str], Awaitable[Sequence[Report]]],
    told: Sequence[Report] = (),
) -> Polled:
    """Ask about those whose turn it is; what was `told` beside is kept.

    An address that is refused does not hold up the others. After another failure it goes on from there the next time.

    Raises:
        DeliveryError: the first could not be asked about, and nothing is told.

    """
    reports = [*told]
    refused: list[Rejected] = []
    for at, address in due:
        try:
            reports += await ask(address)
        except Rejected as error:
            refused.append(error)
        except DeliveryError:
            if at == due[0][0] and not reports:
                raise
            until = at - 1
            break
    if refused:
        _log.warning("addresses could not be asked about", number=len(refused), reason=str(refused[0]))
    return Polled(reports, str(until))


def turns(cursor: str, mailed: Sequence[str], now: Millis, most: int) -> tuple[list[tuple[Millis, str]], Millis]:
    """Whose turn has come since `cursor`, of those that were mailed, each with its instant; and until when.

    They are about `most`; the first time, it is everybody's turn.
    """
    since = min(int(cursor), now) if cursor.isdecimal() else now - DAY
    since += max(now - since - 1, 0) // DAY * DAY  # the day goes round: the same place of the last one
    due = sorted((after(since, address), address) for address in {normal(each) for each in mailed})
    due = [each for each in due if each[0] <= now]
    until = now if len(due) <= most else due[most - 1][0]
    return [each for each in due if each[0] <= until], until


def after(since: Millis, address: str) -> Millis:
    """The first turn of an address after an instant."""
    turn = int.from_bytes(blake2b(address.encode(), digest_size=8).digest()) % DAY
    return since + 1 + (turn - since - 1) % DAY
