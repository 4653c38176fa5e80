"""More users than may be awake, with the database that a sidecar has when it really runs."""

from pathlib import Path

import trio

from tests.adapters.running import SETTINGS, Sidecar, running
from tests.runtime.rig import watching

BOUND, FRAMES, FRAME = 100, 5, 240


async def _view(sidecar: Sidecar, users: range) -> None:
    calls = [{"type": "track", "userId": f"u{user}", "event": "view"} for user in users]
    answer = await sidecar.client.post("/v1/batch", json={"batch": calls}, timeout=60)
    assert answer.is_success


async def test_a_scan_of_many_users_wakes_no_more_than_may_be_awake(tmp_path: Path) -> None:
    async with running(tmp_path, f"{SETTINGS}\nawake_users: {BOUND}") as sidecar:
        router = sidecar.service.router
        with watching(router) as crowd:
            async with trio.open_nursery() as nursery:
                for frame in range(FRAMES):
                    nursery.start_soon(_view, sidecar, range(frame * FRAME, (frame + 1) * FRAME))
            for user in range(0, FRAMES * FRAME, 100):
                assert await sidecar.events(f"u{user}") == ["view"]
            for _ in range(2):
                await _view(sidecar, range(10))
            for user in range(10):
                firings = (await sidecar.user(f"u{user}")).json()["firings"]
                assert [firing["trigger"] for firing in firings] == ["thrice"]
        assert BOUND * 0.9 <= crowd.most <= BOUND
        assert router.statistics().inputs >= FRAMES * FRAME + 20
