"""`impel destinations replay`: messages of the past, told to a service as history."""

import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from adapters.commands.calling import Config, call, refused
from adapters.commands.notices import fail, stderr
from adapters.commands.user import printable
from adapters.sources.instants import instant
from engine.core.events import Millis
from engine.language.durations import DurationError, parse_duration
from engine.runtime.replay import Past

_GIVEN_UP: tuple[Past, ...] = ("failed", "unconfirmed")

_SHOWN = 20
"""Messages that are left out and are told one by one."""

_AGAIN = 10
"""How often in a row the service may say that it cannot be told now."""


def _millis(text: str, now: Millis) -> Millis:
    """An instant, or, of a duration, the one so long before now.

    Raises:
        ValueError: it is neither.

    """
    try:
        return now - parse_duration(text)
    except DurationError:
        return instant(text, text)


def _is_time(_kind: object, text: str | None) -> None:
    """Check an option that takes a time; the command line shows what a ValueError says."""
    try:
        _millis(text or "0s", 0)
    except ValueError as error:
        raise ValueError(f"{error}; or write how long ago, such as `2d`") from error


Time = Annotated[str, Parameter(validator=_is_time)]


def replay(
    name: str,
    /,
    *,
    since: Time,
    until: Time | None = None,
    state: Annotated[tuple[Past, ...], Parameter(negative=())] = (),
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    config: Config = Path("config"),
    url: str | None = None,
) -> int:
    """Tell a service of messages of the past again, as history. Nothing is sent to anybody.

    It is for a service that was out for so long that messages were given up, and for a new account. Each message is
    told as of the instant at which its trigger fired, with its own key, so that the service records none twice, and
    marked as history, so that no flow of the service starts. It says what it would say now: it is filled in from the
    person as they are, for what was said then is not kept. Who is no longer known, has withdrawn consent or is
    suppressed is left out. Only services that know history can be told so: those of the kind `klaviyo`.

        impel destinations replay news --since 2d --dry-run   what would be told
        impel destinations replay news --since 2d
        impel destinations replay news --since 90d --state accepted --state failed

    To send messages to people after all, there is `impel outbox retry`; not for those that were told as history, for
    the service knows their keys then.

    Args:
        name: The destination, as the settings name it.
        since: Messages whose trigger fired from then on: how long ago, such as `2d`, or an instant, ISO 8601.
        until: And before then; by default, up to now.
        state: What became of them; can be given several times. By default, what failed or is unconfirmed.
        dry_run: Tell nothing, and only show what would be told and what would be left out.
        config: The folder with the settings, which say where the sidecar keeps its address and token.
        url: Where the sidecar listens, in place of what it left in its data folder.

    Returns:
        The exit status: 0, or 1 if a message was left out, or the service or the sidecar cannot be told.

    """
    console, now = stderr(), time.time_ns() // 1_000_000
    begin, end = _millis(since, now), now if until is None else _millis(until, now)
    if begin >= end:
        return fail(console, "`--since` is before `--until`, or nothing is told")
    asked: dict[str, Any] = {"since": begin, "until": end, "states": state or _GIVEN_UP, "dry": dry_run}
    told, left_out = 0, list[Mapping[str, Any]]()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("messages", total=now - begin)
        for page in _pages(name, asked, config, url, console):
            if page is None:
                return _stopped(told, console)
            told += page["told"]
            left_out += page["left_out"]
            asked["after"] = page["after"]
            progress.update(task, completed=page["after"][0] - begin if page["after"] else now - begin)
    return _summed_up(told, left_out, console, dry=dry_run)


def _pages(
    name: str, asked: Mapping[str, Any], config: Path, url: str | None, console: Console
) -> Iterator[Mapping[str, Any] | None]:
    """Page after page, each asked for when the one before is noted in `asked`; None where it does not go on."""
    tries = 0
    while True:
        path = f"/admin/destinations/{quote(name, safe='')}/replay"
        answer = call("POST", path, config=config, url=url, console=console, json=asked)
        if answer is None:
            yield None
            return
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and tries < _AGAIN:
            tries += 1
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            continue
        if not answer.is_success:
            refused(answer, console)
            yield None
            return
        tries = 0
        yield answer.json()
        if asked["after"] is None:
            return


def _stopped(told: int, console: Console) -> int:
    """Say how far it came, where it came anywhere: to tell all of it again does no harm."""
    if told:
        console.print(f"{told:,} were told before that; run it again: none of them is recorded twice")
    return 1


def _summed_up(told: int, left_out: list[Mapping[str, Any]], console: Console, *, dry: bool) -> int:
    for each in left_out[:_SHOWN]:
        console.print(Text(printable(f"{each['id']} to {each['user']}: {each['reason']}"), "red"))
    if len(left_out) > _SHOWN:
        console.print(f"… and {len(left_out) - _SHOWN:,} more")
    what = "would be told" if dry else "told"
    Console(highlight=False).print(f"{told:,} {what}, {len(left_out):,} left out")
    return 1 if left_out else 0
