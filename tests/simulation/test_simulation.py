"""A few hundred runs of the simulation, and proof that it would notice if a guard were missing.

`python -m tests.simulation --seeds 100000 --jobs 2` is the long way; a seed that fails repeats exactly.
"""

from collections import Counter

import pytest
import trio

from engine.core.user import User
from engine.runtime.desk import RouterDesk
from engine.runtime.journal import Journal, Receipt
from engine.runtime.loader import Loader
from engine.runtime.records import Dispatch
from tests.simulation.run import FAULTS, run

SEEDS = 300
_CHUNK = 25


@pytest.mark.parametrize("first", range(0, SEEDS, _CHUNK))
def test_all_promises_hold_whatever_happens(first: int) -> None:
    for seed in range(first, first + _CHUNK):
        try:
            run(seed)
        except BaseException as problem:
            problem.add_note(f"seed {seed}: python -m tests.simulation --first {seed} --seeds 1")
            raise


def test_every_fault_does_happen() -> None:
    happened: Counter[str] = Counter()
    for seed in range(1_000, 1_060):
        happened += run(seed).world.happened
    for fault in [*FAULTS, "crash", "fail-stop", "orderly end", "refused", "delivered again with its key"]:
        assert happened[fault] > 0, fault


def test_a_seed_repeats_exactly() -> None:
    one, two = run(7).world, run(7).world
    assert one.entries == two.entries
    assert (one.delivered, one.dispatches, one.happened) == (two.delivered, two.dispatches, two.happened)


def notices(first: int = 2_000, seeds: int = 150) -> bool:
    """Whether one of some seeds fails."""
    for seed in range(first, first + seeds):
        try:
            run(seed)
        except (AssertionError, ExceptionGroup):
            return True
    return False


def test_an_acknowledgement_before_the_commit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: Journal, __: Receipt) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(Journal, "wait", at_once)
    assert notices()


def test_a_message_that_leaves_before_its_commit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt waits for the commit that says so, and thereby for the one that holds the decision."""

    async def unmarked(self: RouterDesk, dispatch: Dispatch) -> None:
        await trio.lowlevel.checkpoint()
        self.note(dispatch)

    monkeypatch.setattr(RouterDesk, "mark", unmarked)
    assert notices()


def test_turns_that_are_not_taken_again_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Loader.load

    async def forgetful(self: Loader, name: str, first: int = 0) -> tuple[User, int]:
        self.tail.pop(name, None)
        return await original(self, name, first)

    monkeypatch.setattr(Loader, "load", forgetful)
    assert notices()


def test_a_user_saved_ahead_of_the_journal_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(self: Journal, saves: list) -> None:  # type: ignore[type-arg]
        pending = self._pending
        entries, pending.entries = pending.entries, []
        await original(self, saves)
        self._pending.entries = entries + self._pending.entries

    original = Journal.commit
    monkeypatch.setattr(Journal, "commit", late)
    assert notices()


def test_an_absorbed_user_let_go_of_too_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Journal.absorbed

    def early(self: Journal, name: str, other: str) -> None:
        original(self, name, other)
        self.survivors.pop(name, None)

    monkeypatch.setattr(Journal, "absorbed", early)
    assert notices()
