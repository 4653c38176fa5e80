"""The demo shop in `config/`: its files check, its tests pass, its shoppers meet its triggers, its messages render."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.commands.trials import outcome
from adapters.configuration import read_files
from adapters.content import Messages
from adapters.demo import BETWEEN, SHOPPERS, traits_of, zone_where
from adapters.files import content_files, read_folder
from adapters.settings import Settings, read_settings
from engine.language.files import Loaded, load
from engine.rehearsal import Fate, Rehearsal

CONFIG = Path(__file__).parents[1] / "config"
NOON = 1_767_873_600
"""2026-01-08 12:00 UTC, in seconds."""
SLOW = {"lapsed", "stuck_onboarding", "window_shopper"}
"""What takes longer than a look at the demo."""


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(CONFIG, {})


@pytest.fixture(scope="module")
def loaded(settings: Settings) -> Loaded:
    return load(read_folder(CONFIG), retention=settings.retention_ms)


@pytest.fixture(scope="module")
def messages(settings: Settings) -> Messages:
    return Messages.load(content_files(CONFIG), settings.destinations)


def test_the_files_check_without_a_warning(loaded: Loaded) -> None:
    assert loaded.warnings == ()


def test_every_trigger_says_what_it_is_for_and_has_tests(loaded: Loaded) -> None:
    for trigger in loaded.triggers:
        assert all((trigger.objective, trigger.owner, trigger.reason, loaded.trials[trigger.name])), trigger.name


def test_the_tests_beside_the_triggers_pass(loaded: Loaded, settings: Settings) -> None:
    for trigger in loaded.triggers:
        for trial in loaded.trials[trigger.name]:
            kept, late = settings.retention_ms, settings.history_after_ms
            assert outcome(trigger, trial, loaded, retention=kept, history_after=late).passed, trial.name


@pytest.fixture(scope="module")
def first_minute(settings: Settings) -> Rehearsal:
    """Let each scripted shopper come by once, and stop after a minute."""
    calls: list[dict[str, Any]] = []
    for number, shopper in enumerate(SHOPPERS):
        at = NOON + number * BETWEEN
        whose = {"userId": shopper.name}
        calls.append(whose | {"type": "identify", "timestamp": int(at * 1_000), "traits": traits_of(shopper, at)})
        for act in shopper.acts:
            at += act.after
            event = {"type": "track", "event": act.event, "properties": act.properties}
            calls.append(whose | event | {"timestamp": int(at * 1_000)})
    configuration = read_files(CONFIG, settings).configuration
    rehearsal = Rehearsal(configuration.program, configuration.policy)
    for seq, call in enumerate(sorted(calls, key=when)):
        rehearsal.take(call, call["timestamp"], seq)
    rehearsal.finish((NOON + 60) * 1_000)
    return rehearsal


def when(call: Mapping[str, Any]) -> int:
    """Sort by the instant."""
    return int(call["timestamp"])


def became(rehearsal: Rehearsal, user: str) -> list[tuple[str, str, str]]:
    """What became of the messages to a shopper, and by which gate."""
    fates = [fate for firing in rehearsal.fired if firing.user == user for fate in rehearsal.fates[firing.id]]
    return [(fate.message, fate.state, gate_of(fate)) for fate in fates]


def gate_of(fate: Fate) -> str:
    if fate.never is not None:
        return fate.never.gate
    return fate.held[-1][1].gate if fate.state == "held" else ""


def test_the_scripted_shoppers_make_the_triggers_fire_within_a_minute(loaded: Loaded, first_minute: Rehearsal) -> None:
    fired = {firing.trigger for firing in first_minute.fired}
    assert fired == {trigger.name for trigger in loaded.triggers} - SLOW


def test_whoever_leaves_a_cart_is_written_to_and_once_more_but_not_a_third_time(first_minute: Rehearsal) -> None:
    assert became(first_minute, "ada") == [
        ("cart_kept", "dropped", "exclusive"),
        ("cart_reminder", "accepted", ""),
        ("cart_last_call", "accepted", ""),
    ]


@pytest.mark.parametrize(
    ("user", "messages"),
    [
        ("barbara", [("cart_kept", "dropped", "until")]),  # who buys in time hears nothing of her cart
        ("katherine", [("seen_again_question", "held", "quiet hours")]),  # asleep
        ("joan", [(name, "dropped", "suppression") for name in ("cart_kept", "cart_reminder", "cart_last_call")]),
        ("radia", [(name, "dropped", "consent") for name in ("cart_reminder", "cart_last_call")]),
    ],
)
def test_the_rules_of_sending_are_to_be_seen(
    user: str, messages: list[tuple[str, str, str]], first_minute: Rehearsal
) -> None:
    found = became(first_minute, user)
    assert [each for each in found if each[2] != "exclusive"] == messages


@pytest.mark.parametrize("hour", range(24))
def test_a_shopper_lives_where_it_is_that_hour(hour: int) -> None:
    for now in range(NOON, NOON + 86_400, 3_600):
        assert datetime.fromtimestamp(now, ZoneInfo(zone_where(hour, now))).hour == hour


def test_every_message_is_sent_by_some_trigger_and_is_there(loaded: Loaded, messages: Messages) -> None:
    assert {name for trigger in loaded.triggers for name in trigger.messages} == messages.names


def event(name: str, **properties: Any) -> dict[str, Any]:
    """Make an event as templates see it."""
    return {"name": name, "ts": 1_767_323_045_678, "properties": properties}


BOOTS = {"product_id": "boots", "product": "Boots & <laces>", "price": 129.5}
CART = event(
    "cart_updated", cart_id="c 1", total=148, items=[BOOTS, {"product": "Socks", "price": 9.25, "quantity": 2}]
)
OTHER = event("cart_updated", cart_id="c2", total=1, items=[])
SEEN: dict[str, Any] = {
    "user": "u1",
    "trigger": "example",
    "per": "c 1",
    "event": event("product_viewed", time_spent=45, **BOOTS),
    "profile": {"email": "ann@shop.example"},
    "recent": {
        "cart_updated": [OTHER, CART],
        "order_completed": [event("order_completed", total=289)],
        "product_viewed": [event("product_viewed", **BOOTS), event("product_viewed")],
    },
}


def test_every_message_renders_for_someone_who_has_given_no_more_than_an_address(messages: Messages) -> None:
    for name in messages.names:
        assert messages.render(name, SEEN)


def test_the_reminder_shows_the_cart_it_is_about(messages: Messages) -> None:
    mail = messages.render("cart_reminder", SEEN)
    assert mail["to"] == "ann@shop.example"
    for part in ("Boots & <laces> € 129.50", " 2 € 18.50", "Together € 148.00", "shop.example/cart?id=c+1"):
        assert part in mail["text"]
    assert "Boots &amp; &lt;laces&gt;" in mail["html"]


def test_the_advice_keeps_numbers_numbers(messages: Messages) -> None:
    assert messages.render("offer_advice", SEEN)["looked_for_seconds"] == 45
