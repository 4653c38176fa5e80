import trio

from adapters.demo import SHOPPERS, stream
from tests.adapters.running import Sidecar


async def test_shoppers_come_in_through_the_websocket(nursery: trio.Nursery, sidecar: Sidecar) -> None:
    nursery.start_soon(stream, sidecar.url, sidecar.keys.write_key)
    with trio.fail_after(5):
        while "k:ada-1" not in sidecar.service.router.awake or not await sidecar.events("ada-1"):
            await trio.lowlevel.checkpoint()
    shown = (await sidecar.user("ada-1")).json()
    assert shown["traits"]["email"] == "ada@shop.example"
    assert shown["recent"][0]["event"] == SHOPPERS[0].acts[0].event
    nursery.cancel_scope.cancel()
