# ruff: noqa: SLF001 - the heap and its invariant are what is tested
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.core.events import INF
from engine.runtime.agenda import Agenda


def test_deadlines_come_up_in_time_order_and_not_before() -> None:
    agenda = Agenda()
    for name, at in (("late", 30), ("early", 10), ("middle", 20)):
        agenda.set(name, at)
    assert agenda.pop(9) is None
    assert [agenda.pop(25), agenda.pop(25), agenda.pop(25)] == [("early", 10), ("middle", 20), None]


def test_putting_a_deadline_off_touches_no_heap() -> None:
    agenda = Agenda()
    for at in range(10, 1_000):
        agenda.set("a", at)
    assert len(agenda._heap) == 1
    assert agenda.pop(998) is None
    assert agenda.pop(999) == ("a", 999)


def test_bringing_deadlines_forward_for_ever_does_not_fill_the_heap() -> None:
    agenda = Agenda()
    for at in range(100_000, 0, -1):
        agenda.set("a", at)
    agenda._check()
    assert len(agenda._heap) < 2_000


def test_filled_at_once_it_is_as_if_each_had_been_set() -> None:
    deadlines = [(f"u{number}", number * 7_919 % 1_000) for number in range(500)] + [("never", INF)]
    filled, told = Agenda(), Agenda()
    filled.fill(deadlines)
    filled._check()
    for name, at in deadlines:
        told.set(name, at)
    assert len(filled) == len(told) == 500
    filled.set("u3", 1_500)
    told.set("u3", 1_500)
    assert [filled.pop(2_000) for _ in range(501)] == [told.pop(2_000) for _ in range(501)]


def test_two_of_one_instant_are_both_due() -> None:
    agenda = Agenda()
    agenda.set("a", 5)
    agenda.set("b", 5)
    assert {agenda.pop(5), agenda.pop(5)} == {("a", 5), ("b", 5)}


class AgendaMachine(RuleBasedStateMachine):
    """The agenda against a dict that is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda()
        self.model: dict[str, int] = {}
        self.now = 0

    @rule(name=st.sampled_from("abcde"), delay=st.integers(0, 20))
    def arm(self, name: str, delay: int) -> None:
        self.agenda.set(name, self.now + delay)
        self.model[name] = self.now + delay

    @rule(name=st.sampled_from("abcde"))
    def disarm(self, name: str) -> None:
        self.agenda.set(name, INF)
        self.model.pop(name, None)

    @rule(passed=st.integers(0, 15))
    def wait(self, passed: int) -> None:
        self.now += passed
        due = []
        while (found := self.agenda.pop(self.now)) is not None:
            due.append(found)
        expected = {(name, at) for name, at in self.model.items() if at <= self.now}
        assert set(due) == expected
        assert [at for _, at in due] == sorted(at for _, at in due)
        self.model = {name: at for name, at in self.model.items() if at > self.now}

    @invariant()
    def holds(self) -> None:
        self.agenda._check()
        assert len(self.agenda) == len(self.model)
        assert self.agenda.earliest() <= min(self.model.values(), default=INF)


TestAgenda = AgendaMachine.TestCase
