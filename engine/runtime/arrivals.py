"""What a source hands to the router: inputs as they arrived, before they have a number and a user.

Ids are as the shop wrote them; properties and traits are raw (see `engine.core.events`).
"""

import msgspec

from engine.core.events import NOTHING, Millis
from engine.core.sending.suppression import Why


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A `track`, `page` or `screen` call. A `ts` of None means the instant it was received."""

    user_id: str | None = None
    anonymous_id: str | None = None
    message_id: str = ""
    name: str
    ts: Millis | None = None
    properties: bytes = NOTHING
    imported: bool = False
    """Brought in from an archive: history, however young."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An `identify` or `group` call; `links` where it says that both ids are one person."""

    user_id: str | None = None
    anonymous_id: str | None = None
    message_id: str = ""
    traits: bytes = NOTHING
    links: bool = False
    imported: bool = False


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """An `alias` call: `previous_id` is another name of `user_id`."""

    previous_id: str
    user_id: str
    message_id: str = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The user enters or leaves a segment that is kept outside as a list."""

    user_id: str | None = None
    anonymous_id: str | None = None
    segment: str
    member: bool


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The user consents to a purpose, or withdraws that; `source` says where."""

    user_id: str | None = None
    anonymous_id: str | None = None
    purpose: str
    granted: bool
    source: str
    stamped: bool = False
    """It stands on whatever the user does, as it stood before: only another word than the last stamp's is one."""
    at: Millis | None = None
    """When it was said, if not just now."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The user gets nothing more on a channel, or, if it is `lifted`, does again."""

    user_id: str | None = None
    anonymous_id: str | None = None
    channel: str
    list: str
    why: Why
    source: str
    lifted: bool = False


Arrival = Event | Profile | Alias | Listing | Choice | Block
