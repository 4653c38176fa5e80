"""Bodies of requests, unpacked, and never more of them than the limit."""

import zlib
from typing import cast

from quart import request

BODY_LIMIT = 9 * 1024 * 1024
"""Bytes of a body, also when unpacked. RudderStack's library for Python closes a batch when it has passed 4 MB, by an
event of up to 4 MB."""

_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"
_MEMBERS = 64
"""Members of a gzip body. Each costs a copy of what follows, and who sends it is not known yet."""


class TooLarge(Exception):
    """The body unpacks to more than is taken."""


class BadEncoding(Exception):
    """The body is not packed as it says; the text says what is wrong."""


async def read_body() -> bytes:
    """The body of the present request.

    Raises:
        TooLarge: it passes the limit.
        BadEncoding: it is not gzip, or in some other encoding.

    """
    return unpacked(cast("bytes", await request.get_data()), request.headers.get("Content-Encoding", ""))


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was packed; raises as `read_body` does."""
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip":
            return _inflated(body)
    raise BadEncoding(f"Content-Encoding {encoding!r} is not taken; gzip is")


def _inflated(body: bytes) -> bytes:
    """All members of a gzip body, one after the other."""
    plain, rest = _member(body, BODY_LIMIT)
    for _ in range(_MEMBERS - 1):
        if not rest:
            return plain
        if not rest.startswith(_MAGIC):
            raise BadEncoding("something that is not gzip follows the gzip body")
        more, rest = _member(rest, BODY_LIMIT - len(plain))
        plain += more
    if rest:
        raise BadEncoding(f"the gzip body has more than {_MEMBERS} members")
    return plain


def _member(packed: bytes, limit: int) -> tuple[bytes, bytes]:
    """What one member holds, and what follows it."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise BadEncoding(f"the body is not gzip: {error}") from error
    if len(plain) > limit:
        raise TooLarge
    if not unpacker.eof:
        raise BadEncoding("the gzip body is cut off")
    return plain, unpacker.unused_data
