"""A user whose state cannot be written or read, and everyone else."""

from unittest.mock import AsyncMock

import pytest
import trio
from trio.testing import MockClock

from adapters.store.memory import MemoryStore
from engine.core.decisions import Firing
from engine.core.identity import anonymous, known
from engine.core.user import User
from engine.runtime.ports import StoreError
from engine.runtime.records import Kept
from engine.runtime.router import Refused
from tests.runtime.rig import Quiet, event, running
from tests.runtime.test_router import LOGIN, SOON, THERE, SlowStore


async def unreadable(_: str) -> Kept | None:
    await trio.sleep(0.01)
    raise StoreError("the disk cannot be read")


async def test_a_user_who_cannot_be_saved_stays_awake_and_decides(
    autojump_clock: MockClock, telemetry: Quiet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: User) -> bytes:
        raise OverflowError

    async with running(THERE, telemetry, limits=SOON) as rig:
        with monkeypatch.context() as patch:
            patch.setattr(User, "snapshot", fail)
            rig.send(event("cart", "person"))
            await trio.sleep(3)
            assert rig.router.statistics().awake == 1
        await trio.sleep(4)
        assert rig.said == [("person", "left", 5_000)]
        assert (rig.router.statistics().awake, len(rig.store)) == (0, 1)
    said = capsys.readouterr().out
    assert said.count("[error") == 1
    assert "person" not in said


async def test_a_deadline_that_cannot_be_settled_is_tried_again_once_a_minute(
    autojump_clock: MockClock, telemetry: Quiet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: User, __: int) -> list[Firing]:
        raise ArithmeticError

    async with running(THERE, telemetry) as rig:
        await rig.take(event("cart", "person"))
        with monkeypatch.context() as patch:
            patch.setattr(User, "wake", fail)
            await trio.sleep(100)
        assert rig.said == []
        await trio.sleep(60)
        assert rig.said == [("person", "left", 5_000)]
    assert capsys.readouterr().out.count("[error") == 2


async def test_a_state_that_cannot_be_read_ends_the_process_and_is_not_overwritten(
    autojump_clock: MockClock, telemetry: Quiet, capsys: pytest.CaptureFixture[str]
) -> None:
    store = MemoryStore()
    with pytest.RaisesGroup(StoreError):
        async with running(THERE, telemetry, store, SOON) as rig:
            await rig.take(event("view", "person"))
            await trio.sleep(3)
            before = await store.load("k:person")
            assert before is not None
            damaged = before._replace(state=b"nothing of the sort")
            store.load = AsyncMock(return_value=damaged)  # type: ignore[method-assign]
            with pytest.raises(Refused, match="state of a user cannot be read"):
                await rig.take(event("view", "person"))
            assert rig.service.status == "failed"
            with pytest.raises(Refused):
                await rig.take(event("view", "somebody else"))
            await trio.sleep(5)
    del store.load
    assert await store.load("k:person") == before
    said = capsys.readouterr().out
    assert "state of a user cannot be read" in said
    assert "person" not in said


async def test_a_visitor_who_cannot_be_read_is_not_absorbed(autojump_clock: MockClock, telemetry: Quiet) -> None:
    store = MemoryStore()
    with pytest.RaisesGroup(StoreError):
        async with running(THERE, telemetry, store, SOON) as rig:
            await rig.take(event("cart", None, "v"))
            await trio.sleep(2)
            await rig.take(event("view"))
            before = await store.load(anonymous("v"))
            assert before is not None
            store.load = unreadable  # type: ignore[assignment, method-assign]
            with pytest.raises(Refused, match="cannot be read"):
                await rig.take(LOGIN)
            await trio.sleep(5)
    del store.load
    assert await store.load(anonymous("v")) == before
    assert [link async for page in store.links() for link in page] == []


async def test_who_has_absorbed_another_is_saved_though_everything_is_about_to_end(
    autojump_clock: MockClock, telemetry: Quiet
) -> None:
    store = SlowStore(0.4)
    with pytest.RaisesGroup(StoreError):
        async with running(THERE, telemetry, store) as rig:
            await rig.take(event("cart", None, "v"), event("view"))
            rig.send(event("view"))
            await trio.sleep(0.05)  # while that is being written
            store.load = unreadable  # type: ignore[assignment, method-assign]
            rig.send(LOGIN, event("view", "somebody else"))
            await trio.sleep(0.02)
            rig.send(event("view"))
            await trio.sleep(5)
    del store.load
    kept = await store.load(known("u"))
    assert kept is not None
    assert User.restore(kept.state, kept.chunks, THERE.program).recent(1, "cart")
