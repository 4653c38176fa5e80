"""The asker: when it asks, what it does with what it is told, and what it makes of failures. Time is virtual."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from adapters.destinations.mailchimp import MailchimpSettings
from adapters.feedback.asking import Asker
from adapters.feedback.desk import Desk
from adapters.feedback.polling import Polled
from adapters.feedback.report import Report
from adapters.secrets import Secret
from adapters.sources.intake import Intake
from adapters.store.memory import MemoryStore
from adapters.telemetry.metrics import Metrics
from engine.core.events import Millis
from engine.runtime.ports import Rejected, Unavailable, Unclear
from engine.runtime.records import Batch
from engine.runtime.router import Refused
from tests.adapters.store.values import dispatch
from tests.runtime.rig import Quiet, Rig, configured, event, running

ANN = "ann@shop.example"
OPENED = Report("Email Opened", 60_000, "1", ANN)
LEFT = Report("Unsubscribed", 0, "", ANN, standing=True)
NOBODY = configured("triggers: {never: {when: never}}")


@dataclass
class Told:
    """A service that tells what it is given; `problems` come first, one each time that it is asked."""

    reports: list[Report] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    partly: bool = False
    """It tells all the same, and says what it could not."""
    at: list[float] = field(default_factory=list)
    """When it was asked."""
    cursors: list[str] = field(default_factory=list)
    """With what it was asked."""
    mailed: list[Sequence[str]] = field(default_factory=list)

    async def poll(self, cursor: str, mailed: Sequence[str], now: Millis) -> Polled:
        await trio.lowlevel.checkpoint()
        assert now == round(trio.current_time() * 1_000)
        self.at.append(trio.current_time())
        self.cursors.append(cursor)
        self.mailed.append(mailed)
        problem: Any = self.problems.pop(0) if self.problems else None
        if problem is not None and not self.partly:
            raise problem
        return Polled(self.reports, f"c{len(self.at)}", problem)


@asynccontextmanager
async def asking(
    told: Told, store: MemoryStore, *, every: float = 300, name: str = "there", at: Millis = 30_000
) -> AsyncIterator[Rig]:
    """Ask from a service that runs; Ann, who is known as `u`, was sent a message at an instant."""
    async with running(NOBODY, Quiet(), store) as rig:
        await rig.take(event("view"))
        sent = dispatch(at, state="accepted", address=ANN)
        store.apply(Batch(dispatches={sent.id: sent}))
        metrics = Metrics()
        desk = Desk(Intake(rig.service, metrics), rig.service)
        asker = Asker(name, "mailchimp", every, told, desk=desk, service=rig.service, metrics=metrics)
        async with trio.open_nursery() as nursery:
            ready = trio.Event()
            ready.set()
            nursery.start_soon(asker.run, ready)
            yield rig
            nursery.cancel_scope.cancel()


async def events(rig: Rig) -> list[str]:
    user = await rig.router.look("k:u")
    assert user is not None
    return [each.name for each in user.recent(99)]


async def test_it_asks_at_once_and_then_every_so_often_with_what_it_was_told(autojump_clock: MockClock) -> None:
    told = Told()
    async with asking(told, MemoryStore()):
        await trio.sleep(1_000)
        assert [round(at) for at in told.at] == [0, 300, 600, 900]
        assert told.cursors == ["", "c1", "c2", "c3"]
        assert told.mailed == [[ANN]] * 4


async def test_addresses_that_were_mailed_by_others_or_long_ago_are_not_asked_about(autojump_clock: MockClock) -> None:
    told, week = Told(), 7 * 86_400_000
    for name, at in (("elsewhere", 0), ("there", 60_000 - week), ("there", -week)):
        async with asking(told, MemoryStore(), name=name, at=at):
            await trio.sleep(1)
    assert told.mailed == [[], [ANN], []]


async def test_what_is_told_twice_counts_once(autojump_clock: MockClock) -> None:
    told = Told([OPENED, OPENED])
    async with asking(told, MemoryStore(), every=600) as rig:
        await trio.sleep(3_601)
        assert len(told.at) == 7
        assert (await events(rig)).count("Email Opened") == 1


async def test_a_process_that_ends_after_taking_and_before_remembering_is_told_again_and_counts_once(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, store = Told([OPENED]), MemoryStore()
    await trio.sleep(60)
    async with asking(told, store) as rig:
        monkeypatch.setattr(rig.service.journal, "remember", die)
        await trio.sleep(1)
        assert (await events(rig)).count("Email Opened") == 1
    assert await store.cursor("mailchimp there") == ""
    async with asking(told, store) as rig:
        await trio.sleep(1)
        assert told.cursors == ["", ""]
        assert (await events(rig)).count("Email Opened") == 1
        assert await store.cursor("mailchimp there") == "c2"


async def test_a_cursor_outlives_the_process_and_is_not_anothers(autojump_clock: MockClock) -> None:
    told, store = Told(), MemoryStore()
    for name in ("there", "there", "elsewhere"):
        async with asking(told, store, name=name):
            await trio.sleep(1)
    assert told.cursors == ["", "c1", ""]


async def test_how_things_stand_suppresses_and_is_no_event(autojump_clock: MockClock) -> None:
    told = Told([LEFT])
    async with asking(told, MemoryStore()) as rig:
        await trio.sleep(301)
        assert await events(rig) == ["view"]
        (mark,) = rig.service.addresses.marks[ANN].values()
        assert (mark.why, mark.source, mark.at < 1_000) == ("unsubscribed", "there", True)


async def test_an_unsubscription_does_not_cover_up_a_bounce(autojump_clock: MockClock) -> None:
    told = Told([Report("Email Bounced", 0, "", ANN, standing=True), LEFT])
    async with asking(told, MemoryStore()) as rig:
        await trio.sleep(301)
        told.reports = [LEFT]
        await trio.sleep(301)
        assert [mark.why for mark in rig.service.addresses.marks[ANN].values()] == ["bounced"]


@pytest.mark.parametrize(
    ("kind", "said", "pause"),
    [
        (Unavailable, ("answered 429", 7), 7),
        (Unavailable, ("answered 401",), 300),
        (Unclear, ("no answer",), 300),
        (Rejected, ("answered 404",), 300),
        (Refused, ("busy", "too many events"), 1),
        (ValueError, ("whatever",), 300),
    ],
)
async def test_where_it_fails_it_asks_again_after_the_pause_that_was_asked_for(
    kind: type[Exception], said: tuple[Any, ...], pause: float, autojump_clock: MockClock
) -> None:
    told = Told([OPENED], [kind(*said)])
    await trio.sleep(60)
    with capture_logs() as logs:
        async with asking(told, MemoryStore()) as rig:
            await trio.sleep(310)
            assert round(told.at[1] - told.at[0]) == pause
            assert told.cursors[:2] == ["", ""]
            assert "Email Opened" in await events(rig)
    assert [log["log_level"] for log in logs if log.get("destination") == "there"][:1] in (["warning"], ["error"])
    assert ANN not in str(logs)


async def test_a_service_that_goes_on_failing_is_asked_less_and_less_and_then_as_before(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.feedback.asking._LONGEST", 600)
    told = Told(problems=[Unclear("no answer")] * 6)
    async with asking(told, MemoryStore(), every=60):
        await trio.sleep(2_225)
        gaps = [round(after - before) for before, after in pairwise(told.at)]
        assert gaps == [60, 120, 240, 480, 600, 600, 60, 60]


async def test_a_service_that_tells_a_part_is_asked_as_often_as_before_and_the_log_says_once_what_is_amiss(
    autojump_clock: MockClock,
) -> None:
    told = Told(problems=[Unavailable("answered 403", account=True)] * 4, partly=True)
    with capture_logs() as logs:
        async with asking(told, MemoryStore()):
            await trio.sleep(1_501)
    assert [round(at) for at in told.at] == [0, 300, 600, 900, 1_200, 1_500]
    levels = [(log["log_level"], log.get("reason")) for log in logs if log.get("destination") == "there"]
    assert levels == [("warning", "answered 403"), ("info", None)]


async def test_what_was_told_before_a_failure_is_taken_and_remembered(autojump_clock: MockClock) -> None:
    told = Told([OPENED], [Unavailable("answered 429", 7)], partly=True)
    await trio.sleep(60)
    async with asking(told, MemoryStore()) as rig:
        await trio.sleep(8)
        assert told.cursors == ["", "c1"]
        assert "Email Opened" in await events(rig)


def die(*_: object) -> None:
    raise KeyError("here the process ends")


@pytest.mark.parametrize("poll", ["soon", "0s", "-5m", "", "5"])
def test_a_setting_that_is_no_duration_is_told(poll: str) -> None:
    with pytest.raises(ValueError, match=r"^poll: .*`off` for never"):
        MailchimpSettings(key=Secret(env="NONE"), audience="l1", poll=poll)


def test_it_can_be_switched_off() -> None:
    assert MailchimpSettings(key=Secret(env="NONE"), audience="l1", poll="off").poll_seconds is None
    assert MailchimpSettings(key=Secret(env="NONE"), audience="l1").poll_seconds == 300
