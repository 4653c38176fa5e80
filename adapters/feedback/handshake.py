"""What Marketing Cloud posts to a new callback to see whose address it is, before it has anything to report.

It is not signed, so it is believed in nothing: it is only shown, with the command by which whoever made the callback
lets it be verified (docs/decisions/handshake.md).
"""

import shlex
from typing import Annotated

import msgspec

_Plain = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._~+/=-]{1,200}\Z")]
"""What may be shown: anybody may have posted it, and somebody will paste it into a shell."""

_KINDS = frozenset({"salesforce_email", "salesforce_journey"})


class Handshake(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Which callback it is, and the key that only its address is told."""

    callback_id: _Plain
    verification_key: _Plain


def handshake(kind: str, body: bytes) -> Handshake | None:
    """What was posted to a destination of this kind, if it is a handshake."""
    try:
        return msgspec.json.decode(body, type=Handshake) if kind in _KINDS else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def command(name: str, posted: Handshake) -> str:
    """What to run in answer to a handshake with a destination."""
    said = f"--callback={posted.callback_id}", f"--key={posted.verification_key}"
    return shlex.join(["impel", "destinations", "verify", name, *said])
