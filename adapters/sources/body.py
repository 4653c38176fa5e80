"""Bodies of requests, unpacked, and never more of them than the limit."""

import zlib
from typing import cast

from quart import request

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a body, also when unpacked."""

_GZIP = 16 + zlib.MAX_WBITS


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
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise BadEncoding(f"the body is not gzip: {error}") from error
    if len(plain) > BODY_LIMIT:
        raise TooLarge
    if not unpacker.eof:
        raise BadEncoding("the gzip body is cut off")
    return plain
