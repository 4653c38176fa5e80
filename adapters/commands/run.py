"""`impel run`: the sidecar."""

import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import structlog
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from adapters.app import Shop, sidecar
from adapters.commands.notices import fail, load_or_tell, messages_or_tell, stderr
from adapters.keys import read_keys
from adapters.secrets import SecretError
from adapters.settings import SettingsError, read_settings
from adapters.telemetry.logs import configure
from adapters.web.server import bind

ADDRESS = "address"
"""The file in the data folder that says where the sidecar listens, while it runs."""

Beside = Callable[[str, Shop], Awaitable[None]]

_LAST_MOMENT = 4.7
"""Seconds after the signal at which the process ends whatever hinders it."""

_log = structlog.get_logger()


def run(
    *,
    config: Annotated[Path, Parameter(env_var="IMPEL_CONFIG")] = Path("config"),
    host: str | None = None,
    port: int | None = None,
) -> int:
    """Start the sidecar: take events, decide, send.

    It ends on SIGTERM or Ctrl-C, within five seconds, after it has finished what had arrived.

    Args:
        config: The folder with impel.yaml, triggers/, segments/, messages/ and templates/.
        host: Where to listen, in place of what the settings say.
        port: The same; 0 takes any that is free.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start.

    """
    return start(config, {"HOST": host, "PORT": port})


def start(config: Path, overrides: dict[str, object], beside: Beside | None = None) -> int:
    """Run a sidecar until a signal, with the task `beside`, if any, which is told the URL and the shop.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start.

    """
    console = stderr()
    shop = open_shop(config, overrides, console)
    if shop is None:
        return 1
    try:
        listener = bind(shop.settings.host, shop.settings.port)
    except OSError as error:
        place = f"{shop.settings.host}:{shop.settings.port}"
        return fail(console, f"cannot listen on {place}: {error.strerror}; `--port` or IMPEL_PORT takes another")
    configure(shop.settings.log_level)
    trio.run(_run, shop, listener, console, beside)
    return 0


def open_shop(config: Path, overrides: dict[str, object], console: Console) -> Shop | None:
    """Read and check all that a sidecar needs; None, with what is wrong on the console, where it does not check."""
    given = {f"IMPEL_{name}": str(value) for name, value in overrides.items() if value is not None}
    try:
        settings = read_settings(config, {**os.environ, **given})
        loaded = load_or_tell(config, settings.retention_ms, console)
        messages = messages_or_tell(config, settings, loaded, console)
        if loaded is None or messages is None:
            return None
        return Shop(settings, read_keys(settings, os.environ), loaded, messages)
    except (SettingsError, SecretError, OSError) as error:
        fail(console, str(error))
    return None


async def _run(shop: Shop, listener: socket.socket, console: Console, beside: Beside | None) -> None:
    url = address_of(listener)
    stop = trio.Event()
    file = Path(shop.settings.data) / ADDRESS
    file.parent.mkdir(parents=True, exist_ok=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_on_signal, stop)
        await nursery.start(sidecar, shop, listener, stop.wait)
        file.write_text(url + "\n", "utf-8")
        _greet(shop, url, console)
        _log.info("listening", url=url, triggers=len(shop.loaded.triggers))
        if beside is not None:
            nursery.start_soon(beside, url, shop)
        await stop.wait()
        file.unlink(missing_ok=True)
        nursery.cancel_scope.deadline = trio.current_time() + _LAST_MOMENT


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
    event = '{"userId": "u1", "event": "cart_updated", "properties": {"cart_id": "c1", "total": 18}}'
    number = len(shop.loaded.triggers)
    console.print(
        Text.assemble(("impel", "bold"), f" listens on {url} with {number} trigger{'' if number == 1 else 's'}")
    )
    key = shop.keys.write_key if shop.keys.made else "$IMPEL_WRITE_KEY"
    console.print(Text(f"  curl -u {key}: {url}/v1/track -d '{event}'", "cyan"))
    console.print(Text("  impel user u1", "cyan"))
