"""How a websocket is closed: with a code that says what to do next, and a reason in words."""

from typing import TypeVar

from quart import websocket

from engine.runtime.router import Refused

BAD_PROTOCOL = 1002
"""The client breaks the protocol: it must be mended."""

POLICY = 1008
"""The client may not, or asks for what there is not: to try again would not help."""

OUR_FAULT = 1011
ENDING = 1012
LATER = 1013

_Fault = TypeVar("_Fault", bound=Exception)

_CODES = {"ending": ENDING, "failed": OUR_FAULT}
_REASON_LIMIT = 123
"""Bytes; a frame that closes has room for no more."""


async def close(code: int, reason: str) -> None:
    """Close the present websocket, which must be accepted: before that, a code would not reach the client."""
    await websocket.close(code, reason.encode()[:_REASON_LIMIT].decode(errors="ignore"))


def code_of(refused: Refused) -> int:
    """The code for a service that takes nothing."""
    return _CODES.get(refused.status, LATER)


def first(group: ExceptionGroup[_Fault]) -> _Fault:
    """One of the faults that ended a handler's tasks."""
    fault = group.exceptions[0]
    return first(fault) if isinstance(fault, ExceptionGroup) else fault
