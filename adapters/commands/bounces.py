"""`impel bounces`: a mail that came back, as a mail server hands it to a program."""

import sys
from http import HTTPStatus
from pathlib import Path

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr

AGAIN = 75
"""The exit status upon which a mail server tries again: EX_TEMPFAIL of sysexits.h."""

_ENOUGH = 1024 * 1024
"""Bytes of a mail that are read: what a report says stands before the mail that it sends back."""


def bounces(destination: str, /, *, config: Config = Path("config"), url: str | None = None) -> int:
    """Read a mail that came back from the standard input, and tell the sidecar what it says.

    It is for a mail server that hands mails to a program. What is no report of a mail that could not be delivered, or
    is complained of, is passed over.

    Args:
        destination: The destination, of the kind `smtp`, whose mails come back here.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, 75 if no sidecar takes it now, and it is to be brought again, or 1 if there is no such
        destination.

    """
    console, mail = stderr(), sys.stdin.buffer.read(_ENOUGH)
    answer = call(
        "POST",
        f"/v1/bounces/{destination}",
        config=config,
        url=url,
        console=console,
        content=mail,
        kind="message/rfc822",
    )
    if answer is not None and answer.is_success:
        return 0
    if answer is None:
        return AGAIN
    status = refused(answer, console)
    return AGAIN if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else status
