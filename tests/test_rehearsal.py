"""A simulation that releases messages, too: by the rules of sending, and with the firings of `simulate`."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from adapters.commands.simulate import simulate_file
from engine.core.sending.policy import Cap, Facts, Fatigue, Hours, Policy
from engine.rehearsal import Fate, Rehearsal
from engine.simulate import Simulation, received_at
from tests.core.worlds import program_of

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_767_873_600_000
"""2026-01-08 12:00 UTC."""

TRIGGERS = """
segments: {vip: list}
triggers:
  left: {when: cart then no (cart or order) within 1h, per: cart_id, send: remind, until: order}
  thrice: {when: count(view) >= 3 within 1d, send: [advise, remind], priority: 1}
  bought: {when: order, send: receipt}
"""
POLICY = Policy(
    messages={"receipt": Facts(purpose="transactional"), "advise": Facts(weight=0.5, over="drop")},
    quiet=(Hours(21 * 60, 8 * 60),),
    caps=(Cap(2, DAY, text="2 per 1d"),),
    fatigue=Fatigue(2, DAY),
)


def rehearsed(inputs: list[dict[str, Any]], policy: Policy = POLICY, until: int | None = None) -> Rehearsal:
    rehearsal = Rehearsal(program_of(TRIGGERS, retention=90 * DAY, history_after=DAY), policy)
    for seq, item in enumerate(inputs):
        rehearsal.take(item, received_at(item), seq)
    rehearsal.finish(until)
    return rehearsal


def track(event: str, at: int, user: str = "u", **properties: object) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": event, "timestamp": at, "properties": properties}


def fates(rehearsal: Rehearsal) -> list[Fate]:
    return [fate for firing in rehearsal.fired for fate in rehearsal.fates[firing.id]]


def test_what_is_held_goes_when_the_rules_let_go() -> None:
    inputs = [track("cart", NOON, cart_id=each) for each in "abc"]
    told = fates(rehearsed(inputs, until=NOON + 5 * DAY))
    assert [fate.state for fate in told] == ["accepted"] * 3
    assert [fate.at - NOON for fate in told[:2]] == [HOUR, HOUR]
    (at, held), *_ = told[2].held
    assert (at, held.gate) == (NOON + HOUR, "cap")
    assert told[2].at == held.until >= NOON + 25 * HOUR


def test_an_order_ends_what_is_held_and_its_receipt_goes_in_the_night() -> None:
    inputs = [track("cart", NOON + 9 * HOUR, cart_id="a"), track("order", NOON + 11 * HOUR, cart_id="a")]
    remind, receipt = fates(rehearsed(inputs, until=NOON + 2 * DAY))
    assert [held.gate for _, held in remind.held] == ["quiet hours"]
    assert remind.never is not None
    assert remind.never.gate == "until"
    assert (receipt.state, receipt.at) == ("accepted", NOON + 11 * HOUR)


def test_the_firings_are_those_of_the_simulation_and_no_limit_is_exceeded() -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for _ in range(20):
        at, inputs = NOON, []
        for _ in range(60):
            at += draw.choice((0, 1, 60_000, HOUR, 5 * HOUR))
            event = draw.choice(("view", "view", "cart", "cart", "order"))
            inputs.append(track(event, at, draw.choice("uv"), cart_id=draw.choice("ab")))
        end = at + 3 * DAY
        rehearsal, plain = rehearsed(inputs, until=end), Simulation(rehearsal_program())
        for seq, item in enumerate(inputs):
            plain.take(item, received_at(item), seq)
        assert rehearsal.fired == plain.finish(end), f"seed {seed}"
        for user in "uv":
            sent = sorted(
                fate.at
                for firing in rehearsal.fired
                for fate in rehearsal.fates[firing.id]
                if firing.user == user and fate.state == "accepted" and fate.message != "receipt"
            )
            for one in sent:
                assert sum(one - DAY < each <= one for each in sent) <= 2, f"seed {seed}"
                assert 8 <= one % DAY // HOUR < 21, f"seed {seed}"


def rehearsal_program() -> Any:
    return program_of(TRIGGERS, retention=90 * DAY, history_after=DAY)


def test_the_command_tells_which_gates_were_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, name, text in (
        ("triggers", "all.yaml", "triggers: {t: {when: view, send: m}}"),
        ("messages", "m.yaml", "destination: site\ndata: {a: b}\n"),
    ):
        (tmp_path / part).mkdir()
        (tmp_path / part / name).write_text(text)
    (tmp_path / "impel.yaml").write_text("destinations: {site: {kind: console}}\n")
    (tmp_path / "sending.yaml").write_text("caps: [1 per 1d]\nconsent: opt-in\n")
    events = tmp_path / "events.jsonl"
    consent = {"type": "identify", "userId": "u", "traits": {"consent": {"marketing": True}}, "timestamp": NOON}
    inputs = [track("view", NOON - 1), consent, track("view", NOON), track("view", NOON + 1)]
    events.write_text("".join(json.dumps(each) + "\n" for each in inputs))
    assert simulate_file(triggers=tmp_path, events=events, until=str(NOON + 2 * DAY), explain=True) == 0
    first, second, third = (json.loads(line)["messages"][0] for line in capsys.readouterr().out.splitlines())
    assert (first["state"], first["gate"], first["passed"]) == (
        "dropped",
        "consent",
        ["delay", "until", "if", "expires", "address"],
    )
    assert (second["state"], second["passed"][-1]) == ("accepted", "exclusive")
    assert (third["state"], third["at"]) == ("accepted", NOON + DAY)
    assert [(held["gate"], held["until"]) for held in third["held"]] == [("cap", NOON + DAY)]
