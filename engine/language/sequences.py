"""What a trigger sends, and when: `send`, `steps`, `variants`, `goal` and `reentry`."""

from collections.abc import Mapping

from ruamel.yaml.nodes import MappingNode, Node

from engine.language import tree
from engine.language.documents import Entry
from engine.language.reading import Reading, written

STEP_KEYS = ("after", "send", "if")
VARIANT_KEYS = ("weight", "when", "send", "after", "steps")
GOAL_KEYS = ("event", "revenue")
_HELD_OUT = "holdout"
_FEWEST = 2

Nodes = Mapping[str, Node]


def read_sends(reading: Reading, nodes: Nodes) -> tuple[tree.Step, ...]:
    """What `send` and `after`, or `steps`, say."""
    if "steps" not in nodes:
        after = (reading.span(nodes["after"], "`after`") or 0) if "after" in nodes else 0
        if "after" in nodes and "send" not in nodes:
            reading.document.fail(nodes["after"], "`after` says when to send, but nothing is sent", "add `send: …`")
        return (tree.Step(reading.names(nodes["send"]), after),) if "send" in nodes else ()
    for key in ("send", "after"):
        if key in nodes:
            hint = f"put it into a step: `- {{{key}: …}}`"
            reading.document.fail(nodes[key], f"`{key}` and `steps` exclude each other", hint)
    steps, before = [], 0
    for item in reading.document.items(nodes["steps"], "`steps`"):
        step = _step(reading, item)
        if step.after < before:
            hint = "`after` counts from the firing, in every step; put the steps in their order"
            reading.document.fail(item, "this step is due before the one above it", hint)
        before = max(before, step.after)
        steps.append(step)
    return tuple(steps)


def _step(reading: Reading, node: Node) -> tree.Step:
    nodes = _nodes(reading.document.mapping(node, "a step", STEP_KEYS))
    if "send" not in nodes:
        reading.document.fail(node, "this step sends nothing", "say what: `- {after: 24h, send: cart_reminder}`")
    return tree.Step(
        messages=reading.names(nodes["send"]) if "send" in nodes else (),
        after=(reading.span(nodes["after"], "`after`") or 0) if "after" in nodes else 0,
        condition=reading.state(nodes["if"]) if "if" in nodes else None,
        condition_text=written(nodes["if"]) if "if" in nodes else "",
    )


def read_variants(reading: Reading, node: Node) -> tuple[tree.Variant, ...]:
    """The variants of a trigger, by name."""
    entries = reading.document.mapping(node, "`variants`")
    variants = tuple(_variant(reading, entry) for entry in entries.values())
    if len(variants) < _FEWEST and isinstance(node, MappingNode):
        hint = "name the others too; one that says nothing does what the trigger says: `control: {weight: 1}`"
        reading.document.fail(node, "there are at least two variants", hint)
    elif variants and not sum(variant.weight for variant in variants):
        reading.document.fail(node, "all variants have the weight 0", "give one of them more")
    return variants


def _variant(reading: Reading, entry: Entry) -> tree.Variant:
    document, name = reading.document, str(entry.key.value)
    if name == _HELD_OUT:
        document.fail(entry.key, "`holdout` is no name for a variant", "those held out are counted by that name")
    nodes = _nodes(document.mapping(entry.value, f"variant `{name}`", VARIANT_KEYS))
    weight = document.number(nodes["weight"], "`weight`") if "weight" in nodes else 1.0
    if weight < 0:
        document.fail(nodes["weight"], "a weight is 0 or more", "the weights count in proportion to each other")
    return tree.Variant(
        name=name,
        weight=max(weight, 0.0),
        when=reading.moment(nodes["when"], "`when`") if "when" in nodes else None,
        when_text=written(nodes["when"]) if "when" in nodes else "",
        steps=read_sends(reading, nodes) if nodes.keys() & {"send", "steps", "after"} else None,
    )


def read_goal(reading: Reading, node: Node) -> tree.Goal | None:
    """An event within a time; or a mapping that also names the property with its worth."""
    nodes: Nodes = {"event": node}
    if isinstance(node, MappingNode):
        nodes = _nodes(reading.document.mapping(node, "`goal`", GOAL_KEYS))
        if "event" not in nodes:
            hint = "write `goal: {event: order_completed within 7d, revenue: total}`"
            reading.document.fail(node, "`goal` has no `event`", hint)
            return None
    found = reading.goal(nodes["event"])
    revenue = reading.path(nodes["revenue"], "`revenue`", "total") if "revenue" in nodes else None
    return None if found is None else tree.Goal(*found, revenue)


def read_reentry(reading: Reading, nodes: Nodes) -> tuple[bool, int | None]:
    """Whether it fires once only, and its cooldown: from `reentry` and `cooldown`."""
    cooldown = reading.span(nodes["cooldown"], "`cooldown`") if "cooldown" in nodes else None
    if "reentry" not in nodes:
        return False, cooldown
    node = nodes["reentry"]
    word, _, span = str(getattr(node, "value", "")).partition(" ")
    if word == "after" and span:
        if "cooldown" in nodes:
            hint = "leave one of them out: both say after which time it may fire again"
            reading.document.fail(node, "`reentry: after …` and `cooldown` exclude each other", hint)
        return False, reading.span_of(node, span.strip())
    if word not in {"once", "always"} or span:
        reading.document.fail(node, "`reentry` is `once`, `always` or `after 30d`", "write one of the three")
    return word == "once", cooldown


def _nodes(entries: Mapping[str, Entry]) -> Nodes:
    return {key: entry.value for key, entry in entries.items()}
