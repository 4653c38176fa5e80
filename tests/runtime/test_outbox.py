from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from adapters.destinations.memory import Memory
from engine.core.decisions import Firing
from engine.core.events import Millis, Sent
from engine.core.release import GATES
from engine.core.sending.answers import Held
from engine.core.sending.policy import Policy
from engine.core.sending.question import Question
from engine.core.user import User
from engine.runtime.outbox import NotPossible, Outbox
from engine.runtime.ports import Delivery, Pace, Rejected, Retries, Unavailable, Unclear
from engine.runtime.records import Dispatch
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Plain, Quiet, compiled, trio_clock

PROGRAM = compiled("triggers: {left: {when: cart then no order within 1h}}")
HOUR = 3_600_000

_numbers = count()


def firing(*messages: str, at: Millis = 0) -> Firing:
    return Firing(f"f{next(_numbers)}", "left", "u", at, messages=messages or ("hello",))


def context(user: User, fired: Firing) -> Mapping[str, Any]:
    return {"user": user.name, "trigger": fired.trigger}


class Rig:
    """An outbox, with everything around it."""

    def __init__(self, there: Memory, dice: float = 1.0, program: Any = PROGRAM) -> None:
        self.there = there
        self.telemetry = Quiet()
        self.desk = FakeDesk(program)
        self.outbox = Outbox(
            {"there": there},
            Plain("hello", "again"),
            Policy(),
            context=context,
            desk=self.desk,
            find=self.desk.find,
            telemetry=self.telemetry,
            dice=lambda: dice,
        )

    def put(self, fired: Firing, name: str = "k:u", expires: Millis = 1 << 62) -> list[str]:
        """Let a firing's messages be durably due; gives their ids."""
        self.desk.make_due(name, fired, expires=expires)
        made = self.outbox.make(name, fired, self.desk.now(), fired.variant)
        self.outbox.admit(made)
        return [dispatch.id for dispatch in made]

    def accepted(self) -> list[str]:
        return [delivery.id for delivery in self.there.accepted]

    def attempted(self) -> list[str]:
        return [delivery.id for delivery in self.there.attempts]


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outbox.run)
        yield rig
        nursery.cancel_scope.cancel()


async def test_each_message_is_sent_once_after_it_was_written_down(autojump_clock: MockClock) -> None:
    async with running(Rig(Memory())) as rig:
        ids = rig.put(firing("hello", "again"))
        await trio.sleep(1)
        assert rig.accepted() == ids
        assert all(rig.desk.states(each) == ["sending", "accepted"] for each in ids)
        assert rig.there.attempts[0].data == {"message": "hello", "user": "k:u"}
        assert rig.outbox.waiting == 0


async def test_a_message_bears_the_address_that_it_was_handed_over_for(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    saying: list[dict[str, Any]] = [{"to": " Ann@X.Example"}, {"profile": {"email": "bob@x.example"}}, {"to": None}]
    monkeypatch.setattr(Plain, "render", lambda *_: saying[0])
    async with running(Rig(Memory())) as rig:
        addresses = []
        while saying:
            (sent,) = rig.put(firing("hello"))
            await trio.sleep(1)
            assert rig.desk.known[sent].state == "accepted"
            addresses.append(rig.desk.known[sent].address)
            del saying[0]
        assert addresses == ["ann@x.example", "bob@x.example", ""]


async def test_after_a_hold_it_is_asked_about_exactly_once_at_each_instant_that_is_told(
    autojump_clock: MockClock,
) -> None:
    openings = [30_000, 30_001, 7_000_000]
    asked_at: list[Millis] = []

    def closed(asked: Question) -> Held | None:
        """It only ever tells the next opening, and only from its own instant on: no look ahead helps."""
        now = trio_clock()
        if asked.at == now:
            asked_at.append(now)
        opens = next((each for each in openings if now < each), None)
        return None if opens is None or asked.at >= opens else Held(f"until {opens}", "closed", opens)

    async with running(Rig(Memory(), program=replace(PROGRAM, gates=(*GATES, closed)))) as rig:
        (held,) = rig.put(firing("hello"))
        await trio.sleep(7_100)
        assert rig.accepted() == [held]
        assert asked_at == [0, *openings]
        assert rig.desk.asked == [0, *openings]
        assert [(each.what, each.gate) for each in rig.desk.counted] == [("held", f"until {at}") for at in openings]


async def test_no_message_leaves_before_its_mark_is_durable(autojump_clock: MockClock) -> None:
    class Slow(FakeDesk):
        async def begin(self, dispatch: Dispatch, sent: Sent | None) -> None:
            seen.append(len(rig.there.attempts))
            await trio.sleep(5)
            seen.append(len(rig.there.attempts))
            await super().begin(dispatch, sent)

    seen: list[int] = []
    rig = Rig(Memory())
    rig.desk.__class__ = Slow
    async with running(rig):
        rig.put(firing())
        await trio.sleep(4)
        assert seen == [0]
        await trio.sleep(10)
    assert seen[:2] == [0, 0]
    assert len(rig.there.attempts) == 1


async def test_what_is_put_off_is_tried_again_with_the_same_key_and_growing_pauses(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(attempts=5, first_pause=1, longest_pause=3))
    there.script(*[Unavailable("busy") for _ in range(4)])
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(20)
        assert rig.attempted() == [each] * 5
        pauses = [one.due - one.changed for one in rig.desk.told if one.state == "due"]
        assert pauses == [1_000, 2_000, 3_000, 3_000]
        assert rig.desk.states(each)[-1] == "accepted"


async def test_jitter_takes_the_whole_of_the_pause(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(first_pause=10))
    there.script(Unavailable("busy"))
    async with running(Rig(there, dice=0.25)) as rig:
        rig.put(firing())
        await trio.sleep(1)
        assert rig.desk.told[-1].due - rig.desk.told[-1].changed == 2_500


async def test_a_destination_that_says_when_to_come_back_is_not_asked_before(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Unavailable("busy", retry_after=90))
    async with running(Rig(there)) as rig:
        rig.put(firing())
        await trio.sleep(89)
        assert len(there.attempts) == 1
        await trio.sleep(2)
        assert len(there.accepted) == 1


async def test_a_message_is_given_up_with_the_reason(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(attempts=3))
    there.script(*[Unavailable("mailbox full") for _ in range(3)])
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(60)
        last = rig.desk.known[each]
        assert (last.state, last.attempts, last.reason) == ("failed", 3, "given up: mailbox full")


async def test_what_is_wrong_with_the_account_counts_against_no_message(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(attempts=2))
    there.script(*[Unavailable("too many", retry_after=60, account=True) for _ in range(4)])
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(1_000)
        assert rig.desk.known[each].state == "accepted"


async def test_patience_ends(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(patience=HOUR))
    there.script(*[Unavailable("down", account=True) for _ in range(100)])
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(2 * 3_600)
        assert rig.desk.known[each].state == "failed"


async def test_the_whole_account_waits_when_it_is_told_to(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Unavailable("too many", retry_after=60, account=True))
    async with running(Rig(there)) as rig:
        rig.put(firing(), "k:a")
        await trio.sleep(1)
        rig.put(firing(), "k:b")
        await trio.sleep(58)
        assert len(there.attempts) == 1
        await trio.sleep(3)
        assert len(there.accepted) == 2


async def test_a_circuit_opens_and_one_attempt_probes(autojump_clock: MockClock) -> None:
    there = Memory(Pace(concurrency=10), Retries(first_pause=0.1))
    there.script(*[Unavailable("down", account=True) for _ in range(5)])
    async with running(Rig(there)) as rig:
        for number in range(5):
            rig.put(firing(), f"k:{number}")
        await trio.sleep(1)
        assert len(there.attempts) == 5
        assert rig.outbox.paused() == ["there"]
        there.script(Unavailable("down", account=True))
        await trio.sleep(6)
        assert len(there.attempts) == 6, "one probe, and the pause doubles"
        await trio.sleep(20)
        assert rig.outbox.paused() == []
        assert len(there.accepted) == 5


async def test_a_message_that_waits_holds_up_no_other_user(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Unavailable("greylisted", retry_after=60))
    async with running(Rig(there)) as rig:
        (first,) = rig.put(firing(), "k:a")
        (second,) = rig.put(firing(), "k:b")
        await trio.sleep(100)
        assert rig.accepted() == [second, first]


async def test_messages_to_one_user_keep_their_order(autojump_clock: MockClock) -> None:
    there = Memory(Pace(concurrency=10))
    there.script(Unavailable("later", retry_after=60), None, Unavailable("later", retry_after=5))
    async with running(Rig(there)) as rig:
        ids = [rig.put(firing())[0] for _ in range(4)]
        await trio.sleep(200)
        assert rig.accepted() == ids


async def test_what_is_held_lets_later_ones_pass_and_goes_at_its_instant(autojump_clock: MockClock) -> None:
    def closed(asked: Question) -> Held | None:
        return Held("closed", "closed", 30_000) if asked.due.message == "hello" and asked.at < 30_000 else None

    rig = Rig(Memory(), program=replace(PROGRAM, gates=(*GATES, closed)))
    async with running(rig):
        held, passing = rig.put(firing("hello", "again"))
        await trio.sleep(29.9)
        assert rig.accepted() == [passing]
        assert (rig.desk.known[held].state, rig.desk.known[held].reason) == ("held", "closed")
        await trio.sleep(0.2)
        assert rig.accepted() == [passing, held]
        assert [one.changed for one in rig.desk.told if one.id == held and one.state == "sending"] == [30_000]


async def test_a_fault_in_a_gate_holds_its_message_and_stops_no_other(autojump_clock: MockClock) -> None:
    def faulty(asked: Question) -> None:
        if asked.due.message == "hello" and asked.at < 30_000:
            raise ZeroDivisionError

    rig = Rig(Memory(), program=replace(PROGRAM, gates=(*GATES, faulty)))
    async with running(rig):
        held, passing = rig.put(firing("hello", "again"))
        await trio.sleep(1)
        assert rig.accepted() == [passing]
        assert rig.desk.known[held].reason == "ZeroDivisionError in the rules of sending; asked again"
        await trio.sleep(60)
        assert rig.accepted() == [passing, held]


async def test_an_expired_message_is_dropped_with_the_reason(autojump_clock: MockClock) -> None:
    async with running(Rig(Memory())) as rig:
        await trio.sleep(10)
        (each,) = rig.put(firing(), expires=10_000)
        await trio.sleep(1)
        assert rig.attempted() == []
        assert rig.desk.known[each].state == "dropped"
        assert rig.desk.known[each].reason == "it expired at 1970-01-01T00:00:10Z"


async def test_who_is_no_longer_known_gets_nothing(autojump_clock: MockClock) -> None:
    async with running(Rig(Memory())) as rig:
        fired = firing()
        rig.outbox.admit(rig.outbox.make("k:gone", fired, 0, ""))
        await trio.sleep(1)
        assert rig.desk.told[-1].reason == "the user is no longer known"


async def test_a_refusal_is_final(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Rejected("no such box"))
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(1_000)
        assert (rig.desk.known[each].state, rig.desk.known[each].reason) == ("failed", "no such box")
        assert len(there.attempts) == 1


async def test_what_may_have_been_sent_is_not_sent_again_where_keys_mean_nothing(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Unclear("no answer"))
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(1_000)
        assert (rig.desk.known[each].state, rig.desk.known[each].reason) == ("unconfirmed", "no answer")
        assert len(there.attempts) == 1


async def test_what_may_have_been_sent_is_sent_again_while_its_key_is_known(autojump_clock: MockClock) -> None:
    there = Memory(behaves=Retries(attempts=100, longest_pause=600, remembers=HOUR))
    there.script(*[Unclear("no answer") for _ in range(50)])
    async with running(Rig(there)) as rig:
        (each,) = rig.put(firing())
        await trio.sleep(2 * 3_600)
        begun = [one.changed for one in rig.desk.told if one.state == "sending"]
        assert len(begun) > 5
        assert begun[-1] < begun[0] + HOUR
        assert rig.desk.known[each].state == "unconfirmed"


@pytest.mark.parametrize(("remembers", "ends"), [(0, "unconfirmed"), (HOUR, "accepted")])
async def test_an_attempt_that_the_process_did_not_survive_may_have_been_sent(
    autojump_clock: MockClock, remembers: Millis, ends: str
) -> None:
    there = Memory(behaves=Retries(remembers=remembers))
    rig = Rig(there)
    fired = firing()
    rig.desk.make_due("k:u", fired)
    (made,) = rig.outbox.make("k:u", fired, 0, "")
    sending = msgspec.structs.replace(made, state="sending", attempts=1, begun=0)
    async with running(rig):
        rig.outbox.admit([sending])
        await trio.sleep(100)
        assert rig.desk.known[made.id].state == ends
        assert len(there.attempts) == (1 if remembers else 0)


async def test_a_fault_in_a_destination_is_unclear_and_leaves_others_alone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(Memory())

    async def broken(_: Delivery) -> None:
        await trio.lowlevel.checkpoint()
        monkeypatch.undo()
        raise KeyError("secret")

    monkeypatch.setattr(rig.there, "send", broken)
    async with running(rig):
        (first,) = rig.put(firing(), "k:a")
        await trio.sleep(1)
        (second,) = rig.put(firing(), "k:b")
        await trio.sleep(1)
        assert rig.desk.known[first].reason == "KeyError in the destination"
        assert rig.desk.known[first].state == "unconfirmed"
        assert rig.accepted() == [second]


async def test_a_message_that_does_not_render_fails_alone(autojump_clock: MockClock) -> None:
    class Faulty(Plain):
        def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
            if message == "hello":
                raise Rejected("line 3: `event.price` is missing")
            return super().render(message, context)

    rig = Rig(Memory())
    rig.outbox.use(Faulty("hello", "again"), Policy())
    async with running(rig):
        wrong, right = rig.put(firing("hello", "again"))
        await trio.sleep(1)
        assert rig.desk.known[wrong].reason == "line 3: `event.price` is missing"
        assert rig.accepted() == [right]


async def test_a_message_that_is_no_longer_in_the_files_fails_with_that_reason(autojump_clock: MockClock) -> None:
    async with running(Rig(Memory())) as rig:
        rig.outbox.use(Plain("again"), Policy())
        (each,) = rig.put(firing("hello"))
        await trio.sleep(1)
        assert rig.desk.known[each].reason == "there is no message 'hello'"


async def test_no_more_attempts_a_second_than_the_account_allows(autojump_clock: MockClock) -> None:
    there = Memory(Pace(concurrency=10, rate=2, burst=4))
    async with running(Rig(there)) as rig:
        for number in range(24):
            rig.put(firing(), f"k:{number}")
        for second in range(10):
            await trio.sleep(0.999 if second == 0 else 1)
            assert len(there.accepted) == 4 + 2 * second + 1
        await trio.sleep(5)
        assert len(there.accepted) == 24


async def test_no_more_attempts_at_a_time_than_the_account_allows(autojump_clock: MockClock) -> None:
    class Slow(Memory):
        at_a_time = most = 0

        async def send(self, delivery: Delivery) -> None:
            self.at_a_time += 1
            self.most = max(self.most, self.at_a_time)
            await trio.sleep(1)
            self.at_a_time -= 1
            await super().send(delivery)

    there = Slow(Pace(concurrency=3))
    async with running(Rig(there)) as rig:
        for number in range(10):
            rig.put(firing(), f"k:{number}")
        await trio.sleep(10)
        assert len(there.accepted) == 10
        assert there.most == 3


async def test_a_waiting_message_can_be_dropped_and_one_that_failed_sent_again(autojump_clock: MockClock) -> None:
    there = Memory()
    there.script(Unavailable("greylisted", retry_after=600), Rejected("no"))
    async with running(Rig(there)) as rig:
        (waiting,) = rig.put(firing(), "k:a")
        (failed,) = rig.put(firing(), "k:b")
        await trio.sleep(1)
        assert (await rig.outbox.drop(waiting)).state == "dropped"
        with pytest.raises(NotPossible, match="dropped already"):
            await rig.outbox.drop(waiting)
        assert (await rig.outbox.retry(failed)).state == "due"
        await trio.sleep(1)
        assert rig.accepted() == [failed]
        with pytest.raises(NotPossible, match="accepted already"):
            await rig.outbox.retry(failed)
        with pytest.raises(NotPossible, match="no such message"):
            await rig.outbox.retry("never heard of")
        await trio.sleep(1_000)
        assert rig.accepted() == [failed]
        (later,) = rig.put(firing(), "k:a")
        await trio.sleep(1)
        assert rig.accepted() == [failed, later]


class Counted(dict[str, Dispatch]):
    """A dictionary that counts the entries that are looked through."""

    looked_at = 0

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            self.looked_at += 1
            yield key


async def test_a_backlog_is_not_looked_through(autojump_clock: MockClock) -> None:
    rig = Rig(Memory())
    counted = rig.outbox._office.unended = Counted()  # noqa: SLF001 - what is counted is its own affair
    async with running(rig):
        for number in range(5_000):
            rig.put(firing(), f"k:{number % 700}")
        await trio.sleep(1)
    assert len(rig.there.accepted) == 5_000
    assert counted.looked_at == 0
