"""`impel run`: the sidecar."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from errno import EACCES, EADDRINUSE
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.app import Shop, ShopStore, Sidecar, open_shop_store, sidecar
from adapters.commands.calling import ADDRESS
from adapters.commands.notices import fail, show, stderr
from adapters.configuration import ConfigurationErrors, read_files
from adapters.keys import OWNER_FOLDER, read_keys
from adapters.secrets import SecretError
from adapters.settings import PREFIX, Settings, SettingsError, read_settings
from adapters.telemetry.logs import configure
from adapters.web.server import bind
from engine.runtime.ports import StoreError

Beside = Callable[[str, Shop], Awaitable[None]]

STORE_FAILED = 74
"""The exit status when the store fails: EX_IOERR of sysexits.h."""

_SWITCH = 0.0005
"""Seconds after which a busy thread lets another run: with Python's 5 ms, a commit would wait that long for it."""

_PATIENCE, _LOOK = 0.5, 0.1
"""Seconds after which a recovery is worth a line on the terminal, and between two looks at it."""

_LAST_MOMENT = 4.7
"""Seconds after the signal at which the process ends whatever hinders it."""

_EXAMPLE = {
    "identify": '{"userId": "u1", "traits": {"email": "ann@shop.example"}}',
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
    triggers, segments, messages and templates again, as `impel reload` does.

    Args:
        config: The folder with impel.yaml, triggers/, segments/, messages/ and templates/.
        host: Where to listen, in place of what the settings say.
        port: The same; 0 takes any that is free.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start, 74 if its database can be used no more.

    """
    return start(config, {"host": host, "port": port})


def start(config: Path, overrides: dict[str, object], beside: Beside | None = None) -> int:
    """Run a sidecar until a signal, with the task `beside`, if any, which is told the URL and the shop.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start, 74 if the store fails.

    """
    console = stderr()
    shop = open_shop(config, overrides, console)
    if shop is None:
        return 1
    try:
        store = open_shop_store(shop.settings)
        listener = bind(shop.settings.host, shop.settings.port)
    except StoreError as error:
        return fail(console, str(error))
    except OSError as error:
        place = f"{shop.settings.host}:{shop.settings.port}"
        wrong = "port" if error.errno in {EACCES, EADDRINUSE} else "host"
        return fail(
            console,
            f"cannot listen on {place}: {error.strerror}; `--{wrong}` or IMPEL_{wrong.upper()} takes another",
        )
    configure(shop.settings.log_level)
    sys.setswitchinterval(_SWITCH)
    try:
        trio.run(_run, shop, store, listener, console, beside)
    except* StoreError as group:
        _log.critical("the store has failed", reason=str(first_of(group)))
        (Path(shop.settings.data) / ADDRESS).unlink(missing_ok=True)
        logging.shutdown()
        os._exit(STORE_FAILED)  # as in `_leave`
    return 0


def first_of(group: BaseExceptionGroup[StoreError]) -> StoreError:
    """The first of the errors in a group."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


def open_shop(config: Path, overrides: dict[str, object], console: Console) -> Shop | None:
    """Read and check all that a sidecar needs; None, with what is wrong on the console, where it does not check."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = read_settings(config, os.environ, given)
        files = read_files(config, settings)
        _make_data_folder(settings)
        return Shop(config, settings, read_keys(settings, os.environ), files)
    except ConfigurationErrors as errors:
        for each in errors.errors:
            if isinstance(each, str):
                fail(console, each)
            else:
                show(each, console)
        number = len(errors.errors)
        console.print(Text(f"{number} error{'s' if number > 1 else ''} in the files", "bold red"))
    except (SettingsError, SecretError, OSError) as error:
        fail(console, str(error))
    return None


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
    leave = partial(_leave, file)
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        running: Sidecar = await nursery.start(partial(sidecar, shop, store, listener, stop.wait, ended=leave))
        nursery.start_soon(_reload_on_signal, running)
        file.write_text(url + "\n", "utf-8")
        await _recovered(running, console)
        _greet(shop, url, console)
        _log.info("listening", url=url, triggers=len(shop.files.loaded.triggers))
        if beside is not None:
            nursery.start_soon(beside, url, shop)
        await stop.wait()
        file.unlink(missing_ok=True)


async def _recovered(running: Sidecar, console: Console) -> None:
    """Wait until events are taken, and show how far it is where that takes long."""
    with trio.move_on_after(_PATIENCE):
        await running.ready.wait()
        return
    _log.info("recovering")
    with console.status("recovering") as line:
        while not running.ready.is_set():
            line.update(running.service.reason)
            with trio.move_on_after(_LOOK):
                await running.ready.wait()
    _log.info("recovered")


async def _reload_on_signal(running: Sidecar) -> None:
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            await running.reloader.reload_or_tell()


def _leave(address: Path) -> None:
    """End the process here and now, with exit status 0.

    All is done by then, and to take the tasks of a hundred thousand users apart one by one would need more time than
    most supervisors give after a signal.
    """
    address.unlink(missing_ok=True)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody may be reading any more
            stream.flush()
    os._exit(0)


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
