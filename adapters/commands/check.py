"""`impel check`: are the trigger files right?"""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from adapters.commands.notices import Duration, files_or_tell, load_or_tell, settings_or_tell, show, stderr
from adapters.files import has_content
from adapters.settings import Settings
from engine.language.errors import TriggerWarning
from engine.language.files import Loaded


def check(
    folder: Path = Path("config"),
    /,
    *,
    retention: Duration | None = None,
) -> int:
    """Check the trigger files in a folder, and show everything that is wrong with them at once.

    Where messages, rules of sending and a tracking plan stand beside them, they are checked too. Every error says where
    it is and what to write instead. Warnings, about what is legal and probably not meant, leave the exit status at 0.

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
    checked = _checked(folder, settings, console)
    if not checked:
        return 1
    loaded, warnings = checked
    for warning in warnings:
        show(warning, console)
    tests = sum(map(len, loaded.trials.values()))
    counts = ((len(loaded.triggers), "trigger"), (len(loaded.segments), "segment"), (tests, "test"))
    console.print(
        Text("all right: " + ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts))
    )
    return 0


def _checked(folder: Path, settings: Settings, console: Console) -> tuple[Loaded, Sequence[TriggerWarning]] | None:
    if not has_content(folder):
        loaded = load_or_tell(folder, settings.retention_ms, console)
        return (loaded, loaded.warnings) if loaded else None
    files = files_or_tell(folder, settings, console)
    return (files.loaded, files.warnings) if files else None
