"""`impel preview`: a message as a person would get it."""

import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import fail, stderr
from adapters.commands.user import printable


def preview(
    message: str,
    /,
    *,
    user: str,
    out: Path | None = None,
    config: Config = Path("config"),
    url: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Fill in a message as a user would get it now, write its HTML to a file, and print the path. Nothing is sent.

    It is filled in as for the last firing that sent it, or, where there was none, as if a trigger had just fired at the
    user's latest event.

    Args:
        message: The message's name.
        user: The id of whom it is for, or an anonymous id.
        out: Where to write the HTML; by default a file of its own in the folder for temporary files.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.
        as_json: Print everything as JSON, and write no file.

    Returns:
        The exit status: 0, or 1 if there is no such message or user, it cannot be filled in, or no sidecar is reached.

    """
    console = stderr()
    params = {"message": message, "id": user}
    answer = call("GET", "/admin/preview", config=config, url=url, console=console, params=params)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    if as_json:
        sys.stdout.write(answer.text + "\n")
        return 0
    return _shown(message, answer.json()["fields"], out, console)


def _shown(message: str, fields: dict[str, Any], out: Path | None, console: Console) -> int:
    screen = Console(highlight=False)
    for name in ("to", "subject"):
        if name in fields:
            screen.print(Text.assemble((f"{name:8}", "dim"), printable(str(fields[name]))))
    if "html" not in fields:
        told = str(fields["text"]) if "text" in fields else msgspec.json.format(msgspec.json.encode(fields)).decode()
        screen.print(Text("\n".join(map(printable, told.splitlines()))))
        return 0
    file = out or Path(tempfile.gettempdir()) / f"impel-{re.sub(r'[^A-Za-z0-9_-]', '_', message)}.html"
    try:
        file.write_text(fields["html"], "utf-8")
    except OSError as error:
        return fail(console, f"{file} cannot be written: {error}")
    screen.print(str(file), soft_wrap=True)
    return 0
