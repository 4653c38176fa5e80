"""`tests:` beside a trigger: what a shopper does, and when the trigger should fire.

    tests:
      - name: a cart left alone for an hour
        given:
          - 0s product_viewed
          - {at: 10m, event: cart_updated, properties: {cart_id: c1}}
        expect: [1h10m]

Times count from the test's start. An input is `TIME EVENT`, or a mapping with `at` and one of `event` (and its
`properties`), `traits`, `enters` and `leaves` (a segment kept as a list); `received` says when an event came in that
came in late. Inputs stand in the order in which they come in. `expect` lists the firings: `TIME`, or `{at: TIME,
per: VALUE}`. All is settled up to `until`; without it, up to the end of every span that may be running then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from engine.language.documents import Document, Entry
from engine.language.durations import DurationError, parse_duration
from engine.language.notes import Reference
from engine.language.tree import Scalar

KEYS = ("name", "given", "expect", "until")
INPUT_KEYS = ("at", "received", "event", "properties", "traits", "enters", "leaves")
FIRING_KEYS = ("at", "per")

START = 1_704_067_200_000
"""When a test starts, in ms: 2024-01-01, 00:00 UTC."""

USER = "shopper"
"""Who does what is given."""

_LISTED = ("enters", "leaves")
_KINDS = ("event", "traits", *_LISTED)
_WANTED = {
    "given": "write what happens: `given: [0s product_viewed]`",
    "expect": "write when it fires: `expect: [1h]`, or `expect: []` for never",
}


@dataclass(frozen=True, slots=True)
class Given:
    """One input: `kind` is the key that says what it is, `content` its value; times in ms from the start."""

    at: int
    received: int
    kind: str
    content: Any
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """One firing, `at` in ms from the start."""

    at: int
    per: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of a trigger; `until`, in ms from the start, is None where the spans of the trigger decide."""

    name: str
    given: tuple[Given, ...]
    expect: tuple[Expected, ...]
    until: int | None
    file: str
    line: int


def inputs(trial: Trial) -> list[dict[str, Any]]:
    """What is given, in the form in which `engine.simulate` takes it."""
    return [_input(given) for given in trial.given]


def read_trials(document: Document, node: Node, references: list[Reference]) -> tuple[Trial, ...]:
    """Read what stands after `tests:`; what is wrong goes to the document's errors, lists to `references`."""
    return tuple(_trial(document, item, references) for item in document.items(node, "`tests`"))


def _input(given: Given) -> dict[str, Any]:
    at, received = START + given.at, START + given.received
    base = {"userId": USER, "timestamp": at, "receivedAt": received}
    if given.kind == "event":
        return base | {"type": "track", "event": given.content, "properties": given.properties}
    if given.kind == "traits":
        return base | {"type": "identify", "traits": given.content}
    return base | {"type": "segment", "segment": given.content, "member": given.kind == "enters"}


def _trial(document: Document, node: Node, references: list[Reference]) -> Trial:
    blamed = len(document.errors)
    entries = document.mapping(node, "a test", KEYS)
    missing = [key for key in _WANTED if key not in entries]
    if missing and blamed == len(document.errors):
        document.fail(node, f"this test has no `{missing[0]}`", _WANTED[missing[0]])
    line = document.line(node)
    name = document.text(entries["name"].value, "`name`") if "name" in entries else f"line {line}"
    until = _time(document, entries["until"].value, "`until`") if "until" in entries else None
    expect = document.items(entries["expect"].value, "`expect`") if "expect" in entries else []
    given = _inputs(document, entries, references)
    firings = tuple(_expected(document, item) for item in expect)
    return Trial(name, given, firings, until, document.source.file, line)


def _inputs(document: Document, entries: Mapping[str, Entry], references: list[Reference]) -> tuple[Given, ...]:
    nodes = document.items(entries["given"].value, "`given`") if "given" in entries else []
    blamed = len(document.errors)
    given = tuple(_given(document, node, references) for node in nodes)
    if blamed == len(document.errors):
        for before, after, node in zip(given, given[1:], nodes[1:], strict=False):
            if after.received < before.received:
                document.fail(node, "this comes in before the input above it", "write inputs as they come in")
    return given


def _given(document: Document, node: Node, references: list[Reference]) -> Given:
    if isinstance(node, ScalarNode):
        return _short(document, node)
    blamed = len(document.errors)
    entries = document.mapping(node, "an input", INPUT_KEYS)
    kinds = [kind for kind in _KINDS if kind in entries]
    if len(kinds) != 1:
        if blamed == len(document.errors):
            document.fail(node, "an input is one thing", "write one of `event`, `traits`, `enters` and `leaves`")
        return Given(0, 0, "traits", {})
    at = _time(document, entries["at"].value, "`at`") if "at" in entries else _no_time(document, node)
    received = _time(document, entries["received"].value, "`received`") if "received" in entries else at
    properties = _object(document, entries["properties"].value) if "properties" in entries else {}
    content = _content(document, entries[kinds[0]].value, kinds[0])
    if content and kinds[0] in _LISTED:
        references.append(Reference(content, document.passage(entries[kinds[0]].value), 0, "list"))
    return Given(at, received, kinds[0], content, properties)


def _short(document: Document, node: ScalarNode) -> Given:
    """`10m product_viewed`."""
    time, _, event = str(node.value).strip().partition(" ")
    if not event.strip():
        document.fail(node, "an input has a time and an event", "write `10m product_viewed`")
        return Given(0, 0, "traits", {})
    at = _moment(document, node, time)
    return Given(at, at, "event", event.strip())


def _content(document: Document, node: Node, kind: str) -> Any:
    return _object(document, node) if kind == "traits" else document.text(node, f"`{kind}`")


def _object(document: Document, node: Node) -> dict[str, Any]:
    document.mapping(node, "what goes with an input")
    return document.plain(node) if isinstance(node, MappingNode) else {}


def _expected(document: Document, node: Node) -> Expected:
    if isinstance(node, ScalarNode):
        return Expected(_time(document, node, "a firing"))
    entries = document.mapping(node, "a firing", FIRING_KEYS)
    at = _time(document, entries["at"].value, "`at`") if "at" in entries else _no_time(document, node)
    per = document.plain(entries["per"].value) if "per" in entries else None
    if isinstance(per, dict | list):
        document.fail(entries["per"].value, "`per` is one value", "write the value: `{at: 1h, per: c1}`")
        per = None
    return Expected(at, per)


def _no_time(document: Document, node: Node) -> int:
    if isinstance(node, MappingNode):
        document.fail(node, "this has no `at`", "write when, from the test's start: `at: 10m`")
    return 0


def _time(document: Document, node: Node, what: str) -> int:
    text = document.text(node, what, "a time", "such as `10m`, from the test's start")
    return _moment(document, node, text) if text else 0


def _moment(document: Document, node: Node, text: str) -> int:
    try:
        return parse_duration(text)
    except DurationError as error:
        document.fail(node, str(error), error.hint)
        return 0
