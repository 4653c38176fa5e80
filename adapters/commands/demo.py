"""`impel demo`: the sidecar, with a shop to try it in and shoppers coming by."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from adapters.app import Shop
from adapters.commands.run import start
from adapters.demo import stream


def demo(
    *,
    config: Annotated[Path, Parameter(env_var="IMPEL_CONFIG")] = Path("config"),
    host: str | None = None,
    port: int | None = None,
) -> int:
    """Start the sidecar with a demo shop and a small stream of shoppers, and show each message as it leaves.

    The shop is at `/shop/`: put something into the cart, wait ten seconds, and find the mail at `/inbox`, beside what
    the other shoppers get, and what was held or dropped, and why. Ctrl-C ends it.

    Everything is kept in memory, so that each demo begins anew and leaves nothing behind.

    Args:
        config: The folder with impel.yaml, triggers/, segments/, messages/ and templates/.
        host: Where to listen, in place of what the settings say.
        port: The same; 0 takes any that is free.

    Returns:
        The exit status: 0 after an orderly end, 1 if it cannot start.

    """
    return start(config, {"host": host, "port": port, "store": "memory"}, _shoppers, is_demo=True)


async def _shoppers(url: str, shop: Shop) -> None:
    await stream(url, shop.keys.write_key)
