"""The services that messages go to: for each its simulator, its settings, a message, and what it promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.destinations import DestinationSettings
from adapters.destinations.klaviyo import KlaviyoSettings
from adapters.secrets import Secret
from tests.simulators.base import Parts, Simulator
from tests.simulators.klaviyo import Klaviyo

KEYS = {"KLAVIYO_KEY": "pk_1"}
"""The secrets of all of them, by environment variable."""


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
    mutants: tuple[Mutant, ...] = ()
    auxiliary: int = 0
    """Requests that come before the first message's own, such as for a token."""


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


KLAVIYO = Vendor(
    name="klaviyo",
    simulator=Klaviyo,
    settings=lambda url: KlaviyoSettings(key=Secret(env="KLAVIYO_KEY"), url=url, timeout=0.4),
    data={
        "metric": "Cart Abandoned",
        "profile": {"email": "ann@shop.example", "first_name": "Ann", "plan": "vip"},
        "properties": {"cart_id": "c1", "items": [{"product": "Tent"}]},
        "value": 211.5,
    },
    deduplicates=True,
    wrong={"metrik": "Cart Abandoned", "profile": {"email": "x"}, "value_currency": "euro"},
    mutants=(
        Mutant("no revision", without("revision"), "the header `revision` says a date"),
        Mutant("no key", without("authorization"), "a private key is shown"),
        Mutant("form", with_header("content-type", "application/x-www-form-urlencoded"), "the body is JSON:API"),
        Mutant(
            "no metric", edited(lambda body: body["data"]["attributes"].pop("metric")), "KeyError('metric') is missing"
        ),
        Mutant(
            "a misspelt key",
            edited(lambda body: body["data"]["attributes"].update(uniqueid="x")),
            "an event has no other attributes",
        ),
        Mutant("a reused key", edited(lambda body: body["data"]["attributes"].update(unique_id="always"))),
        Mutant("no key of the message", edited(lambda body: body["data"]["attributes"].pop("unique_id"))),
    ),
)

VENDORS = (KLAVIYO,)
