"""What is to be known of a service for the tests of its way out: simulator, settings, a message, what it promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from adapters.destinations import DestinationSettings
from tests.simulators.base import Parts, Simulator


@dataclass(frozen=True)
class Mutant:
    """A fault that an adapter might have: how its requests would differ, and the rule of the service that it breaks.

    Without a rule, the service takes the request and does what is not wanted: `effects` of two different messages.
    """

    name: str
    change: Callable[[Parts], None]
    rule: str = ""


class Told(NamedTuple):
    """What is told of an address: the event, of which list, and whether it may be another way the next time."""

    event: str
    of: str = ""
    soft: bool = False


@dataclass(frozen=True)
class Vendor:
    """One kind of call to one service."""

    name: str
    simulator: Callable[[], Simulator]
    settings: Callable[[str], DestinationSettings]
    """By the simulator's address."""
    data: Mapping[str, Any]
    """Of a message that it takes."""
    deduplicates: bool
    wrong: Mapping[str, Any] = field(default_factory=dict)
    """Data that must be told to be wrong when the files are loaded."""
    refused: Mapping[str, Any] = field(default_factory=dict)
    """Data of a message that it refuses inside an answer of success, if there is such."""
    mutants: tuple[Mutant, ...] = ()
    described: tuple[str, str] = ("", "")
    """The file with the vendor's description of the call, and the path as it stands there; empty: there is none."""
    before: int = 0
    """Requests that come before the one that has an effect: for a token, or for the contact."""
    renews: bool = False
    """A refusal of the credentials is answered with fresh ones, once."""


@dataclass(frozen=True)
class Standing:
    """Who a service says is not to be written to, and how it comes that it does."""

    vendor: Vendor
    enter: Callable[[Any, str, str, int], None]
    """Let the simulator know something of an address, since a second."""
    kinds: Mapping[str, Told]
    """By what it knows, what is told of it."""
    page: int = 0
    """How many entries stand on a page; 0: there are none."""
    lists: int = 1
    """How many lists it keeps."""
    described: tuple[str, str] = ("", "")
    """The file with the vendor's description of a call that asks, and the path there; empty: there is none."""
    mutants: tuple[Mutant, ...] = ()
    """Without a rule, the service answers, and what is told is not what it knows."""


def without(header: str) -> Callable[[Parts], None]:
    """Leave a header out."""

    def change(parts: Parts) -> None:
        parts.headers.pop(header, None)

    return change


def with_header(header: str, value: str) -> Callable[[Parts], None]:
    """Send a header with another value."""

    def change(parts: Parts) -> None:
        parts.headers[header] = value

    return change


def edited(change: Callable[[Any], object]) -> Callable[[Parts], None]:
    """Send another JSON body."""
    return lambda parts: parts.edit(change)


def asking(changed: Mapping[str, str | None]) -> Callable[[Parts], None]:
    """Ask with other parameters, and without those that are None."""

    def change(parts: Parts) -> None:
        path, _, query = parts.url.partition("?")
        asked = {**dict(parse_qsl(query)), **changed}
        parts.url = f"{path}?{urlencode({name: value for name, value in asked.items() if value is not None})}"

    return change
