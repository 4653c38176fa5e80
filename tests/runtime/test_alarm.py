import time

import trio
from trio.testing import MockClock

from engine.runtime.alarm import STRETCH, Alarm
from tests.runtime.rig import Quiet, trio_clock


async def test_users_are_woken_at_their_deadlines_and_never_early(
    nursery: trio.Nursery, autojump_clock: MockClock, telemetry: Quiet
) -> None:
    woken: list[tuple[str, int]] = []

    async def wake(name: str) -> None:
        woken.append((name, trio_clock()))

    alarm = Alarm(trio_clock, wake, telemetry)
    nursery.start_soon(alarm.run)
    alarm.set("b", 5_000)
    alarm.set("a", 2_500)
    await trio.sleep(3)
    alarm.set("c", 3_001)
    await trio.sleep(3)
    assert woken == [("a", 2_500), ("c", 3_001), ("b", 5_000)]
    assert telemetry.lateness == [0, 0, 0]


async def test_others_get_their_turn_while_many_are_woken(nursery: trio.Nursery, telemetry: Quiet) -> None:
    pauses: list[float] = []

    async def wake(_: str) -> None:
        time.sleep(0.0002)  # noqa: ASYNC251 - work is what it stands for

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await trio.lowlevel.checkpoint()
            now = time.perf_counter()
            pauses.append(now - last)
            last = now

    alarm = Alarm(lambda: 10, wake, telemetry)
    for number in range(200):
        alarm.set(str(number), 10)
    nursery.start_soon(watch)
    nursery.start_soon(alarm.run)
    while len(alarm):
        await trio.lowlevel.checkpoint()
    nursery.cancel_scope.cancel()
    stretches = [pause for pause in pauses if pause >= STRETCH]
    assert len(stretches) >= 200 * 0.0002 / STRETCH / 4, "the work was not cut into pieces"
