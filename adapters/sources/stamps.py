"""Stamps: what stands on whatever a person does, of what they consent to, is news only when it changes."""

from collections import OrderedDict
from collections.abc import Sequence

from quart.wrappers.base import BaseRequestWebsocket

from engine.core.sending.consent import PRIVACY_CONTROL
from engine.runtime.arrivals import Alias, Arrival, Choice

_REMEMBERED = 100_000

_Whose = tuple[str | None, str | None, str]


class Stamps:
    """The last stamps of some people. Who is not remembered any more is told once more, which changes nothing."""

    def __init__(self) -> None:
        self._last: OrderedDict[_Whose, bool] = OrderedDict()

    def news(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """The arrivals without the stamps that say what was said before."""
        if not any(type(each) is Choice and each.stamped for each in arrivals):
            return arrivals
        said: dict[_Whose, bool] = {}
        fresh: list[Arrival] = []
        for each in arrivals:
            if isinstance(each, Choice) and each.stamped:
                whose = each.user_id, each.anonymous_id, each.purpose
                if said.get(whose, self._last.get(whose)) is each.granted:
                    continue
                said[whose] = each.granted
            fresh.append(each)
        return fresh

    def remember(self, arrivals: Sequence[Arrival]) -> None:
        """These were taken."""
        for each in arrivals:
            if isinstance(each, Choice) and each.stamped:
                whose = each.user_id, each.anonymous_id, each.purpose
                self._last[whose] = each.granted
                self._last.move_to_end(whose)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)


def signalled(request: BaseRequestWebsocket, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
    """The arrivals of a request, with the browser's Global Privacy Control (the header `Sec-GPC: 1`) before them."""
    if request.headers.get("Sec-GPC", "").strip() != "1":
        return arrivals
    people = dict.fromkeys((each.user_id, each.anonymous_id) for each in arrivals if not isinstance(each, Alias))
    signals = [
        Choice(
            user_id=user_id,
            anonymous_id=anonymous_id,
            purpose=PRIVACY_CONTROL,
            granted=True,
            source="browser",
            stamped=True,
        )
        for user_id, anonymous_id in people
    ]
    return [*signals, *arrivals]
