"""What schemathesis cannot know: how a mail is written, and where copies of the database may go."""

import os
from typing import Any

import schemathesis


def mail(_context: Any, value: Any) -> bytes:
    """A mail is text; what is none is sent as it looks."""
    return str(value).encode(errors="replace")


def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Let a copy of the database stay in the folder that goes when all is over."""
    file = case.body.get("file") if isinstance(case.body, dict) else None
    if case.path.endswith("/backup") and isinstance(file, str) and file.startswith("/"):
        case.body["file"] = os.path.join(os.environ["FUZZ_FOLDER"], str(abs(hash(file))))  # noqa: PTH118 - no path of ours


schemathesis.serializer("message/rfc822")(mail)
schemathesis.hook(before_call)
