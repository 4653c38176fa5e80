"""A sidecar for tests: in this process, or as the command that people start."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import trio

from adapters import app
from adapters.app import open_shop_store, sidecar
from adapters.commands.notices import stderr
from adapters.commands.run import address_of, open_shop
from adapters.keys import Keys
from adapters.store.sqlite import SqliteStore
from adapters.web.server import bind

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


class Sidecar:
    """One that runs; `client` shows the write key, `stranger` shows nothing by itself."""

    def __init__(
        self, url: str, keys: Keys, running: app.Sidecar, client: httpx.AsyncClient, stranger: httpx.AsyncClient
    ) -> None:
        self.url = url
        self.keys = keys
        self.service = running.service
        self.reloader = running.reloader
        self.client = client
        self.stranger = stranger

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


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Sidecar]:
    """Run a sidecar on a free port, with the configuration of `write_config`."""
    shop = open_shop(write_config(folder), {}, stderr())
    assert shop is not None
    listener = bind("127.0.0.1", 0)
    url = address_of(listener)
    stop = trio.Event()
    store = open_shop_store(shop.settings)
    async with trio.open_nursery() as nursery:
        started = await nursery.start(sidecar, shop, store, listener, stop.wait)
        await started.ready.wait()
        async with (
            httpx.AsyncClient(base_url=url, auth=(shop.keys.write_key, "")) as client,
            httpx.AsyncClient(base_url=url) as stranger,
        ):
            yield Sidecar(url, shop.keys, started, client, stranger)
        stop.set()
    if isinstance(store, SqliteStore):
        store.close()


@contextmanager
def started(config: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `impel run` on a free port; gives the process and its URL, and kills it in the end if it still runs."""
    command = [sys.executable, "-c", "from adapters.cli import main; main()"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "run", "--config", str(config), "--port", "0"],
        env={name: value for name, value in os.environ.items() if not name.startswith("IMPEL_")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address = config.parent / "data" / "address"
    deadline = time.monotonic() + 20
    while not (address.exists() and address.read_text()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield process, address.read_text().strip() if address.exists() else ""
    finally:
        process.kill()
        process.communicate()
