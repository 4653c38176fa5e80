"""One trigger of a file: its keys, checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from engine.language import tree
from engine.language.conditions import read_moment, read_property, read_state
from engine.language.documents import Document, Entry
from engine.language.durations import DurationError
from engine.language.errors import TriggerErrors
from engine.language.notes import Reference, check_span
from engine.language.sources import Passage
from engine.language.trials import Trial, read_trials

_Value = TypeVar("_Value")

KEYS = (
    "when",
    "per",
    "if",
    "cooldown",
    "expires",
    "priority",
    "backfill",
    "send",
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
        self._retention = retention
        self.references = list[Reference]()

    def read(self, entry: Entry) -> Draft | None:
        """The trigger below a name; None where its `when` cannot be told."""
        name = str(entry.key.value)
        blamed = len(self._document.errors)
        entries = self._document.mapping(entry.value, f"trigger `{name}`", KEYS)
        if "when" not in entries and blamed == len(self._document.errors):
            hint = "say when it fires: `when: product_viewed`"
            self._document.fail(entry.key, f"trigger `{name}` has no `when`", hint)
        when = self._moment(entries["when"].value, "`when`") if "when" in entries else None
        trigger = self._trigger(entry, entries, when or _NEVER)
        trials = read_trials(self._document, entries["tests"].value, self.references) if "tests" in entries else ()
        if when is None:
            return None
        per = self._document.passage(entries["per"].value) if "per" in entries else None
        return Draft(trigger, trials, self._document.passage(entries["when"].value), per)

    def _trigger(self, entry: Entry, entries: Mapping[str, Entry], when: tree.Moment) -> tree.Trigger:
        nodes = {key: found.value for key, found in entries.items()}
        document = self._document
        rollout, segment = self._rollout(nodes["rollout"]) if "rollout" in nodes else (1.0, "")
        return tree.Trigger(
            name=str(entry.key.value),
            when=when,
            when_text=str(nodes["when"].value).strip() if "when" in nodes else "",
            per=self._path(nodes["per"]) if "per" in nodes else None,
            condition=self._state(nodes["if"]) if "if" in nodes else None,
            condition_text=str(nodes["if"].value).strip() if "if" in nodes else "",
            cooldown=self._span(nodes["cooldown"], "`cooldown`") if "cooldown" in nodes else None,
            expires=self._span(nodes["expires"], "`expires`") if "expires" in nodes else None,
            priority=document.number(nodes["priority"], "`priority`") if "priority" in nodes else 0,
            backfill=document.flag(nodes["backfill"], "`backfill`") if "backfill" in nodes else False,
            send=self._names(nodes["send"]) if "send" in nodes else (),
            until=self._moment(nodes["until"], "`until`") if "until" in nodes else None,
            until_text=str(nodes["until"].value).strip() if "until" in nodes else "",
            exclusive=document.text(nodes["exclusive"], "`exclusive`", "the name of a group")
            if "exclusive" in nodes
            else "",
            holdout=document.share(nodes["holdout"], "`holdout`") if "holdout" in nodes else 0.0,
            rollout=rollout,
            rollout_segment=segment,
            mode=self._mode(nodes["mode"]) if "mode" in nodes else "live",
            objective=document.text(nodes["objective"], "`objective`") if "objective" in nodes else "",
            owner=document.text(nodes["owner"], "`owner`") if "owner" in nodes else "",
            reason=document.text(nodes["reason"], "`reason`") if "reason" in nodes else "",
            file=document.source.file,
            line=document.line(entry.key),
        )

    def _moment(self, node: Node, what: str) -> tree.Moment | None:
        text = self._document.text(node, what, "a moment", "such as `product_viewed`")
        read = partial(read_moment, retention=self._retention, references=self.references)
        return self._condition(node, read) if text else None

    def _state(self, node: Node) -> tree.State | None:
        text = self._document.text(node, "`if`", "a state", 'such as `in segment "vip"`')
        read = partial(read_state, retention=self._retention, references=self.references, wanted_by="`if`")
        return self._condition(node, read) if text else None

    def _path(self, node: Node) -> tree.Path | None:
        text = self._document.text(node, "`per`", "the name of a property", "such as `cart_id`")
        return self._condition(node, read_property) if text else None

    def _condition(self, node: Node, read: Callable[[Passage], _Value]) -> _Value | None:
        try:
            return read(self._document.passage(node))
        except TriggerErrors as errors:
            self._document.take(errors)
            return None

    def _span(self, node: Node, what: str) -> int | None:
        text = self._document.text(node, what, "a duration", "such as `3d`")
        try:
            return check_span(text, self._retention) if text else None
        except DurationError as error:
            self._document.fail(node, str(error), error.hint)
            return None

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

    def _names(self, node: Node) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        hint = "such as `cart_reminder`"
        names = tuple(self._document.text(item, "`send`", "a message or a list of them", hint) for item in nodes)
        for name, item in zip(names, nodes, strict=True):
            if name:
                self.references.append(Reference(name, self._document.passage(item), 0, "message"))
        return names


_NEVER = tree.Happens(tree.Selector(()))  # stands in for a `when` with errors while the other keys are read
