"""`events.yaml`: for each event the JSON Schema of its properties, and what becomes of events that break it.

violations: count            # they are taken all the same; or `reject`
$defs:                       # schemas that several events refer to, as `{$ref: "#/$defs/item"}`
  item: {type: object, required: [product]}
events:
  cart_updated:
    required: [cart_id]
    properties:
      cart_id: {type: string}
      items: {type: array, items: {$ref: "#/$defs/item"}}
  order_completed:
    violations: reject       # of this event, whatever stands above
    required: [order_id]
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema_rs import ValidationError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from adapters.plan.lint import TYPES, forbidden, misspelt
from adapters.plan.schemas import DRAFT, EventSchema, Plan
from engine.language import tree, writing
from engine.language.documents import Document, Entry
from engine.language.errors import TriggerErrors, TriggerWarning, did_you_mean
from engine.language.files import Loaded
from engine.language.mentions import mentions
from engine.language.sources import Source

KEYS = ("violations", "$defs", "events")
_FATES = ("count", "reject")
_SHARED = "$defs"


def read_plan(file: str, text: str) -> Plan:
    """Read a tracking plan.

    Raises:
        TriggerErrors: all that is wrong with it.

    """
    document = Document(Source(file, text))
    root = document.root()
    parts = document.mapping(root, "a tracking plan", KEYS) if root is not None else {}
    reader = _Reader(document, parts)
    events = document.mapping(parts["events"].value, "`events`") if "events" in parts else {}
    schemas = {name: schema for name, entry in events.items() if (schema := reader.schema(name, entry)) is not None}
    if document.errors:
        raise TriggerErrors(document.errors)
    return Plan(schemas, tuple(reader.warnings), text)


def unplanned(plan: Plan, loaded: Loaded, texts: Mapping[str, str]) -> Iterator[TriggerWarning]:
    """Triggers that ask for properties which the plan does not allow; `texts` are those of their files."""
    definitions = {segment.name: segment.state for segment in loaded.segments}
    for trigger in loaded.triggers:
        for event, paths in sorted(mentions(trigger, definitions).items()):
            if event in plan.schemas:
                yield from _forbidden(trigger, event, sorted(paths), plan.schemas[event], texts[trigger.file])


def _forbidden(
    trigger: tree.Trigger, event: str, paths: Iterable[tree.Path], schema: EventSchema, text: str
) -> Iterator[TriggerWarning]:
    line = text.split("\n")[trigger.line - 1].rstrip("\r")
    column = len(line) - len(line.lstrip()) + 1
    for path in paths:
        if (found := forbidden(schema.schema, path)) is not None:
            key, known = found
            said = f"`{trigger.name}` asks for `{writing.path(path)}` of `{event}`, which the plan does not allow"
            hint = did_you_mean(key, known, f"add `{key}` to the schema of `{event}`")
            yield TriggerWarning(trigger.file, trigger.line, column, said, hint, line)


class _Reader:
    """Reads the schemas of a file: faults go to the document's errors, and to `warnings`."""

    def __init__(self, document: Document, parts: Mapping[str, Entry]) -> None:
        self.warnings = list[TriggerWarning]()
        self._document = document
        self._rejects = self._fate(parts.get("violations"), otherwise=False)
        self._places: dict[str, Entry] = {}
        """Where the schemas stand that all may refer to."""
        self._shared: dict[str, Any] = {}
        if _SHARED in parts:
            self._share(parts[_SHARED])

    def _share(self, entry: Entry) -> None:
        """Read the schemas that all may refer to. Where one is wrong, that is told once: others are checked without."""
        self._places = self._document.mapping(entry.value, f"`{_SHARED}`")
        shared = self._plain(entry, f"`{_SHARED}`", self._places)
        if shared is not None and self._compiled(entry, f"`{_SHARED}`", {_SHARED: shared}, rejects=False):
            self._shared = shared
        else:
            self._shared = dict.fromkeys(self._places, True)

    def schema(self, name: str, entry: Entry) -> EventSchema | None:
        """The schema of an event; None, with an error, where it is wrong."""
        what = f"the schema of `{name}`"
        parts = self._document.mapping(entry.value, what)
        rejects = self._fate(parts.pop("violations", None), otherwise=self._rejects)
        schema = self._plain(entry, what, parts)
        if schema is None:
            return None
        own = schema.get(_SHARED, {})
        if self._shared and isinstance(own, dict):
            return self._compiled(entry, what, schema, {_SHARED: self._shared | own}, rejects=rejects)
        return self._compiled(entry, what, schema, rejects=rejects)

    def _plain(self, entry: Entry, what: str, parts: Mapping[str, Entry]) -> dict[str, Any] | None:
        """Parts of the file as JSON would have them."""
        try:
            return {key: self._document.plain(part.value) for key, part in parts.items()}
        except RecursionError:
            hint = f"a schema refers to itself by `$ref`: `#`, or `#/{_SHARED}/NAME`"
            self._document.fail(entry.key, f"{what} has no end", hint)
        return None

    def _compiled(
        self, entry: Entry, what: str, schema: dict[str, Any], shared: Mapping[str, Any] = {}, *, rejects: bool
    ) -> EventSchema | None:
        for place, meant in misspelt(schema):
            node, said = self._key(entry, place), f"`{place[-1]}` says nothing to JSON Schema"
            self.warnings.append(self._document.source.warning(node.start_mark.index, said, f"did you mean `{meant}`?"))
        if str(schema.get("$schema", DRAFT)).rstrip("#") != DRAFT:
            node, hint = self._find(entry, ("$schema",)), f"write it as `{DRAFT}` has it, and leave this out"
            self._document.fail(node, f"{what} is of another draft than 2020-12", hint)
            return None
        try:
            return EventSchema({**schema, **shared}, rejects=rejects)
        except ValidationError as error:
            node = self._find(entry, error.instance_path)
            self._document.fail(node, f"{what} is not valid: {_reason(error)}", _hint(error))
        except (ValueError, TypeError) as error:  # what no JSON could hold
            self._document.fail(entry.key, f"{what} cannot be read: {error}")
        return None

    def _fate(self, entry: Entry | None, *, otherwise: bool) -> bool:
        """Whether events that break a schema are rejected."""
        if entry is None:
            return otherwise
        said = str(entry.value.value) if isinstance(entry.value, ScalarNode) else ""
        if said not in _FATES:
            hint = did_you_mean(said, _FATES, "write `count`, to take such events all the same, or `reject`")
            self._document.fail(entry.value, "`violations` is `count` or `reject`", hint)
        return said == "reject"

    def _find(self, entry: Entry, place: Iterable[str | int]) -> Node:
        """The node at a place of an event's schema, or the nearest around it."""
        node, rest = entry.value, list(place)
        if rest[:1] == [_SHARED] and len(rest) > 1 and rest[1] in self._places and not _own(node, str(rest[1])):
            node, rest = self._places[str(rest[1])].value, rest[2:]
        for key in rest:
            below = _below(node, key)
            if below is None:
                break
            node = below
        return entry.key if node is entry.value and not isinstance(node, MappingNode) else node

    def _key(self, entry: Entry, place: tuple[str | int, ...]) -> Node:
        """The key that stands at a place."""
        around = self._find(entry, place[:-1])
        keys = [key for key, _ in around.value if key.value == place[-1]] if isinstance(around, MappingNode) else []
        return keys[0] if keys else around


def _below(node: Node, key: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        found: Node = node.value[key]
        return found
    return None


def _own(node: Node, name: str) -> bool:
    """Whether a schema has a definition of that name itself."""
    own = _below(node, _SHARED)
    return own is not None and _below(own, name) is not None


def _reason(error: ValidationError) -> str:
    keyword = error.instance_path[-1] if error.instance_path else ""
    if keyword == "type":
        return "there is no such `type`"
    if error.message.startswith("Unknown format"):
        return "there is no such `format`"
    if error.message.startswith("Pointer"):
        return f"a `$ref` leads nowhere: {error.message}"
    return error.message.replace("it is", f"`{keyword}` is", 1) if keyword else error.message


def _hint(error: ValidationError) -> str:
    match error.instance_path:
        case [*_, "type"]:
            types = ", ".join(f"`{each}`" for each in TYPES)
            return did_you_mean(str(error.instance), TYPES, f"the types are {types}")
        case [*_, "pattern"]:
            return "a pattern is a regular expression without look-around and back-references"
        case [*_, "format"]:
            return "formats are such as `email`, `date-time`, `date`, `uri` and `uuid`"
        case []:
            return f"`$ref` may lead to `#/{_SHARED}/NAME`, in the schema or at the top of the file, and nowhere else"
    return ""
