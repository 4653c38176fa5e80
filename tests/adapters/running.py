"""A sidecar for tests: in this process, or as the command that people start."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import trio

from adapters import app
from adapters.app import Shop, ShopStore, open_shop_store, sidecar
from adapters.commands.notices import stderr
from adapters.commands.run import address_of, open_shop
from adapters.keys import Keys
from adapters.spaces import Sandbox
from adapters.store.memory import MemoryStore
from adapters.store.sqlite import SqliteStore
from adapters.web.server import bind
from engine.runtime.ports import StoreError
from engine.runtime.records import Batch, Person
from engine.runtime.service import Service

TRIGGERS = """
segments: {vip: list}
triggers:
  thrice: {when: count(view) >= 3 within 10m, send: nudge}
  left: {when: cart then no (cart or order) within 150ms, send: cart}
  welcome: {when: vip_page and in segment "vip", cooldown: 1d}
"""
MESSAGES = {
    "nudge": "destination: kept\ndata: {product: '{{ event.product }}'}\n",
    "cart": "destination: kept\ndata: {items: '{{ recent.cart }}', to: '{{ profile.email }}'}\n",
}
SETTINGS = """
destinations: {kept: {kind: memory}}
webhooks:
  shop: {user: user_id, event: event, message_id: id, rename: {add_to_cart: cart}}
"""


def write_config(
    folder: Path, settings: str = SETTINGS, triggers: str = TRIGGERS, messages: Mapping[str, str] = MESSAGES
) -> Path:
    """Write a configuration into the folder."""
    config = folder / "config"
    for part in ("triggers", "messages"):
        (config / part).mkdir(parents=True)
    (config / "impel.yaml").write_text(settings + f"\ndata: {folder / 'data'}\n")
    (config / "triggers" / "all.yaml").write_text(triggers)
    for name, text in messages.items():
        (config / "messages" / f"{name}.yaml").write_text(text)
    return config


@dataclass(frozen=True)
class Sidecar:
    """One that runs; `client` shows the write key, `stranger` shows nothing by itself. `stop` ends it."""

    url: str
    shop: Shop
    running: app.Sidecar
    stop: trio.Event
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient

    @property
    def service(self) -> Service:
        """The engine in it."""
        return self.running.service

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox beside it."""
        return self.running.sandbox

    @property
    def keys(self) -> Keys:
        """What callers must show."""
        return self.shop.keys

    async def user(self, user_id: str) -> httpx.Response:
        """What the admin is told of a user."""
        return await self.stranger.get("/admin/user", params={"id": user_id}, headers=self.admin)

    @property
    def admin(self) -> dict[str, str]:
        """The header that shows the admin token."""
        return {"Authorization": f"Bearer {self.keys.admin_token}"}

    async def events(self, user_id: str) -> list[str]:
        """The user's events, oldest first."""
        told = (await self.user(user_id)).json()
        return [event["event"] for event in reversed(told["recent"])]


_START = """
import fcntl, os, termios
if os.isatty(1):
    os.setsid()
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)
from adapters.cli import main
main()
"""
"""What a test starts: the command, in its terminal if it has one."""


class HeldStore(MemoryStore):
    """A store that is held up: it reads users, and writes, when it may, and fails where it is given a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.may_read = trio.Event()
        self.may_write = trio.Event()
        self.failure: StoreError | None = None

    async def write(self, batch: Batch) -> None:
        await self.may_write.wait()
        if self.failure is not None:
            raise self.failure
        await super().write(batch)

    async def people(self) -> AsyncIterator[list[Person]]:
        await self.may_read.wait()
        async for page in super().people():
            yield page


@asynccontextmanager
async def running(
    folder: Path,
    settings: str = SETTINGS,
    *,
    config: Path | None = None,
    store: ShopStore | None = None,
    recovered: bool = True,
    demo: bool = False,
) -> AsyncIterator[Sidecar]:
    """Run a sidecar on a free port, with a configuration, or that of `write_config`; wait until it has recovered.

    It is bound to this machine only, whatever the settings say.
    """
    read = open_shop(write_config(folder, settings) if config is None else config, {}, stderr())
    assert read is not None
    shop = replace(read, is_demo=demo)
    listener = bind("127.0.0.1", 0)
    url, stop = address_of(listener), trio.Event()
    with closing(open_shop_store(shop.settings) if store is None else store) as opened:
        async with trio.open_nursery() as nursery:
            started = await nursery.start(sidecar, shop, opened, listener, stop.wait)
            if recovered:
                await started.ready.wait()
            async with (
                httpx.AsyncClient(base_url=url, auth=(shop.keys.write_key, "")) as client,
                httpx.AsyncClient(base_url=url) as stranger,
            ):
                yield Sidecar(url, shop, started, stop, client, stranger)
            stop.set()


@contextmanager
def closing(store: ShopStore) -> Iterator[ShopStore]:
    """Close a store in the end that can be."""
    try:
        yield store
    finally:
        if isinstance(store, SqliteStore):
            store.close()


def _is_ready(address: Path) -> bool:
    """Whether the sidecar that left its address there takes events."""
    try:
        return httpx.get(f"{address.read_text().strip()}/readyz").is_success
    except (OSError, httpx.HTTPError, httpx.InvalidURL):
        return False


@contextmanager
def started(
    config: Path, output: int = subprocess.PIPE, /, *, command: str = "run", **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `impel run`, or another `command`; gives the process and its URL, and kills it in the end if it still runs.

    It listens on a free port, or on IMPEL_PORT. `output` is where it writes; if that is a terminal, it runs in it, as
    the first process of a session of its own.
    """
    port = environment.get("IMPEL_PORT", "0")
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _START, command, "--config", str(config), "--port", port],
        env={name: value for name, value in os.environ.items() if not name.startswith("IMPEL_")} | environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
    )
    address = config.parent / "data" / "address"
    deadline = time.monotonic() + 20
    while not _is_ready(address) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield process, address.read_text().strip() if address.exists() else ""
    finally:
        process.kill()
        process.communicate()


@contextmanager
def stalled(url: str) -> Iterator[None]:
    """Let a client ask for much and read nothing, which keeps the server in a send that cannot be cancelled."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000
        with suppress(BlockingIOError):  # until nothing more goes in: the answers have nowhere to go
            while client.send(request):
                time.sleep(0.01)
        yield
