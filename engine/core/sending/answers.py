"""What a gate may answer, as data."""

import msgspec

from engine.core.events import Millis


class Go(msgspec.Struct, frozen=True):
    """Nothing is against it."""


class Held(msgspec.Struct, frozen=True):
    """Not before `until`; then it is asked again."""

    gate: str
    reason: str
    until: Millis


class Never(msgspec.Struct, frozen=True):
    """Not any more."""

    gate: str
    reason: str
