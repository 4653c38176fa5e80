"""The shop of the simulation: some versions of its trigger files, its messages, and what its people do."""

import json
import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from engine.core.events import Millis, encode
from engine.core.program import Program
from engine.core.release import GATES
from engine.core.sending.answers import Held
from engine.core.sending.policy import Cap, ConsentRule, Facts, Fatigue, Policy
from engine.core.sending.question import Question
from engine.language.compiler import compile_triggers
from engine.language.concerns import version
from engine.language.conditions import RETENTION
from engine.language.files import load
from engine.language.retired import carry_on, retire
from engine.runtime.arrivals import Alias, Arrival, Choice, Event, Listing, Profile
from engine.runtime.versions import Configuration

LONGEST: Millis = 6_000
"""No trigger waits longer than this, ms."""

CLOSED: Millis = 2_500
"""For so long after its firing the message `later` is held."""

SOONEST_EXPIRY: Millis = 1_000
"""No message expires sooner after its firing."""

_LISTS = "segments: {vip: list}\ntriggers:\n"
_TEXTS = (
    """
  left:
    when: cart then no (cart or order) within 3s
    per: cart_id
    send: [hello, note]
    goal: {event: order within 4s, revenue: total}
  thrice: {when: count(view) >= 3 within 4s, send: note, variants: {a: , b: {send: hello, after: 300ms}}}
  welcome: {when: vip_page and in segment "vip", cooldown: 2s, send: later}
""",
    """
  left: {when: cart then no (cart or order) within 2s, per: cart_id, send: hello}
  lapsed: {when: inactive for 4s, send: note, expires: 1s}
  both: {when: view then cart within 3s, send: [later, hello], priority: 2, until: order}
  run:
    when: vip_page
    steps: [{send: note}, {after: 700ms, send: hello, if: not seen(order) within 2s}, {after: 1500ms, send: note}]
    until: seen(cart) within 5s and in segment "vip"
    reentry: once
""",
    """
  sticky: {when: (profile.plan == "vip") for 2s, send: hello}
  back: {when: seen(view) within 5s, backfill: true, send: note}
  thrice: {when: count(view) >= 3 within 4s, send: [note, later]}
  lapsed: {when: inactive for 4s, send: note, expires: 1s}
""",
    """
  left: {when: cart then no (cart or order) within 3s, per: cart_id, send: [hello, note]}
  quiet:
    when: view then no any within 2500ms
    if: not seen(order) within 10s
    send: hello
    cooldown: 1s
    variants: {slow: , quick: {when: view then no any within 1s}}
    goal: order within 6s
  chain: {when: (view then cart within 4s) then no order within 2s, send: later, expires: 2s}
  member: {when: in segment "vip" and seen(view) within 6s, send: note}
""",
    """
  left: {when: cart then no (cart or order) within 1500ms, per: cart_id, send: hello, backfill: true, until: vip_page}
  sums: {when: sum(cart.total) > 20 within 5s, send: note, exclusive: g}
  rest: {when: cart, per: cart_id, send: hello, after: 600ms, otherwise: true, exclusive: g}
  seenit: {when: distinct(view.product) >= 2 within 5s, send: [hello, note]}
  lapsed: {when: inactive for 2s, send: later}
""",
)
_DESTINATIONS = {"hello": "keyed", "note": "plain", "later": "keyed"}


class Messages:
    """The messages of the shop: `hello` and `later` go where keys are recognised, `note` where they are not."""

    names = frozenset(_DESTINATIONS)

    def destination_of(self, name: str) -> str:
        return _DESTINATIONS[name]

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"message": message, "user": context["user"]}


_FACTS = {name: Facts(weight=weight) for name, weight in (("hello", 1.0), ("note", 0.5), ("later", 1.5))}
POLICIES = (
    Policy(messages=_FACTS),
    Policy(messages=_FACTS, caps=(Cap(2, 3_000),)),
    Policy(messages=_FACTS, caps=(Cap(1, 900, trigger="left"), Cap(4, 5_000)), fatigue=Fatigue(2.0, 2_000)),
    Policy(messages=_FACTS, consent=ConsentRule("plan", frozenset({"vip", "free"})), caps=(Cap(3, 2_000),)),
)
"""The rules of sending; by the text of the trigger files, so that a reload changes them too."""


def policy_of(content: bytes) -> Policy:
    """The rules that go with some trigger files."""
    return POLICIES[CONTENTS.index(content.partition(_CARRIED)[0]) % len(POLICIES)]


def closed(asked: Question) -> Held | None:
    """The gate of the simulation."""
    opens = asked.due.at + CLOSED
    return Held("closed", "closed", opens) if asked.due.message == "later" and asked.at < opens else None


_CARRIED = b"\0"
"""Stands before what a content carries on of those before it."""

_KEPT: Millis = 60_000


@cache
def _compiled(content: bytes) -> Program:
    text, _, retired = content.partition(_CARRIED)
    loaded = load({"shop": text.decode()})
    program = compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=_KEPT,
        history_after=20_000,
        history_limit=25,
        retired=retire(json.loads(retired or b"{}").items(), retention=RETENTION),
    )
    return replace(program, gates=(*GATES, closed))


CONTENTS = tuple((_LISTS + text).encode() for text in _TEXTS)


def compile_content(content: bytes) -> Program:
    """A program of its own each time, as compiling makes it."""
    return replace(_compiled(content))


def succeed(content: bytes, former: bytes, in_use: Collection[str]) -> bytes:
    """What the sidecar does with its own form of content."""
    text, _, carried = former.partition(_CARRIED)
    own = {version(trigger) for trigger in load({"shop": content.decode()}).triggers}
    before = json.loads(carried or b"{}")
    retired = carry_on(own, {"shop": text.decode()}, before, in_use, retention=RETENTION)
    return content + _CARRIED + json.dumps(retired).encode() if retired else content


def configuration(content: bytes) -> Configuration:
    return Configuration(content, sha256(content).hexdigest(), compile_content(content), Messages(), policy_of(content))


def arrival(draw: random.Random, now: Millis, message_id: str) -> Arrival:
    """Something that somebody does, at `now` or somewhat before."""
    user, visitor = draw.choice(("u1", "u2", "u3")), draw.choice(("v1", "v2", "v3", "v4"))
    chance = draw.random()
    if chance < 0.08:
        return Profile(user_id=user, anonymous_id=visitor, links=True, message_id=message_id)
    if chance < 0.11:
        previous = draw.choice(("v1", "v2", "u1", "u2"))
        return Alias(previous_id=previous, user_id=draw.choice(("u2", "u3")), message_id=message_id)
    if chance < 0.16:
        return Listing(user_id=user, segment="vip", member=draw.random() < 0.7)
    if chance < 0.2:
        return Choice(user_id=user, purpose="marketing", granted=draw.random() < 0.7, source="shop")
    if chance < 0.26:
        traits = encode({"plan": draw.choice(("vip", "free", None))})
        return Profile(user_id=user, traits=traits, message_id=message_id)
    properties = {"cart_id": draw.choice(("c1", "c2")), "total": draw.choice((5, 9.5)), "product": draw.choice("ab")}
    late = draw.random() < 0.15
    return Event(
        user_id=user if draw.random() < 0.6 else None,
        anonymous_id=visitor,
        name=draw.choice(("cart", "order", "view", "view", "vip_page")),
        ts=now - draw.choice((1, 900, 2_000, 30_000)) if late else None,
        properties=encode(properties),
        message_id=message_id,
    )
