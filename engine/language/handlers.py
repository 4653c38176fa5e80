"""Handlers: what a user does with an event of one name, written out as one Python function.

Theory of operation. Most events come in order: nothing stands behind them on their user's timeline, they are young, and
nothing need be forgotten for them. What the general way (`User.take`) finds out about such an event by going from table
to table, which selectors take it, what it feeds, which watches it concerns, is known when the triggers are compiled,
but for the values of its properties. So for each event name a function is written in which all that is put in place. It
does what the general way would do, to the same series and watches, and hands over to it wherever a case is not usual. A
handler is written when the first event of its name comes; `impel compile --show` prints it.

What a user has of a handler's series and watches is looked up once and kept in a *page* of the user's, by event name.

A route for which there is no short way has no handler: its events go the general way.
"""

from functools import lru_cache
from types import CodeType

from engine.core.events import FEEDBACK
from engine.core.program import Handler
from engine.language.domains import Constants
from engine.language.script import Circumstances, Script
from engine.language.watchers import Unwritten


class Handlers(dict[str, Handler | None]):
    """The handlers by event name, each written when it is first looked for; None where there is no short way."""

    def __init__(self, circumstances: Circumstances) -> None:
        super().__init__()
        self._circumstances = circumstances
        self._others: list[Handler | None] = []

    def __missing__(self, name: str) -> Handler | None:
        """Write it; names that nobody mentions share one, for there is no end of them."""
        if name in FEEDBACK:
            return None  # what services report concerns more than the triggers
        if name in self._circumstances.routes:
            self[name] = written = self._write(name)
            return written
        if not self._others:
            self._others.append(self._write(None))
        return self._others[0]

    def text(self, name: str) -> str:
        """The text of the handler of events of that name.

        Raises:
            Unwritten: there is none.

        """
        return self._script(name if name in self._circumstances.routes else None)[0]

    def _script(self, name: str | None) -> tuple[str, Constants]:
        return Script(self._circumstances, name).write()

    def _write(self, name: str | None) -> Handler | None:
        try:
            text, constants = self._script(name)
            code = _compiled(text)
        except (Unwritten, SyntaxError, RecursionError):  # the latter two where hundreds of parentheses are nested
            return None
        names = dict(constants)  # a dict and no more, or each global name costs ten times as much
        exec(code, names)  # noqa: S102  a text of our own making, from triggers that were checked
        handler: Handler = names["handle"]
        return handler


@lru_cache(maxsize=1_000)
def _compiled(text: str) -> CodeType:
    return compile(text, "<handler>", "exec")
