"""`impel suppressions`: addresses that nothing is sent to, in the running sidecar."""

from pathlib import Path

from cyclopts import App
from rich.console import Console

from adapters.commands.calling import Config, call, refused
from adapters.commands.loading import Target, load_file
from adapters.commands.notices import fail, stderr
from adapters.commands.recasting import SUPPRESSIONS, Columns
from engine.core.sending.suppression import Why

app = App(name="suppressions", help="Say to which addresses nothing is sent, and take them from a file or into one.")

_CONFIG = Path("config")
_TOGETHER = 5_000
"""Rows of a file that are sent in one request."""


@app.command
def add(
    *addresses: str,
    channel: str = "email",
    tag: str = "",
    why: Why = "manual",
    config: Config = _CONFIG,
    url: str | None = None,
) -> int:
    """Send nothing more to these addresses; what is held for them is dropped at once.

    Args:
        addresses: Of a channel, such as ada@shop.example.
        channel: The channel.
        tag: Only messages with this tag; without it, all of the channel.
        why: What for. Who has unsubscribed still gets what is transactional.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is not possible.

    """
    said = [{"address": each, "channel": channel, "list": tag, "why": why, "source": "impel"} for each in addresses]
    return _say({"suppressions": said}, config, url)


@app.command
def lift(
    *addresses: str, channel: str = "email", tag: str = "", config: Config = _CONFIG, url: str | None = None
) -> int:
    """Send to these addresses again.

    Args:
        addresses: Of a channel, such as ada@shop.example.
        channel: The channel.
        tag: Of messages with this tag, where that was said.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is not possible.

    """
    said = [{"address": each, "channel": channel, "list": tag} for each in addresses]
    return _say({"suppressions": said, "lifted": True}, config, url)


@app.command(name="export")
def write(file: Path, /, *, config: Config = _CONFIG, url: str | None = None) -> int:
    """Write all addresses that are suppressed into a CSV file.

    Args:
        file: Where to; one that is there is replaced.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if that is not possible.

    """
    console = stderr()
    answer = call("GET", "/v1/suppressions", config=config, url=url, console=console)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    try:
        file.write_text(answer.text, "utf-8")
    except OSError as error:
        return fail(console, f"{file} cannot be written: {error.strerror}")
    number = answer.text.count("\n") - 1
    Console(highlight=False).print(f"{number:,} address{'' if number == 1 else 'es'} written")
    return 0


@app.command(name="import")
def take(file: Path, /, *, config: Config = _CONFIG, url: str | None = None) -> int:
    """Suppress all addresses of a file; rows that are wrong are told, and the rest is taken.

    `impel import suppressions` is the same, and takes a mapping of columns.

    Args:
        file: .csv (with a first line of names), .jsonl or .parquet: `address`, and if wanted `channel`, `list`, `why`,
            `source`.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if a line was wrong, or nothing could be taken.

    """
    return load_file(file, SUPPRESSIONS, Columns(), Target(config, url), stderr(), together=_TOGETHER)


def _say(said: dict[str, object], config: Path, url: str | None) -> int:
    console = stderr()
    answer = call("POST", "/v1/suppressions", config=config, url=url, console=console, json=said)
    if answer is None or not answer.is_success:
        return 1 if answer is None else refused(answer, console)
    for each in answer.json()["rejected"]:
        fail(console, f"{each['place']}: {each['reason']}")
    Console(highlight=False).print(f"{answer.json()['taken']:,} taken")
    return 1 if answer.json()["rejected"] else 0
