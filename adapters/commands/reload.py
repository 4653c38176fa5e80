"""`impel reload`: new trigger, segment and message files, and other keys, for the running sidecar."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import stderr, tell
from engine.language.errors import TriggerError

_SHOWN = 8
"""Digits of a digest that are enough to tell versions apart."""


def reload(*, config: Config = Path("config"), url: str | None = None) -> int:
    """Let the running sidecar read its triggers, segments, messages, rules and tracking plan again.

    A set that does not check changes nothing. Of the settings in impel.yaml only the keys are read again: `write_key`,
    `write_keys` and `admin_token`. All others are read at the start.

    Args:
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if the files do not check, with all that is wrong, or the sidecar cannot be reached.

    """
    console = stderr()
    answer = call("POST", "/admin/reload", config=config, url=url, console=console)
    if answer is None:
        return 1
    if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _wrong(answer.json()["errors"], console)
    if not answer.is_success:
        return refused(answer, console)
    said = answer.json()
    number = said["triggers"]
    found = f"{number} trigger{'' if number == 1 else 's'}"
    state = "in force now" if said["changed"] else "in force already"
    Console(highlight=False).print(Text.assemble((found, "bold green"), f" {state}, version {said['digest'][:_SHOWN]}"))
    if more := said["writeKeys"][1:]:
        Console(highlight=False).print(f"write keys besides the one: {', '.join(more)}")
    return 0


def _wrong(errors: list[Mapping[str, Any]], console: Console) -> int:
    """Show errors as `impel check` does."""
    status = tell([TriggerError(**error) if "file" in error else error["message"] for error in errors], console)
    console.print("what was in force stays in force")
    return status
