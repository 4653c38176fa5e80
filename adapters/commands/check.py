"""`impel check`: are the trigger files right?"""

from pathlib import Path

from rich.text import Text

from adapters.commands.notices import (
    Duration,
    load_or_tell,
    message_names,
    messages_or_tell,
    settings_or_tell,
    show,
    stderr,
)
from adapters.files import has_content


def check(
    folder: Path = Path("config"),
    /,
    *,
    retention: Duration | None = None,
) -> int:
    """Check the trigger files in a folder, and show everything that is wrong with them at once.

    Where messages stand beside them, they are checked too. Every error says where it is and what to write instead.
    Warnings, about what is legal and probably not meant, leave the exit status at 0.

    Args:
        folder: The configuration, a folder of trigger files, or one file.
        retention: How long history is kept, in place of what the settings say: no span in a trigger may be longer.

    Returns:
        The exit status: 0 if all is right, 1 if not.

    """
    console = stderr()
    settings = settings_or_tell(folder, {"retention": retention}, console)
    if not settings:
        return 1
    beside = has_content(folder)
    messages = message_names(folder) if beside else None
    right = not beside or messages_or_tell(folder, settings, console) is not None
    loaded = load_or_tell(folder, settings.retention_ms, console, messages=messages)
    if not loaded or not right:
        return 1
    for warning in loaded.warnings:
        show(warning, console)
    tests = sum(map(len, loaded.trials.values()))
    counts = ((len(loaded.triggers), "trigger"), (len(loaded.segments), "segment"), (tests, "test"))
    console.print(
        Text("all right: " + ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts))
    )
    return 0
