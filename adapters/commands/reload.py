"""`impel reload`: new trigger, segment and message files for the running sidecar."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import fail, show, stderr
from engine.language.errors import TriggerError


def reload(*, config: Config = Path("config"), url: str | None = None) -> int:
    """Let the running sidecar read its triggers, segments, messages and templates again.

    A set that does not check changes nothing. The settings in impel.yaml are read at the start only.

    Args:
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if the files do not check or the sidecar cannot be reached.

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
    state = "in force now" if said["changed"] else "in force already"
    number = said["triggers"]
    Console(highlight=False).print(
        Text.assemble(
            (f"{number} trigger{'' if number == 1 else 's'}", "bold green"), f" {state} (version {said['digest'][:8]})"
        )
    )
    return 0


def _wrong(errors: list[Mapping[str, Any]], console: Console) -> int:
    for error in errors:
        if "file" in error:
            show(TriggerError(**error), console)
        else:
            fail(console, error["message"])
    number = len(errors)
    console.print(Text(f"{number} error{'s' if number > 1 else ''}; what was in force stays so", "bold red"))
    return 1
