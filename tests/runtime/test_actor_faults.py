"""A user whose state cannot be written or read, and everyone else."""

import pytest
import trio
from trio.testing import MockClock

from engine.core.user import User
from tests.runtime.rig import Quiet
from tests.runtime.test_router import event, running


async def test_a_user_who_cannot_be_saved_stays_awake_and_decides(
    autojump_clock: MockClock, telemetry: Quiet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: User) -> bytes:
        raise OverflowError

    async with running(telemetry, idle_after=500) as rig:
        with monkeypatch.context() as patch:
            patch.setattr(User, "snapshot", fail)
            rig.router.take(event("cart", "person"))
            await trio.sleep(3)
            assert rig.router.statistics().awake == 1
        await trio.sleep(3)
        assert rig.said == [("person", "left", 5_000)]
        assert (rig.router.statistics().awake, len(rig.store)) == (0, 1)
    said = capsys.readouterr().out
    assert said.count("[error") == 1
    assert "person" not in said


async def test_a_user_who_cannot_be_read_starts_anew(
    autojump_clock: MockClock, telemetry: Quiet, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(telemetry, idle_after=500) as rig:
        for _ in range(2):
            rig.router.take(event("view", "person"))
        await trio.sleep(2)
        await rig.store.save("k:person", b"nothing of the sort")
        rig.router.take(event("view", "person"))
        rig.router.take(event("cart", "person"))
        await trio.sleep(6)
        assert [trigger for _, trigger, _ in rig.said] == ["left"]
    said = capsys.readouterr().out
    assert "state cannot be read" in said
    assert "person" not in said
