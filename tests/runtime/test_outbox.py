from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.destinations.memory import Memory
from engine.core.decisions import Firing
from engine.runtime.outbox import ATTEMPTS, Dispatch, Outbox
from engine.runtime.ports import Rejected, Unavailable, Unclear
from tests.runtime.rig import Plain, Quiet, trio_clock


async def context(name: str, firing: Firing) -> Mapping[str, Any]:
    await trio.lowlevel.checkpoint()
    return {"user": name, "trigger": firing.trigger}


def firing(number: int = 0, *messages: str) -> Firing:
    return Firing(f"f{number}", "left", f"u{number}", 0, messages=messages or ("hello",))


@pytest.fixture
def there() -> Memory:
    return Memory()


@pytest.fixture
def outbox(there: Memory, telemetry: Quiet) -> Outbox:
    return Outbox({"there": there}, Plain("hello", "again"), context, trio_clock, telemetry)


async def test_a_firing_sends_each_of_its_messages_once(
    nursery: trio.Nursery, outbox: Outbox, there: Memory, telemetry: Quiet
) -> None:
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing(0, "hello", "again"))
    await outbox.emptied()
    assert [delivery.id for delivery in there.attempts] == ["f0:hello", "f0:again"]
    assert there.attempts[0].data == {"message": "hello", "user": "k:u0"}
    assert telemetry.decisions == [("left", "sent")] * 2


async def test_an_unavailable_destination_is_tried_again_with_the_same_key(
    nursery: trio.Nursery, autojump_clock: MockClock, outbox: Outbox, there: Memory
) -> None:
    there.script(Unavailable("busy"), Unavailable("busy", retry_after=90))
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing())
    await outbox.emptied()
    assert [delivery.id for delivery in there.attempts] == ["f0:hello"] * 3
    assert len(there.accepted) == 1
    assert trio.current_time() >= 90


async def test_a_message_that_waits_holds_up_no_other(
    nursery: trio.Nursery, autojump_clock: MockClock, outbox: Outbox, there: Memory
) -> None:
    there.script(Unavailable("busy", retry_after=60))
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing(0))
    outbox.put("k:u1", firing(1))
    await outbox.emptied()
    assert [delivery.user for delivery in there.accepted] == ["u1", "u0"]


async def test_a_destination_that_stays_unavailable_is_given_up_with_the_reason(
    nursery: trio.Nursery, autojump_clock: MockClock, outbox: Outbox, there: Memory
) -> None:
    there.script(*[Unavailable("no route") for _ in range(ATTEMPTS)])
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing())
    await outbox.emptied()
    dispatch = outbox.find(firing(), "hello")
    assert dispatch is not None
    assert (dispatch.status, dispatch.attempts) == ("failed", ATTEMPTS)
    assert dispatch.reason.endswith("no route")


@pytest.mark.parametrize(
    ("problem", "status"),
    [(Rejected("no such box"), "failed"), (Unclear("no answer"), "unclear")],
)
async def test_what_was_refused_or_is_unclear_is_never_sent_again(
    nursery: trio.Nursery, outbox: Outbox, there: Memory, problem: Rejected | Unclear, status: str
) -> None:
    there.script(problem)
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing(0))
    outbox.put("k:u1", firing(1))
    await outbox.emptied()
    dispatch = outbox.find(firing(), "hello")
    assert dispatch is not None
    assert (dispatch.status, dispatch.reason) == (status, str(problem))
    assert len(there.attempts) == 2
    assert len(there.accepted) == 1


async def test_a_message_that_does_not_render_fails_alone(nursery: trio.Nursery, telemetry: Quiet) -> None:
    class Faulty(Plain):
        def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
            if context["user"] == "k:u0":
                raise Rejected("line 3: `event.price` is missing")
            return super().render(message, context)

    there = Memory()
    outbox = Outbox({"there": there}, Faulty("hello"), context, trio_clock, telemetry)
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing(0))
    outbox.put("k:u1", firing(1))
    await outbox.emptied()
    failed = outbox.find(firing(0), "hello")
    assert failed is not None
    assert failed.reason == "line 3: `event.price` is missing"
    assert [delivery.user for delivery in there.accepted] == ["u1"]


async def test_a_message_that_does_not_exist_fails_with_that_reason(outbox: Outbox) -> None:
    outbox.put("k:u0", firing(0, "nowhere"))
    dispatch = outbox.find(firing(0), "nowhere")
    assert dispatch is not None
    assert dispatch.reason == "there is no message 'nowhere'"


async def test_a_fault_in_a_destination_leaves_its_worker_at_work(
    nursery: trio.Nursery, outbox: Outbox, there: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        await trio.lowlevel.checkpoint()
        monkeypatch.undo()
        raise KeyError("secret")

    monkeypatch.setattr(there, "send", broken)
    nursery.start_soon(outbox.run)
    outbox.put("k:u0", firing(0))
    outbox.put("k:u1", firing(1))
    await outbox.emptied()
    dispatch = outbox.find(firing(0), "hello")
    assert dispatch is not None
    assert (dispatch.status, dispatch.reason) == ("unclear", "KeyError in the destination")
    assert [delivery.user for delivery in there.accepted] == ["u1"]


class Counted(dict[str, Dispatch]):
    """A dictionary that counts the entries that are looked through."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = 0

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            self.looked_at += 1
            yield key

    def values(self) -> Any:
        return [self[key] for key in self]


async def test_a_backlog_is_not_looked_through_and_only_the_ended_are_forgotten(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runtime.outbox._KEPT", 10)
    counted = Counted()
    monkeypatch.setattr(outbox, "_dispatches", counted)
    for number in range(100):
        outbox.put("k:u0", firing(number, "hello", "nowhere"))
    assert counted.looked_at == 0
    assert all(outbox.find(firing(number), "hello") for number in range(100))
    found = [number for number in range(100) if outbox.find(firing(number), "nowhere")]
    assert found == list(range(90, 100))
