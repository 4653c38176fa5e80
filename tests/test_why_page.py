"""What `docs/why.md` shows is what is told."""

import json
import re
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from adapters.commands.why import show
from engine.core.identity import known
from engine.language.compiler import compile_triggers
from engine.language.files import load
from engine.simulate import Simulation, instant, received_at
from engine.why import Asked, Subject, explain

PAGE = (Path(__file__).parents[1] / "docs" / "why.md").read_text("utf-8")
DAY = 86_400_000
ASKED = instant("2026-01-08T11:30:00Z")


def block(kind: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("greenwich")
def test_the_example_is_told_as_it_is_shown() -> None:
    loaded = load({"triggers/cart.yaml": block("yaml")})
    assert loaded.warnings == ()
    simulation = Simulation(compile_triggers(loaded.triggers, loaded.segments, retention=90 * DAY, history_after=DAY))
    for seq, line in enumerate(block("json lines").splitlines()):
        simulation.take(json.loads(line), received_at(json.loads(line)), seq)
    simulation.finish(ASKED)
    subject = Subject.of(simulation.users[known("u1")])
    found = explain(Asked(loaded.triggers[0], loaded.segments, ASKED, 90 * DAY, DAY, now=ASKED), subject)
    told = {"user": "u1", "now": ASKED, "at": ASKED, **msgspec.to_builtins(found)}
    shown = StringIO()
    show(told, Console(file=shown, width=80, highlight=False))
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert lines == block("text").splitlines()[1:]
