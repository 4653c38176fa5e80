"""What a request shows of who it may be: keys in headers and in the query."""

import base64
import re

from quart import request as present
from quart.wrappers.base import BaseRequestWebsocket

from adapters.keys import Keys, WrongToken

_SCHEME_AND_REST = 2
_FLAG = {"true": True, "false": False}


class BadQuery(Exception):
    """A parameter in the address cannot be read; the text says which."""


HERE = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine, as it is reached from itself."""

_OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")


def is_here(request: BaseRequestWebsocket) -> bool:
    """Whether a request was sent to this machine by one of its own names.

    A page from elsewhere cannot do that and read the answer, even where it lets its own name lead here.
    """
    return _OWN_HOST.fullmatch(request.host) is not None


def basic_user(request: BaseRequestWebsocket) -> str | None:
    """The user name of HTTP Basic authentication: where Segment's libraries put the write key.

    The colon after it, and the empty password, may be missing.
    """
    shown = _credentials(request, "basic")
    if shown is None:
        return None
    try:
        return base64.b64decode(shown, validate=True).decode().partition(":")[0]
    except ValueError:  # neither base64 nor, within it, UTF-8
        return None


def bearer(request: BaseRequestWebsocket) -> str | None:
    """The token of `Authorization: Bearer`."""
    return _credentials(request, "bearer")


def only_admin(keys: Keys, request: BaseRequestWebsocket) -> None:
    """Let only those in who show the admin token.

    Raises:
        WrongToken: the request shows none, or a wrong one.

    """
    if not keys.administers(bearer(request)):
        raise WrongToken


def write_key(request: BaseRequestWebsocket) -> str | None:
    """The write key, as Basic authentication, as `X-Impel-Key`, or as `?key=` or, as RudderStack says, `?writeKey=`."""
    asked = request.args.get("key") or request.args.get("writeKey")
    return basic_user(request) or request.headers.get("X-Impel-Key") or asked


def flag(name: str) -> bool:
    """Whether `?name=true` is asked for.

    Raises:
        BadQuery: it is neither true nor false.

    """
    try:
        return _FLAG[present.args.get(name, "false")]
    except KeyError:
        raise BadQuery(f"`{name}` is true or false") from None


def _credentials(request: BaseRequestWebsocket, wanted: str) -> str | None:
    words = request.headers.get("Authorization", "").split()
    return words[1] if len(words) == _SCHEME_AND_REST and words[0].lower() == wanted else None
