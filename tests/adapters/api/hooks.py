"""What schemathesis cannot know: how a mail is written, how numbers are, and where copies of the database may go."""

import os
from typing import Any

import schemathesis


def mail(_context: Any, value: Any) -> bytes:
    """A mail is text; what is none is sent as it looks."""
    return str(value).encode(errors="replace")


def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Write whole numbers as such, and let a copy of the database stay in the folder that goes when all is over."""
    case.body = _whole(case.body)
    file = case.body.get("file") if isinstance(case.body, dict) else None
    if case.path.endswith("/backup") and isinstance(file, str) and file.startswith("/"):
        case.body["file"] = os.path.join(os.environ["FUZZ_FOLDER"], str(abs(hash(file))))  # noqa: PTH118 - no path of ours


def _whole(value: Any) -> Any:
    """JSON Schema takes 47.0 for an integer, which our decoders do not."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
    return value


schemathesis.serializer("message/rfc822")(mail)
schemathesis.hook(before_call)
