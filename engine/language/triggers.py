"""One trigger of a file: its keys, checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node

from engine.language import tree
from engine.language.documents import Document, Entry
from engine.language.notes import Reference
from engine.language.reading import Reading
from engine.language.sequences import read_goal, read_reentry, read_sends, read_variants
from engine.language.sources import Passage
from engine.language.trials import Trial, read_trials

KEYS = (
    "when",
    "per",
    "if",
    "cooldown",
    "expires",
    "priority",
    "backfill",
    "send",
    "after",
    "steps",
    "reentry",
    "otherwise",
    "variants",
    "goal",
    "until",
    "exclusive",
    "holdout",
    "rollout",
    "mode",
    "objective",
    "owner",
    "reason",
    "tests",
)
"""What may stand below a trigger's name."""

ROLLOUT_KEYS = ("share", "segment")
MODES: tuple[tree.Mode, ...] = ("live", "shadow", "off")


@dataclass(frozen=True, slots=True)
class Draft:
    """A trigger as read, its tests, and where its `when` and `per` stand."""

    trigger: tree.Trigger
    trials: tuple[Trial, ...]
    when: Passage
    per: Passage | None


class TriggerReader:
    """Reads the keys of one trigger; what is wrong goes to the document's errors, names asked for to `references`."""

    def __init__(self, document: Document, retention: int) -> None:
        self._document = document
        self._reading = Reading(document, retention)
        self.references = self._reading.references

    def read(self, entry: Entry) -> Draft | None:
        """The trigger below a name; None where its `when` cannot be told."""
        name = str(entry.key.value)
        blamed = len(self._document.errors)
        entries = self._document.mapping(entry.value, f"trigger `{name}`", KEYS)
        if "when" not in entries and blamed == len(self._document.errors):
            hint = "say when it fires: `when: product_viewed`"
            self._document.fail(entry.key, f"trigger `{name}` has no `when`", hint)
        when = self._reading.moment(entries["when"].value, "`when`") if "when" in entries else None
        trigger = self._trigger(entry, entries, when or _NEVER)
        trials = read_trials(self._document, entries["tests"].value, self.references) if "tests" in entries else ()
        if when is None:
            return None
        per = self._document.passage(entries["per"].value) if "per" in entries else None
        return Draft(trigger, trials, self._document.passage(entries["when"].value), per)

    def _trigger(self, entry: Entry, entries: Mapping[str, Entry], when: tree.Moment) -> tree.Trigger:
        nodes = {key: found.value for key, found in entries.items()}
        document, reading = self._document, self._reading
        rollout, segment = self._rollout(nodes["rollout"]) if "rollout" in nodes else (1.0, "")
        once, cooldown = read_reentry(reading, nodes)
        trigger = tree.Trigger(
            name=str(entry.key.value),
            when=when,
            when_text=str(nodes["when"].value).strip() if "when" in nodes else "",
            per=reading.path(nodes["per"], "`per`") if "per" in nodes else None,
            condition=reading.state(nodes["if"]) if "if" in nodes else None,
            condition_text=str(nodes["if"].value).strip() if "if" in nodes else "",
            cooldown=cooldown,
            expires=reading.span(nodes["expires"], "`expires`") if "expires" in nodes else None,
            priority=document.number(nodes["priority"], "`priority`") if "priority" in nodes else 0,
            backfill=document.flag(nodes["backfill"], "`backfill`") if "backfill" in nodes else False,
            steps=read_sends(reading, nodes),
            once=once,
            otherwise=document.flag(nodes["otherwise"], "`otherwise`") if "otherwise" in nodes else False,
            variants=read_variants(reading, nodes["variants"]) if "variants" in nodes else (),
            goal=read_goal(reading, nodes["goal"]) if "goal" in nodes else None,
            until=reading.moment(nodes["until"], "`until`") if "until" in nodes else None,
            until_text=str(nodes["until"].value).strip() if "until" in nodes else "",
            exclusive=self._told(nodes, "exclusive", "the name of a group"),
            holdout=document.share(nodes["holdout"], "`holdout`") if "holdout" in nodes else 0.0,
            rollout=rollout,
            rollout_segment=segment,
            mode=self._mode(nodes["mode"]) if "mode" in nodes else "live",
            objective=self._told(nodes, "objective"),
            owner=self._told(nodes, "owner"),
            reason=self._told(nodes, "reason"),
            file=document.source.file,
            line=document.line(entry.key),
        )
        if trigger.otherwise:
            self._check_fallback(nodes["otherwise"], trigger)
        return trigger

    def _check_fallback(self, node: Node, trigger: tree.Trigger) -> None:
        if not trigger.exclusive:
            hint = "name the group of which it takes what no other trigger does: `exclusive: carts`"
            self._document.fail(node, "`otherwise` needs a group", hint)
        if not all(step.after for step in trigger.steps) or not trigger.steps:
            hint = "say how long the others have time: `after: 30m`"
            self._document.fail(node, "`otherwise` needs a time to wait", hint)

    def _told(self, nodes: Mapping[str, Node], key: str, kind: str = "text") -> str:
        return self._document.text(nodes[key], f"`{key}`", kind) if key in nodes else ""

    def _rollout(self, node: Node) -> tuple[float, str]:
        """To which share of the people it is rolled out, and in which segment they must be, if in any."""
        if not isinstance(node, MappingNode):
            return self._document.share(node, "`rollout`"), ""
        entries = self._document.mapping(node, "`rollout`", ROLLOUT_KEYS)
        share = self._document.share(entries["share"].value, "`share`") if "share" in entries else 1.0
        if "segment" not in entries:
            return share, ""
        item = entries["segment"].value
        name = self._document.text(item, "`segment`", "the name of a segment")
        if name:
            self.references.append(Reference(name, self._document.passage(item), 0, "segment"))
        return share, name

    def _mode(self, node: Node) -> tree.Mode:
        for mode in MODES:
            if str(getattr(node, "value", "")) == mode:
                return mode
        self._document.fail(
            node, "`mode` is `live`, `shadow` or `off`", "write one of the three; without it, it is live"
        )
        return "live"


_NEVER = tree.Happens(tree.Selector(()))  # stands in for a `when` with errors while the other keys are read
