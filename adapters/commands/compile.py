"""`impel compile`: what the engine runs for an event."""

import sys
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from adapters.commands.notices import fail, load_or_tell, settings_or_tell, stderr
from engine.language.compiler import compile_triggers
from engine.language.handlers import Handlers
from engine.language.watchers import Unwritten


def compile_folder(folder: Path = Path("config"), /, *, show: str | None = None) -> int:
    """Compile the triggers, and show the Python function that is written out for an event.

    It does for an event that comes in order what the engine does in general, only faster, and says for which trigger
    each of its lines stands. Other events, those that come late above all, go the general way.

    Args:
        folder: The configuration, a folder of trigger files, or one file.
        show: The name of an event, such as product_viewed; without, the names that the triggers mention are listed.

    Returns:
        The exit status: 0 if all is right, 1 if not.

    """
    console = stderr()
    settings = settings_or_tell(folder, {}, console)
    loaded = load_or_tell(folder, settings.retention_ms, console) if settings else None
    if not settings or not loaded:
        return 1
    program = compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=settings.retention_ms,
        history_after=settings.history_after_ms,
        history_limit=settings.history_limit,
    )
    if show is None:
        sys.stdout.write("".join(f"{name}\n" for name in program.routes))
        return 0
    assert isinstance(program.handlers, Handlers)  # noqa: S101  what compiling makes
    try:
        text = program.handlers.text(show)
    except Unwritten:
        return fail(console, f"nothing is written out for {show}: its events go the general way")
    Console(soft_wrap=True).print(Syntax(text, "python", background_color="default"))
    return 0
