"""Answers, as JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec
from quart import Response

from adapters.sources.segment import Rejection


def answer(content: Any, status: int = 200, **headers: str) -> Response:
    """An answer with a JSON body; what JSON has no form for is written as text."""
    body = msgspec.json.encode(content, enc_hook=str)
    return Response(body, status, headers, content_type="application/json")


def refusal(status: int, reason: str, **headers: str) -> Response:
    """An answer that says why not.

    It says it twice, for RudderStack's library for Python takes a refusal without `code` and `message` for a failure of
    the network, and sends again for a quarter of an hour what is refused for good.
    """
    content = {"success": False, "error": reason, "code": status, "message": reason}
    return answer(content, status, **headers)


def report(accepted: int, rejected: Sequence[Rejection]) -> dict[str, Any]:
    """What became of the events of a request: Segment's own answer where all were taken."""
    if not rejected:
        return {"success": True}
    return {"success": False, "accepted": accepted, "rejected": rejected}
