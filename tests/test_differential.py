"""The engine against a brute-force evaluation of the language's contract, on random triggers and streams.

`IMPEL_SEED` repeats a run, `IMPEL_CASES` makes it longer or shorter. A case that differs is shrunk before it is shown.
"""

import os
from random import Random

import pytest

from tests.reference.compare import differ, report, shrink
from tests.reference.evaluator import evaluate
from tests.reference.generator import case
from tests.reference.parse import moment, state
from tests.reference.render import rules_text, text
from tests.reference.terms import Case

SEED = int(os.environ.get("IMPEL_SEED") or Random().randrange(1 << 32))
CASES = int(os.environ.get("IMPEL_CASES") or 4_000)
CHUNKS = 8


def seeds(chunk: int) -> range:
    """Give the seeds of one chunk of the run."""
    return range(SEED + chunk, SEED + CASES, CHUNKS)


def noted(made: Case, seed: int) -> bool:
    """Tell whether a case differs; where the engine fails altogether, say with what."""
    try:
        return differ(made)
    except Exception as error:
        error.add_note(f"IMPEL_SEED={seed} IMPEL_CASES=1\n{rules_text(made.rules)}")
        raise


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_engine_decides_as_the_contract_says(chunk: int) -> None:
    print(f"IMPEL_SEED={SEED} IMPEL_CASES={CASES}")  # noqa: T201 # shown with a failure
    for seed in seeds(chunk):
        made = case(Random(seed))
        if noted(made, seed):
            pytest.fail(f"IMPEL_SEED={seed} IMPEL_CASES=1\n{report(shrink(made))}", pytrace=False)


def test_a_rendered_condition_reads_as_it_was_meant() -> None:
    for seed in seeds(0):
        for trigger in case(Random(seed)).rules.triggers:
            assert moment(text(trigger.when)) == trigger.when, f"IMPEL_SEED={seed}"
            if trigger.condition is not None:
                assert state(text(trigger.condition)) == trigger.condition, f"IMPEL_SEED={seed}"


def test_the_cases_do_fire() -> None:
    fired = [bool(evaluate(case(Random(seed)))) for seed in range(SEED, SEED + 200)]
    assert sum(fired) >= len(fired) / 4, f"{sum(fired)} of {len(fired)} cases fire, IMPEL_SEED={SEED}"
