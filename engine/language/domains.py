"""The parts of a timeline as a handler names them: the whole of it, and the events of one value of a `per` property.

What a user has of the whole stands in the user's page for the handler, and so in local variables. Of values there are
many, so what belongs to them is looked up.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from engine.core.series import Feed


class Constants(dict[str, Any]):
    """What a handler needs besides literals, by name."""

    def new(self, kind: str, value: object) -> str:
        """A name of its own for something."""
        name = f"{kind}_{len(self)}"
        self[name] = value
        return name


class Domain(Protocol):
    """A part of the timeline."""

    scope: str
    """Its scope."""
    silence: str
    """The series of what bears no value, which counts against silence; empty if there is no such thing."""

    def find(self, key: int) -> str:
        """A series, or None."""

    def fed(self, key: int) -> str:
        """A series that the event is about to feed."""

    def places(self, key: int) -> str:
        """The places of a series that the event is about to feed."""

    def reached(self, key: int, number: int) -> tuple[str, str]:
        """Whether a series has so many places, and then the last but so many."""

    def latest(self, key: int) -> tuple[str, str]:
        """Whether the predicate of a `Latest` series held of the latest event, and then its place."""


class Whole:
    """The whole timeline."""

    scope, silence = "whole", ""

    def __init__(self, feeds: Mapping[int, Feed], constants: Constants) -> None:
        self._feeds = feeds
        self._constants = constants
        self.locals: dict[str, str] = {
            "whole": "whole",
            "places": "user.history.timeline.places",
            "records": "user.history.timeline.records",
            "fresh": "user.history.archive.fresh",
        }
        """What stands in a page: the names of local variables, and where they come from."""

    def watch(self, name: str, trigger: str) -> None:
        """Keep the watch of a trigger that every such event concerns."""
        self.locals[name] = f"begin({trigger}, whole, now)"

    def find(self, key: int) -> str:
        """A series."""
        return self.fed(key)

    def fed(self, key: int) -> str:
        """A series."""
        self.locals[f"series_{key}"] = self._made(key)
        return f"series_{key}"

    def places(self, key: int) -> str:
        """The places of a series."""
        self.locals[f"places_{key}"] = f"{self._made(key)}.places"
        return f"places_{key}"

    def reached(self, key: int, number: int) -> tuple[str, str]:
        """Whether a series has so many places, and then the last but so many."""
        places = self.places(key)
        return places if number == 1 else f"len({places}) >= {number}", f"{places}[-{number}]"

    def latest(self, key: int) -> tuple[str, str]:
        """Whether the predicate of a series held of the latest event, and then its place."""
        series = self.fed(key)
        return f"{series}.value and {series}.place is not None", f"{series}.place"

    def page(self, name: str | None) -> list[str]:
        """The function that makes a user's page."""
        return [
            "def begin_page(user, event, now):",
            "    whole, series = user.history.whole, user.history.whole.series",
            "    if user.born is None: user.born = event.seq",
            f"    page = user.pages[{name!r}] = (",
            *[f"        {source}," for source in self.locals.values()],
            "    )",
            "    return page",
        ]

    def _made(self, key: int) -> str:
        make = f"make_{key}"
        self._constants[make] = self._feeds[key].make
        return f"series_of(series, {key}, {make})"


class Value:
    """The events that bear one value of a `per` property; a handler's `scope_0` is theirs, for the first of these."""

    def __init__(self, index: int) -> None:
        self.scope = f"scope_{index}"
        self.series = f"scope_{index}.series"
        self.silence = f"user.history.silences[{index}].series"

    def find(self, key: int) -> str:
        """A series, or None."""
        return f"{self.series}.get({key})"

    def fed(self, key: int) -> str:  # noqa: ARG002  the same verb for all domains
        """The series at hand."""
        return "s"

    def places(self, key: int) -> str:  # noqa: ARG002
        """Its places."""
        return "s.places"

    def reached(self, key: int, number: int) -> tuple[str, str]:
        """Whether a series has so many places, and then the last but so many."""
        return f"(s := {self.find(key)}) is not None and len(q := s.places) >= {number}", f"q[-{number}]"

    def latest(self, key: int) -> tuple[str, str]:
        """Whether the predicate of a series held of the latest event, and then its place."""
        return f"(s := {self.find(key)}) is not None and s.value and s.place is not None", "s.place"
