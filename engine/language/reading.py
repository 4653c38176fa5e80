"""Reads the values of a trigger's keys: faults go to the document's errors, names asked for to `references`."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from ruamel.yaml.nodes import Node, SequenceNode

from engine.language import tree
from engine.language.conditions import read_goal, read_moment, read_property, read_state
from engine.language.documents import Document
from engine.language.durations import DurationError
from engine.language.errors import TriggerErrors
from engine.language.notes import Reference, check_span
from engine.language.sources import Passage

_Value = TypeVar("_Value")


class Reading:
    """The values of one trigger; None, or empty, where one has errors."""

    def __init__(self, document: Document, retention: int) -> None:
        self.document = document
        self.references = list[Reference]()
        self._retention = retention

    def moment(self, node: Node, what: str) -> tree.Moment | None:
        """A moment."""
        text = self.document.text(node, what, "a moment", "such as `product_viewed`")
        read = partial(read_moment, retention=self._retention, references=self.references)
        return self._condition(node, read) if text else None

    def state(self, node: Node) -> tree.State | None:
        """A state, below `if`."""
        text = self.document.text(node, "`if`", "a state", 'such as `in segment "vip"`')
        read = partial(read_state, retention=self._retention, references=self.references, wanted_by="`if`")
        return self._condition(node, read) if text else None

    def goal(self, node: Node) -> tuple[tree.Selector, int] | None:
        """An event within a span."""
        text = self.document.text(node, "`goal`", "an event within a time", "such as `order_completed within 7d`")
        read = partial(read_goal, retention=self._retention, references=self.references)
        return self._condition(node, read) if text else None

    def path(self, node: Node, what: str, example: str = "cart_id") -> tree.Path | None:
        """The path of a property."""
        text = self.document.text(node, what, "the name of a property", f"such as `{example}`")
        return self._condition(node, read_property) if text else None

    def span(self, node: Node, what: str) -> int | None:
        """A duration, in ms."""
        text = self.document.text(node, what, "a duration", "such as `3d`")
        return self.span_of(node, text) if text else None

    def span_of(self, node: Node, text: str) -> int | None:
        """A duration that stands in a node, in ms."""
        try:
            return check_span(text, self._retention)
        except DurationError as error:
            self.document.fail(node, str(error), error.hint)
            return None

    def names(self, node: Node) -> tuple[str, ...]:
        """Names of messages: one, or a list."""
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        hint = "such as `cart_reminder`"
        names = tuple(self.document.text(item, "`send`", "a message or a list of them", hint) for item in nodes)
        for name, item in zip(names, nodes, strict=True):
            if name:
                self.references.append(Reference(name, self.document.passage(item), 0, "message"))
        return names

    def _condition(self, node: Node, read: Callable[[Passage], _Value]) -> _Value | None:
        try:
            return read(self.document.passage(node))
        except TriggerErrors as errors:
            self.document.take(errors)
            return None


def written(node: Node) -> str:
    """A condition as it was written, on one line."""
    return " ".join(str(node.value).split())
