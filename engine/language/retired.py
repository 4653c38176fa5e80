"""Triggers that are in force no more, of which messages are still on their way: what ends those, and what they ask.

A run keeps the version of the trigger it started with. So a set of files that comes into force carries the texts of
those triggers of the set before that say `until`, or an `if` in a step; the program watches them beside its own.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from engine.language import tree
from engine.language.concerns import version
from engine.language.documents import Document
from engine.language.files import load
from engine.language.plans import Companion, companions, condition_key, steps_of
from engine.language.sources import Source

_Node = TypeVar("_Node")


@dataclass(frozen=True, slots=True)
class Retired:
    """What a program watches of triggers that are in force no more; its segments bear names of their own."""

    endings: list[Companion] = field(default_factory=list)
    conditions: dict[str, tuple[tree.State, str]] = field(default_factory=dict)
    """By key, with the text."""
    definitions: dict[str, tree.State | None] = field(default_factory=dict)


def pick(files: Mapping[str, str], unchanged: Collection[str], *, retention: int) -> dict[str, str]:
    """The texts, by version, of the triggers in some files that have something to carry on, but of the `unchanged`.

    Each is a file of its own: the trigger, and all segments.
    """
    documents = [Document(Source(name, text)) for name, text in sorted(files.items())]
    parts = [document.plain(root) for document in documents if (root := document.root()) is not None]
    segments = {name: text for part in parts for name, text in (part.get("segments") or {}).items()}
    triggers = {name: keys for part in parts for name, keys in (part.get("triggers") or {}).items()}
    found = {}
    for trigger in load(files, retention=retention).triggers:
        asks = trigger.until is not None or any(step.condition is not None for step in steps_of(trigger))
        if asks and version(trigger) not in unchanged:
            text = {"triggers": {trigger.name: triggers[trigger.name]}, "segments": segments}
            found[version(trigger)] = json.dumps(text)
    return found


def carry_on(
    own: Collection[str],
    former: Mapping[str, str],
    retired: Mapping[str, str],
    in_use: Collection[str],
    *,
    retention: int,
) -> dict[str, str]:
    """The texts, by version, that a set of files with the versions `own` carries on of the `former`.

    Of the former's own triggers all are carried on, for those who have not taken it up yet; of the `retired` ones that
    it carried on itself, the versions that are `in_use` still.

    Raises:
        TriggerErrors: the former does not check any more.

    """
    kept = {number: text for number, text in retired.items() if number in in_use and number not in own}
    return pick(former, own, retention=retention) | kept


def retire(texts: Iterable[tuple[str, str]], *, retention: int) -> Retired:
    """Read what `pick` gave: versions and texts.

    Raises:
        TriggerErrors: this Impel reads the language otherwise.

    """
    retired = Retired()
    for number, text in texts:
        loaded = load({f"retired {number}": text}, retention=retention)
        definitions = {segment.name: segment.state for segment in loaded.segments}
        names = {name: f"{name} ({number})" for name, state in definitions.items() if state is not None}
        for name, state in definitions.items():
            retired.definitions[names.get(name, name)] = _renamed(state, names)
        for companion in companions(loaded.triggers, definitions):
            if companion.role == "ends":
                retired.endings.append(replace(companion, trigger=_renamed(companion.trigger, names)))
        for trigger in loaded.triggers:
            for step in steps_of(trigger):
                if step.condition is not None:
                    state = _renamed(step.condition, names)
                    retired.conditions[condition_key(step.condition, definitions)] = state, step.condition_text
    return retired


def _renamed(node: _Node, names: Mapping[str, str]) -> _Node:
    """The same, asking for segments by other names."""
    changed: Any = node
    if isinstance(node, tree.InSegment):
        changed = tree.InSegment(names.get(node.name, node.name))
    elif is_dataclass(node) and not isinstance(node, type):
        changed = replace(node, **{each.name: _renamed(getattr(node, each.name), names) for each in fields(node)})
    elif isinstance(node, tuple):
        changed = tuple(_renamed(part, names) for part in node)
    result: _Node = changed
    return result
