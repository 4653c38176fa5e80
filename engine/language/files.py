"""Trigger files -> checked triggers, segments, tests and warnings; or all that is wrong with them, together."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml.nodes import Node

from engine.language import tree
from engine.language.conditions import RETENTION, read_state
from engine.language.documents import Document, Entry
from engine.language.errors import TriggerError, TriggerErrors, TriggerWarning, closest, did_you_mean
from engine.language.lint import lint
from engine.language.notes import Reference
from engine.language.sources import Source
from engine.language.trials import Trial
from engine.language.triggers import Draft, TriggerReader

KEYS = ("triggers", "segments")
"""What may stand at the top of a file."""

LIST = "list"
"""What stands in the place of a state for a segment that is kept outside as a list."""

_REMEDIES = {
    "segment": f"define it under `segments:`, or declare it a `{LIST}` there",
    "list": f"what is entered and left is declared under `segments:` as a `{LIST}`",
    "message": "write it, or leave it out of `send`",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Trigger files, checked. `trials` maps the names of triggers to the tests beside them."""

    triggers: tuple[tree.Trigger, ...]
    segments: tuple[tree.Segment, ...]
    trials: Mapping[str, tuple[Trial, ...]]
    warnings: tuple[TriggerWarning, ...]


def load(files: Mapping[str, str], *, retention: int = RETENTION, messages: Collection[str] | None = None) -> Loaded:
    """Read trigger files, given as name -> text; `retention`, in milliseconds, bounds their spans.

    With `messages`, the names of those there are, no trigger may send another.

    Raises:
        TriggerErrors: all that is wrong in all of them.

    """
    reader = _Files(retention)
    for file, text in sorted(files.items()):
        reader.read(Document(Source(file, text)))
    reader.link(messages)
    if reader.errors:
        raise TriggerErrors(reader.errors)
    drafts = list(reader.drafts.values())
    return Loaded(
        triggers=tuple(draft.trigger for draft in drafts),
        segments=tuple(definition.segment for definition in reader.definitions.values() if definition.segment),
        trials={draft.trigger.name: draft.trials for draft in drafts if draft.trials},
        warnings=lint(drafts),
    )


@dataclass(frozen=True, slots=True)
class _Definition:
    """A segment as read; without one, its state has errors."""

    segment: tree.Segment | None
    references: tuple[Reference, ...]


class _Files:
    """All files read so far, and what is wrong with them."""

    def __init__(self, retention: int) -> None:
        self.errors = list[TriggerError]()
        self.drafts: dict[str, Draft] = {}
        self.definitions: dict[str, _Definition] = {}
        self._retention = retention
        self._places: dict[tuple[str, str], str] = {}
        self._references = list[Reference]()

    def read(self, document: Document) -> None:
        """Read one file."""
        root = document.root()
        parts = document.mapping(root, "a trigger file", KEYS) if root is not None else {}
        for entry in self._new(document, parts.get("segments"), "segment"):
            self._segment(document, entry)
        for entry in self._new(document, parts.get("triggers"), "trigger"):
            reader = TriggerReader(document, self._retention)
            draft = reader.read(entry)
            self._references += reader.references
            if draft is not None:
                self.drafts[draft.trigger.name] = draft
        self.errors += document.errors

    def link(self, messages: Collection[str] | None) -> None:
        """Check that all that is asked for is there, and that no segment asks for itself."""
        named = self.definitions.items()
        lists = [name for name, found in named if found.segment is None or found.segment.state is None]
        known = {"segment": self.definitions, "list": lists, "message": messages}
        for reference in self._references:
            names = known[reference.kind]
            if names is not None and reference.name not in names:
                self.errors.append(_undefined(reference, names))
        self._circles()

    def _new(self, document: Document, part: Entry | None, kind: str) -> Iterator[Entry]:
        """The entries of a part whose names are new."""
        entries = document.mapping(part.value, f"`{kind}s`") if part else {}
        for name, entry in entries.items():
            place = f"{document.source.file}:{document.line(entry.key)}"
            first = self._places.setdefault((kind, name), place)
            if first == place:
                yield entry
            else:
                document.fail(entry.key, f"{kind} `{name}` is defined twice", f"the other is in {first}; rename one")

    def _segment(self, document: Document, entry: Entry) -> None:
        name = str(entry.key.value)
        text = document.text(
            entry.value, f"segment `{name}`", "a state", f"such as `seen(purchased) within 30d`, or `{LIST}`"
        )
        if text.strip() == LIST:
            self.definitions[name] = _Definition(tree.Segment(name, None), ())
        elif text.strip().isidentifier() and closest(text.strip(), (LIST,)):
            document.fail(entry.value, f"`{text.strip()}` is not a state", f"did you mean `{LIST}`?")
            self.definitions[name] = _Definition(None, ())
        else:
            self.definitions[name] = self._named_state(document, name, entry.value, empty=not text)

    def _named_state(self, document: Document, name: str, node: Node, *, empty: bool) -> _Definition:
        if empty:
            return _Definition(None, ())
        segment, references = None, list[Reference]()
        try:
            state = read_state(document.passage(node), self._retention, references, "a segment")
            segment = tree.Segment(name, state)
        except TriggerErrors as errors:
            document.take(errors)
        self._references += references
        return _Definition(segment, tuple(references))

    def _circles(self) -> None:
        """Walk the segments depth first; a reference to one that is still being walked closes a circle."""
        done: set[str] = set()
        for name in self.definitions:
            self._walk(name, [], done)

    def _walk(self, name: str, path: list[str], done: set[str]) -> None:
        if name in done or name not in self.definitions:
            return
        for reference in self.definitions[name].references:
            if reference.name in [*path, name]:
                circle = " → ".join([*path, name, reference.name])
                message, hint = f"segment `{reference.name}` asks for itself", f"break the circle: {circle}"
                self.errors.append(reference.error(message, hint))
            else:
                self._walk(reference.name, [*path, name], done)
        done.add(name)


def _undefined(reference: Reference, known: Collection[str]) -> TriggerError:
    hint = did_you_mean(reference.name, known, _REMEDIES[reference.kind])
    return reference.error(f"there is no {reference.kind} `{reference.name}`", hint)
