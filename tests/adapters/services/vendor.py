"""What is to be known of a service for the tests of its way out: simulator, settings, a message, what it promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
