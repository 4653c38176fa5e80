"""`impel run`: the sidecar."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from errno import EACCES, EADDRINUSE
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from adapters import collector
from adapters.app import Shop, ShopStore, Sidecar, open_shop_store, sidecar
from adapters.commands.calling import ADDRESS
from adapters.commands.notices import fail, files_or_tell, stderr
from adapters.keys import OWNER_FOLDER, read_keys
from adapters.secrets import SecretError
from adapters.settings import PREFIX, Settings, SettingsError, read_settings
from adapters.sources.signatures import check_secret
from adapters.telemetry.logs import configure
from adapters.web.server import bind
from engine.runtime.ports import StoreError

Beside = Callable[[str, Shop], Awaitable[None]]

STORE_FAILED = 74
"""The exit status when the store fails: EX_IOERR of sysexits.h."""

_SWITCH = 0.0005
"""Seconds after which a busy thread lets another run: with Python's 5 ms, a commit would wait that long for it."""

_PATIENCE = 0.5
"""Seconds after which a recovery is worth a word."""

_LOOK, _LOOK_UNSEEN = 0.1, 5.0
"""Seconds between two looks at it, on a terminal and for the log."""

_LAST_MOMENT = 4.7
"""Seconds after the signal at which the process ends whatever hinders it."""

_EXAMPLE = {
    "identify": '{"userId": "u1", "traits": {"email": "ann@shop.example", "consent": {"marketing": true}}}',
    "track": '{"userId": "u1", "event": "cart_updated", "properties": {"cart_id": "c1", "total": 211, '
    '"items": [{"product": "Tent for two", "price": 211}]}}',
}
"""What a newcomer may send: with an address and a cart, the demo shop's reminder leaves."""

_log = structlog.get_logger()


def run(
    *,
    config: Annotated[Path, Parameter(env_var="IMPEL_CONFIG")] = Path("config"),
    host: str | None = None,
    port: int | None = None,
) -> int:
    """Start the sidecar: take events, decide, send.

    It ends on SIGTERM or Ctrl-C, within five seconds, after it has finished what had arrived. On SIGHUP it reads its
    triggers, segments, messages and templates again, and its keys, as `impel reload` does.

    The exit status is 0 after an orderly end, 1 if it cannot start, and 74 if its database cannot be read or written
    any more, such as on a full disk: then nothing that was acknowledged is lost, and it can be started again once
    there is room.

    Args:
        config: The folder with impel.yaml, triggers/, segments/, messages/ and templates/.
        host: Where to listen, in place of what the settings say.
        port: The same; 0 takes any that is free.

    Returns:
        The exit status.

    """
    return start(config, {"host": host, "port": port})


def start(config: Path, overrides: dict[str, object], beside: Beside | None = None, *, is_demo: bool = False) -> int:
    """Run a sidecar until a signal, with the task `beside`, if any, which is told the URL and the shop.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start, 74 if the store fails.

    """
    console = stderr()
    shop = open_shop(config, overrides, console)
    listener = _bound(shop.settings, console) if shop is not None else None
    if shop is None or listener is None:
        return 1
    shop = replace(shop, is_demo=is_demo)
    try:
        store = open_shop_store(shop.settings)
    except StoreError as error:
        listener.close()
        return fail(console, str(error))
    configure(shop.settings.log_level)
    sys.setswitchinterval(_SWITCH)
    trio.run(_run, shop, store, listener, console, beside)
    return 0


def open_shop(config: Path, overrides: dict[str, object], console: Console) -> Shop | None:
    """Read and check all that a sidecar needs; None, with what is wrong on the console, where it does not check."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = read_settings(config, os.environ, given)
        files = files_or_tell(config, settings, console)
        if files is None:
            return None
        _make_data_folder(settings)
        _check_secrets(settings)
        return Shop(config, settings, read_keys(settings, os.environ), files)
    except (SettingsError, SecretError, OSError) as error:
        fail(console, str(error))
    return None


def _bound(settings: Settings, console: Console) -> socket.socket | None:
    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        wrong = "port" if error.errno in {EACCES, EADDRINUSE} else "host"
        other = f"`--{wrong}` or IMPEL_{wrong.upper()} takes another"
        fail(console, f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; {other}")
    return None


def _check_secrets(settings: Settings) -> None:
    """Look whether the secrets of webhooks are there, before somebody is turned away.

    Raises:
        SecretError: one is not, or cannot be one.

    """
    for name, hook in settings.webhooks.items():
        if hook.kind == "json":
            continue
        try:
            check_secret(hook.kind, hook.key())
        except ValueError as error:
            raise SecretError(f"webhooks.{name}: {error}") from error


def _make_data_folder(settings: Settings) -> None:
    folder = Path(settings.data)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=OWNER_FOLDER)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        text = f"the data folder {folder} cannot be written: {error.strerror}; `data` or IMPEL_DATA names another"
        raise SettingsError(text) from error


async def _run(shop: Shop, store: ShopStore, listener: socket.socket, console: Console, beside: Beside | None) -> None:
    url = address_of(listener)
    stop = trio.Event()
    file = Path(shop.settings.data) / ADDRESS
    collector.rest()
    with trio.open_signal_receiver(signal.SIGHUP) as hangups:
        async with trio.open_nursery() as nursery:
            await nursery.start(_stop_on_signal, stop)
            running: Sidecar = await nursery.start(
                partial(
                    sidecar,
                    shop,
                    store,
                    listener,
                    stop.wait,
                    ended=partial(_leave, file, 0),
                    failed=partial(_leave, file, STORE_FAILED),
                )
            )
            file.write_text(url + "\n", "utf-8")
            await show_recovery(running, console)
            nursery.start_soon(collector.collect, lambda: running.service.journal.number)
            nursery.start_soon(_reload_on, hangups, running)
            _greet(shop, url, console)
            _log.info("listening", url=url, triggers=len(shop.files.loaded.triggers))
            if beside is not None:
                nursery.start_soon(beside, url, shop)
            await stop.wait()
            file.unlink(missing_ok=True)


async def show_recovery(running: Sidecar, console: Console) -> None:
    """Wait until events are taken; where that takes long, show how far it is, on the terminal or in the log."""
    with trio.move_on_after(_PATIENCE):
        await running.ready.wait()
        return
    look = _LOOK if console.is_terminal else _LOOK_UNSEEN
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        while not running.ready.is_set():
            progress.update(task, description=running.service.reason)
            if not console.is_terminal:
                _log.info("not ready yet", reason=running.service.reason)
            with trio.move_on_after(look):
                await running.ready.wait()


async def _reload_on(hangups: AsyncIterator[int], running: Sidecar) -> None:
    terminal = sys.stderr.isatty()
    async for _ in hangups:
        if terminal and not sys.stderr.isatty():  # it was closed, which sends the same signal
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            await running.reloader.reload_or_tell()


def _leave(address: Path, status: int) -> None:
    """End the process here and now.

    All is done by then, or nothing can be. To take the tasks of a hundred thousand users apart one by one would need
    more time than most supervisors give after a signal, and a client that never reads keeps its task for ever.
    """
    address.unlink(missing_ok=True)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody may be reading any more
            stream.flush()
    os._exit(status)


def address_of(listener: socket.socket) -> str:
    """The URL of what listens there, as this machine would call it."""
    host, port = listener.getsockname()[:2]
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


async def _stop_on_signal(stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            break
    _end_for_certain()
    stop.set()


def _end_for_certain() -> None:
    """End the process in time though a client that never reads keeps the server in a send that cannot be cancelled."""
    last = threading.Timer(_LAST_MOMENT, os._exit, (0,))
    last.daemon = True
    last.start()


def _greet(shop: Shop, url: str, console: Console) -> None:
    number = len(shop.files.loaded.triggers)
    console.print(
        Text.assemble(("impel", "bold"), f" listens on {url} with {number} trigger{'' if number == 1 else 's'}")
    )
    if shop.is_demo:
        console.print(Text.assemble("  the shop, to put something into the cart: ", (f"{url}/shop/", "bold cyan")))
        console.print(Text.assemble("  the inbox, ten seconds later: ", (f"{url}/inbox", "bold cyan")))
    key = _shown_key(shop)
    for path, body in _EXAMPLE.items():
        console.print(Text(f"  curl -u \"{key}:\" {url}/v1/{path} -d '{body}'", "cyan"))
    console.print(Text("  impel user u1", "cyan"))


def _shown_key(shop: Shop) -> str:
    """The write key as a shell is to be given it: by name, where it is the operator's."""
    if shop.keys.made:
        return shop.keys.write_key
    secret = shop.settings.write_key
    if secret is None or PREFIX + "WRITE_KEY" in os.environ:
        return f"${PREFIX}WRITE_KEY"
    return f"${secret.env}" if secret.env else f"$(cat '{secret.file}')"
