"""The demo shop in `config/`: its files check, its tests pass, its shoppers meet its triggers, its messages render."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.commands.trials import outcome
from adapters.content import Messages
from adapters.demo import BETWEEN, SHOPPERS
from adapters.files import content_files, read_folder
from adapters.settings import Settings, read_settings
from engine.core.decisions import Firing
from engine.language.compiler import compile_triggers
from engine.language.files import Loaded, load
from engine.simulate import run

CONFIG = Path(__file__).parents[1] / "config"
SLOW = {"lapsed", "stuck_onboarding"}
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


def first_minute(loaded: Loaded, settings: Settings) -> list[Firing]:
    """Let each scripted shopper come by once, and stop after a minute."""
    calls = []
    for number, shopper in enumerate(SHOPPERS):
        at = number * BETWEEN
        for act in shopper.acts:
            at += act.after
            call = {"userId": shopper.name, "event": act.event, "properties": act.properties}
            calls.append({"type": "track", "timestamp": int(at * 1_000), **call})
    program = compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=settings.retention_ms,
        history_after=settings.history_after_ms,
    )
    return run(program, sorted(calls, key=when), until=60_000)


def when(call: Mapping[str, Any]) -> int:
    """Sort by the instant."""
    return int(call["timestamp"])


def test_the_scripted_shoppers_make_the_triggers_fire_within_a_minute(loaded: Loaded, settings: Settings) -> None:
    fired = {firing.trigger for firing in first_minute(loaded, settings)}
    assert fired == {trigger.name for trigger in loaded.triggers} - SLOW


def test_whoever_buys_in_time_hears_nothing_of_her_cart(loaded: Loaded, settings: Settings) -> None:
    assert "barbara" not in {firing.user for firing in first_minute(loaded, settings)}


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
