"""YAML with positions: nodes -> values of the wanted type, or an error that says what is wanted and where."""

import math
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from engine.language.errors import TriggerError, TriggerErrors, did_you_mean
from engine.language.sources import Passage, Source

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor or tag before a value
_BLOCK_HEADER = re.compile(r"[|>][^\n]*\n")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|[\s\S])")
_BLANK_ESCAPES = frozenset("tnvfr NLP_\n\r\t")  # escapes that stand for whitespace or for nothing
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_WHOLE = 100
_TAG = "tag:yaml.org,2002:"


class Entry(NamedTuple):
    """A key of a mapping and its value, both as nodes."""

    key: Node
    value: Node


class Document:
    """One YAML file, and what turned out to be wrong with it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.errors = list[TriggerError]()

    def root(self) -> Node | None:
        """The whole document; None where it is empty or not YAML."""
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # an anchor may be set again (YAML 1.2, 3.2.2.2)
        try:
            root: Node | None = yaml.compose(self.source.text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._not_yaml(mark.index if mark else 0, error.problem or error.context or "it cannot be read")
        except YAMLError as error:
            self._not_yaml(getattr(error, "position", 0), "a character that YAML does not allow")
        except RecursionError:
            self._not_yaml(0, "it is nested too deeply")
        else:
            return root
        return None

    def _not_yaml(self, index: int, problem: str) -> None:
        hint = (
            "see that the line is indented like its neighbours; a condition that begins with a quote, has `: ` or ` #` "
            "in it, or stands inside braces is quoted as a whole, or stands on lines of its own, below `when: >`"
        )
        self.errors.append(self.source.error(index, f"this is not YAML: {problem}", hint))

    def fail(self, node: Node, message: str, hint: str = "") -> None:
        """Note an error at the beginning of a node."""
        start, end = node.start_mark.index, node.end_mark.index
        if start == end:  # nothing is there: YAML has gone on to what stands next
            start = len(self.source.text[:start].rstrip())
        self.errors.append(self.source.error(start, message, hint))

    def take(self, errors: TriggerErrors) -> None:
        """Note the errors of a condition."""
        self.errors.extend(errors.errors)

    def line(self, node: Node) -> int:
        """The line, from 1, where a node begins."""
        return self.source.line_of(node.start_mark.index)

    # Values of a wanted type: None, and an error, where the node is of another -------------------------------

    def mapping(self, node: Node, what: str, known: Collection[str] = ()) -> dict[str, Entry]:
        """The entries of a mapping by key; with `known`, no others are allowed."""
        if not isinstance(node, MappingNode):
            if not _is_null(node):
                self.fail(node, f"{what} is a mapping", "write `key: value` lines below it, indented")
            return {}
        found: dict[str, Entry] = {}
        for entry in self._named(node, what):
            name = str(entry.key.value)
            if name in found:
                self.fail(
                    entry.key,
                    f"`{name}` stands here twice",
                    f"the first is in line {self.line(found[name].key)}",
                )
            elif known and name not in known:
                self._unknown(entry.key, name, what, known)
            else:
                found[name] = entry
        return found

    def _named(self, node: MappingNode, what: str) -> Iterator[Entry]:
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value:
                yield Entry(key, value)
            else:
                self.fail(key, f"a key of {what} is a name", "write `name: …`")

    def _unknown(self, node: Node, name: str, what: str, known: Collection[str]) -> None:
        hint = did_you_mean(name, known, f"it has {', '.join(f'`{key}`' for key in known)}")
        self.fail(node, f"{what} has no key `{name}`", hint)

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        if not _is_null(node):
            self.fail(node, f"{what} is a list", "write each item in a line of its own that begins with `- `")
        return []

    def text(self, node: Node, what: str, kind: str = "text", example: str = "in quotation marks") -> str:
        """Text; empty, with an error that says what `kind` is wanted, where there is none."""
        if isinstance(node, ScalarNode) and node.tag == f"{_TAG}str" and node.value.strip():
            return str(node.value)
        self.fail(node, f"{what} is {kind}", f"write {'it' if kind == 'text' else 'one,'} {example}")
        return ""

    def number(self, node: Node, what: str) -> float:
        """A number; 0, with an error, where there is none."""
        value = self.plain(node)
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
        self.fail(node, f"{what} is a number", "write one, such as `10`")
        return 0

    def flag(self, node: Node, what: str) -> bool:
        """`true` or `false`; false, with an error, where there is neither."""
        value = self.plain(node)
        if isinstance(value, bool):
            return value
        self.fail(node, f"{what} is true or false", "write `true` or `false`")
        return False

    def share(self, node: Node, what: str) -> float:
        """A share written in per cent, as `5%`, from 0 to 1; 0, with an error, where there is none."""
        written = _SHARE.fullmatch(str(getattr(node, "value", "")).strip())
        if written is not None and float(written[1]) <= _WHOLE:
            return float(written[1]) / _WHOLE
        self.fail(node, f"{what} is a share of the people", "write it as `5%`, from 0% to 100%")
        return 0.0

    def plain(self, node: Node) -> Any:
        """The value as JSON would have it; dates stay text."""
        if isinstance(node, MappingNode):
            return {str(key.value): self.plain(value) for key, value in node.value}
        if isinstance(node, SequenceNode):
            return [self.plain(item) for item in node.value]
        return _scalar(str(node.tag).removeprefix(_TAG), node.value)

    def passage(self, node: Node) -> Passage:
        """The text of a scalar, and where its characters stand."""
        text = self.source.text
        start, end = node.start_mark.index, node.end_mark.index
        if properties := _PROPERTIES.match(text, start, end):
            start = properties.end()
        return Passage(self.source, str(node.value), list(_characters(text, start, end, getattr(node, "style", None))))


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == f"{_TAG}null"


def _scalar(kind: str, written: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return written.lower() == "true"
    if kind == "int":
        digits = written.replace("_", "")
        return int(digits, 0) if re.match(r"[-+]?0[xob]", digits) else int(digits)
    if kind == "float":
        return float(re.sub(r"\.(?=inf|nan)", "", written.replace("_", "").lower()))
    return written


def _characters(text: str, start: int, end: int, style: str | None) -> Iterator[int]:
    """The index of each character of a scalar that is not whitespace."""
    if style in ("|", ">") and (header := _BLOCK_HEADER.match(text, start, end)):
        start = header.end()
    elif style in ("'", '"'):
        start, end = start + 1, end - 1
    index = start
    while index < end:
        width = 1
        if style == '"' and (escape := _ESCAPE.match(text, index, end)):
            width = len(escape.group())
            blank = escape.group()[1] in _BLANK_ESCAPES
        else:
            blank = text[index].isspace()
            width += style == "'" and text[index] == "'"
        if not blank:
            yield index
        index += width
