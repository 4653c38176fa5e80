"""What goes into the core: the inputs, as values.

Times are integer milliseconds since the epoch, UTC. Every input carries `seq`, its number in the order of arrival
over all users, which the router stamps; it breaks ties between events of one millisecond.

Properties and traits stay raw: one JSON object or one msgpack map, told apart by the first byte, decoded when somebody
asks.
"""

from typing import Any, Literal

import msgspec

Millis = int
Scalar = bool | int | float | str

INF: Millis = 1 << 62
"""Never, as an instant: later than every time that can occur."""

NOTHING = b"\x80"
"""An empty map, raw."""

FEEDBACK = frozenset(
    {
        "Email Delivered",
        "Email Opened",
        "Email Link Clicked",
        "Email Bounced",
        "Email Marked as Spam",
        "Unsubscribed",
    }
)
"""The e-mail events of the Segment spec: what a service reports, not what the shopper does, so `any` passes them by."""


class Track(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="track"):
    """Something the user did: a `track`, `page` or `screen` call."""

    seq: int
    name: str
    ts: Millis
    properties: bytes = NOTHING
    message_id: str = ""
    imported: bool = False
    """Brought in from an archive: history, however young."""


class Traits(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="traits"):
    """A profile update: an `identify` or `group` call, or, without traits, an `alias`. A null trait is taken away."""

    seq: int
    traits: bytes = NOTHING
    message_id: str = ""
    imported: bool = False


class Membership(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="membership"):
    """The user enters or leaves a segment that is kept outside as a list."""

    seq: int
    segment: str
    member: bool


Fate = Literal["sending", "later", "accepted", "unconfirmed", "failed", "dropped", "due"]
"""What becomes of a message: it is being handed over; it was not taken and will be tried again; it was taken by its
destination, perhaps taken, not taken, never handed over; or, when somebody asks for it again, it is due as before."""


class Sent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message that was handed over, or is being, with what limits ask of it, as it was then."""

    id: str
    at: Millis
    """When its last attempt began."""
    trigger: str
    message: str
    channel: str = "email"
    tags: tuple[str, ...] = ()
    weight: float = 1.0


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="outcome"):
    """What becomes of a message."""

    seq: int
    message: str
    """Its id."""
    fate: Fate
    sent: Sent | None = None
    """What counts against the user's limits from now on, of one that is being handed over; None: nothing."""


class Consent(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="consent"):
    """The user consents to a purpose, such as `marketing`, or withdraws that."""

    seq: int
    purpose: str
    granted: bool
    source: str
    """Where it was said, such as `preferences`."""
    stamped: bool = False
    """It stands on whatever the user does: only another word than the one before is one."""
    at: Millis | None = None
    """When it was said, if not just now: what is older than the last word is none."""


class Suppression(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="suppression"):
    """The user is suppressed on a channel, or is no longer."""

    seq: int
    channel: str
    list: str
    why: Literal["bounced", "complained", "unsubscribed", "manual"]
    source: str
    lifted: bool = False


Input = Track | Traits | Membership | Outcome | Consent | Suppression

JSON_OBJECT = ord("{")
"""The first byte of an object that is JSON; others are msgpack."""

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode
_decode_msgpack = msgspec.msgpack.Decoder(dict[str, Any]).decode


def decode(raw: bytes) -> dict[str, Any]:
    """Read raw properties or traits.

    Raises:
        msgspec.DecodeError: they are neither a JSON object nor a msgpack map.

    """
    return _decode_json(raw) if raw[0] == JSON_OBJECT else _decode_msgpack(raw)


def encode(content: Any) -> bytes:
    """Write properties, traits or a struct: as msgpack, or as JSON where an integer needs more than 64 bits.

    Raises:
        TypeError: something in it has no form in either.
        ValueError: the same.

    """
    try:
        return msgspec.msgpack.encode(content)
    except OverflowError:
        return msgspec.json.encode(content)


def is_json(raw: bytes) -> bool:
    """Whether an object or an array is written as JSON; else it is msgpack."""
    return raw[:1] in (b"{", b"[")
