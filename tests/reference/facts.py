"""Lets a fact of the language be asked of the engine and of the reference alike, in the words of the language.

Instants in facts are milliseconds after `START`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.simulate import simulate
from tests.reference import parse
from tests.reference.evaluator import evaluate
from tests.reference.terms import Case, Rules, Trigger

START = 1_700_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

Call = dict[str, Any]
Keys = Mapping[str, Any]
Fired = tuple[int, str, str, Any]


def track(event: str, ts: int, *, got: int | None = None, user: str = "u", **properties: Any) -> Call:
    """Make an event that happened at `ts` and was received then, or at `got`."""
    times = {"timestamp": START + ts, "receivedAt": START + (ts if got is None else got)}
    return {"type": "track", "userId": user, "event": event, **times, "properties": properties}


def visit(event: str, ts: int, visitor: str = "x", **properties: Any) -> Call:
    """Make an event of an anonymous visitor."""
    call = track(event, ts, **properties)
    return {**{name: value for name, value in call.items() if name != "userId"}, "anonymousId": visitor}


def identify(ts: int, *, user: str = "u", **traits: Any) -> Call:
    return {"type": "identify", "userId": user, "traits": traits, "receivedAt": START + ts}


def login(ts: int, *, user: str = "u", visitor: str = "x", **traits: Any) -> Call:
    """Make the call by which a visitor becomes a user."""
    return identify(ts, user=user, **traits) | {"anonymousId": visitor}


@dataclass(frozen=True)
class Runner:
    """One of the two that know the language."""

    name: str
    run: Callable[[Mapping[str, Keys], Keys], list[Fired]]

    def __call__(self, triggers: Mapping[str, Keys], calls: Sequence[Call], **settings: Any) -> list[Fired]:
        """Give all firings; `settings` are `segments` and those of `simulate`."""
        if settings.get("until") is not None:
            settings["until"] += START
        fired = self.run(triggers, {"inputs": tuple(calls), **settings})
        return [(at - START, user, trigger, per) for at, user, trigger, per in fired]

    def at(self, when: str, *calls: Call, until: int | None = None, **keys: Any) -> list[int]:
        """Give the instants at which one trigger fires."""
        return [one[0] for one in self({"t": keys_of(when, **keys)}, calls, until=until)]

    def per(self, when: str, *calls: Call, until: int | None = None, **keys: Any) -> list[tuple[int, Any]]:
        """Give the instants and values at which one trigger fires for each `cart`."""
        found = self({"t": keys_of(when, per="cart", **keys)}, calls, until=until)
        return [(at, value) for at, _, _, value in found]


def keys_of(when: str, condition: str | None = None, **keys: Any) -> Keys:
    """Give the keys of a trigger; `condition` is its `if`, which Python keeps for itself."""
    return {"when": when, **keys, **({"if": condition} if condition else {})}


def trigger(name: str, keys: Keys) -> Trigger:
    return Trigger(
        name,
        parse.moment(keys["when"]),
        per=tuple(keys["per"].split(".")) if "per" in keys else None,
        condition=parse.state(keys["if"]) if "if" in keys else None,
        cooldown=parse.milliseconds(keys["cooldown"]) if "cooldown" in keys else None,
        priority=keys.get("priority", 0),
    )


def by_reference(triggers: Mapping[str, Keys], settings: Keys) -> list[Fired]:
    rest = dict(settings)
    segments = {name: parse.state(text) for name, text in rest.pop("segments", {}).items()}
    for name in ("history_after", "retention"):
        rest |= {name: parse.milliseconds(rest[name])} if name in rest else {}
    rules = Rules(tuple(trigger(name, keys) for name, keys in triggers.items()), segments)
    return evaluate(Case(rules, **rest))


def file_text(triggers: Mapping[str, Keys], segments: Mapping[str, str]) -> str:
    """Write a trigger file with every text as it stands."""
    lines = ["segments:"] if segments else []
    lines += [f"  {name}: {json.dumps(state)}" for name, state in segments.items()]
    lines += ["triggers:"]
    for name, keys in triggers.items():
        lines += [f"  {name}:", *(f"    {key}: {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join([*lines, ""])


def by_engine(triggers: Mapping[str, Keys], settings: Keys) -> list[Fired]:
    rest = dict(settings)
    text = file_text(triggers, rest.pop("segments", {}))
    firings = simulate(text, list(rest.pop("inputs")), **rest)
    return [(one.at, one.user, one.trigger, one.per) for one in firings]


RUNNERS = [Runner("reference", by_reference), Runner("engine", by_engine)]
