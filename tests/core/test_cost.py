"""What an event costs, counted and not timed: bytecode instructions that run inside the core, and wakes.

Instructions see every condition that is evaluated and every event that a loop touches; the probes of a bisection, which
runs in C, are not among them.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import msgspec
import pytest

from engine.core.events import INF, Track
from engine.core.program import Program
from engine.core.scope import Scope
from engine.core.user import User
from engine.core.watch import Watch
from tests.core.worlds import program_of

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

TRIGGERS = """
triggers:
  glance: {when: "view[price > 20]", cooldown: 1h}
  keen: {when: "count(view) >= 3 within 10m"}
  rich: {when: "sum(view.price) > 100000 within 2h"}
  mean: {when: "avg(view.price) > 1000 within 2h"}
  dear: {when: "max(view.price) > 500 within 2h"}
  broad: {when: "distinct(view.product) >= 8000 within 2h"}
  pair: {when: "view then buy without leave within 1h"}
  chain: {when: "(view then add within 2h) then buy within 1d"}
  cart: {when: "add then no buy within 1h", per: cart}
  idle: {when: "inactive for 20d"}
  calm: {when: "(seen(view) within 1h and not seen(buy) within 1d) on view"}
  long: {when: "(count(view) >= 2 within 1h) for 10m"}
"""


def program(unrelated: int = 0) -> Program:
    others = "".join(f'  other{n}: {{when: "other{n} then no more{n} within 1h"}}\n' for n in range(unrelated))
    return program_of(TRIGGERS + others, retention=90 * DAY, history_after=DAY)


def stream(number: int, start: int = 0) -> Iterator[Track]:
    """Nine views, an add, every tenth time a buy: one event a minute."""
    for n in range(start, start + number):
        name = "buy" if n % 100 == 99 else "add" if n % 10 == 9 else "view"
        properties = msgspec.msgpack.encode({"price": 10 + n % 7, "product": f"p{n % 50}", "cart": n // 100})
        yield Track(n, name, n * MINUTE, properties)


@contextmanager
def instructions() -> Iterator[Callable[[], int]]:
    """Count the instructions that run inside engine/core."""
    ran = 0

    def count(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal ran
        if "engine/core" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        ran += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield lambda: ran
    finally:
        sys.settrace(before)


def cost(user: User, start: int, number: int = 100) -> tuple[int, int]:
    """Instructions and wakes of a number of events, and of the time between them."""
    wakes = 0
    with instructions() as ran:
        for event in stream(number, start):
            while user.horizon() <= event.ts:
                user.wake(user.horizon())
                wakes += 1
            user.observe(event, event.ts)
    return ran(), wakes


def after(history: int, unrelated: int = 0) -> User:
    user = User("k:u", program(unrelated))
    for event in stream(history):
        user.observe(event, event.ts)
    return user


def test_an_event_costs_the_same_after_a_hundred_times_the_history() -> None:
    young, young_wakes = cost(after(200), 200)
    old, old_wakes = cost(after(20_000), 20_000)
    assert old <= young * 1.1
    assert old_wakes <= young_wakes + 1


def test_an_event_costs_the_same_with_a_hundred_times_the_unrelated_triggers() -> None:
    few, few_wakes = cost(after(300, unrelated=10), 300)
    many, many_wakes = cost(after(300, unrelated=1_000), 300)
    assert many == few
    assert many_wakes == few_wakes


@pytest.mark.parametrize(
    "when",
    [
        "view",
        "view then buy",
        "count(view) > 2",
        "seen(view) within 1h",
        "(seen(view) within 1h) on buy",
        "view or buy",
    ],
)
def test_a_user_in_whom_nothing_can_change_by_itself_has_no_horizon(when: str) -> None:
    user = User("k:u", program_of(f"triggers: {{t: {{when: '{when}'}}}}", retention=90 * DAY, history_after=DAY))
    for event in stream(120):
        user.observe(event, event.ts)
        assert user.horizon() == INF


def test_a_silence_that_is_broken_leaves_no_horizon() -> None:
    user = User("k:u", program_of("triggers: {t: {when: add then no buy within 1h}}", retention=DAY, history_after=DAY))
    user.observe(Track(1, "add", 0), 0)
    assert user.horizon() == HOUR
    user.observe(Track(2, "buy", SECOND), SECOND)
    assert user.horizon() == INF


def test_a_user_who_is_retired_leaves_nothing_for_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        user = after(50)
        assert any(isinstance(each, Watch) for each in gc.get_objects())
        user.retire()
        assert user.recent(1)
        assert user.pending()
        del user
        assert not [each for each in gc.get_objects() if isinstance(each, Watch | Scope | User)]
    finally:
        gc.enable()
