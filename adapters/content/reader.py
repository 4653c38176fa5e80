"""Reads message files, and collects all that is wrong with them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from adapters.content.bounds import Seen
from adapters.content.facts import KEYS as FACTS
from adapters.content.facts import read_facts
from adapters.content.mjml import fault
from adapters.content.templates import Template, TemplateError, Templates
from adapters.destinations.service import ServiceSettings
from adapters.destinations.smtp import SmtpSettings
from engine.core.sending.policy import Facts
from engine.language.errors import meant
from engine.runtime.ports import Rejected

_CONTENT = ("html", "mjml", "text")
_WRITTEN = frozenset(
    {"to", "subject", "html", "html_file", "mjml", "mjml_file", "text", "text_file", "utm", "tracking"}
)
_KEYS = frozenset({"destination", "data"}) | _WRITTEN | FACTS
_PROFILE_ADDRESS = "{{ profile.email }}"
_TRAIT = re.compile(r"\{\{\s*profile\.(\w+)\s*\}\}")
"""An address that is a trait, and so is known before anything is filled in."""


@dataclass(frozen=True, slots=True)
class MessageError:
    """What is wrong in a message file; `line` counts from 1."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class MessageErrors(Exception):
    """All that is wrong in a set of message files."""

    def __init__(self, errors: Iterable[MessageError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line)))
        super().__init__("\n".join(map(str, self.errors)))


@dataclass(frozen=True, slots=True)
class Placed:
    """A template, and the file and the line at which it begins."""

    template: Template
    file: str
    line: int

    def render(self, seen: Seen) -> Any:
        """Fill it in; Rejected says where it failed and why."""
        try:
            return self.template.render(seen)
        except TemplateError as error:
            place = _placed(error, self.file, self.line)
            raise Rejected(str(place)) from error


@dataclass(frozen=True, slots=True)
class Message:
    """What one message file says: a mail's fields are templates, other data is nested, with templates in it."""

    destination: str
    fields: Mapping[str, Any]
    mail: bool
    facts: Facts
    utm: bool = True
    """Whether the links of a mail bear where they come from."""
    tracked: bool = False
    """Whether it may be seen that it is opened, and its links followed."""


class Reader:
    """Reads message files; what is wrong gathers in `errors`."""

    def __init__(self, files: Mapping[str, str], destinations: Collection[str]) -> None:
        self.errors: list[MessageError] = []
        self._files = files
        self._destinations = destinations
        self._settings = destinations if isinstance(destinations, Mapping) else {}
        self._templates = Templates(files)

    def read(self, file: str) -> Message:
        """Read one message file. The result is of use only if there were no errors."""
        keys = self._parse(file)
        for key in keys.keys() - _KEYS:
            self._error(file, _key_line(keys, key), f"there is no key `{key}`{meant(str(key), _KEYS)}")
        self._check_destination(file, keys)
        mail = "data" not in keys
        by_mail = mail or self._service(keys) is not None
        facts = read_facts(keys, lambda key, text: self._error(file, _key_line(keys, key), text), mail=by_mail)
        if mail and (written := _TRAIT.fullmatch(str(keys.get("to", _PROFILE_ADDRESS)).strip())):
            facts = replace(facts, address=written[1])
        fields: Mapping[str, Any] = self._mail(file, keys) if mail else self._data(file, keys)
        tracked = mail and self._is_tracked(file, keys, facts)
        return Message(str(keys.get("destination")), fields, mail, facts, keys.get("utm", True) is True, tracked)

    def _parse(self, file: str) -> CommentedMap:
        try:
            keys = YAML(typ="rt").load(self._files[file])
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self._error(file, line, str(error.problem or error.context))
        except YAMLError as error:
            self._error(file, 1, str(error))
        else:
            if isinstance(keys, CommentedMap):
                return keys
            self._error(file, 1, "a message is a mapping of keys such as `destination` and `subject`")
        return CommentedMap()

    def _check_destination(self, file: str, keys: CommentedMap) -> None:
        name = keys.get("destination")
        if name in self._destinations:
            return
        if name is None:
            self._error(file, 1, "the key `destination` is missing")
            return
        hint = meant(str(name), self._destinations)
        self._error(file, _key_line(keys, "destination"), f"there is no destination `{name}`{hint}")

    def _service(self, keys: CommentedMap) -> ServiceSettings | None:
        """The settings of a message's destination, if that is a service."""
        settings = self._settings.get(str(keys.get("destination")))
        return settings if isinstance(settings, ServiceSettings) else None

    def _data(self, file: str, keys: CommentedMap) -> dict[str, Any]:
        line = _key_line(keys, "data")
        for key in sorted(keys.keys() & _WRITTEN):
            self._error(file, _key_line(keys, key), f"`{key}` and `data` exclude each other")
        if not isinstance(keys["data"], CommentedMap):
            self._error(file, line, "`data` is a mapping")
            return {}
        if (settings := self._service(keys)) is not None:
            for name, fault in settings.faults(_skeleton(keys["data"])):
                self._error(file, _key_line(keys["data"], name) if name in keys["data"] else line, fault)
        return {str(key): self._tree(file, *_entry(keys["data"], key)) for key in keys["data"]}

    def _tree(self, file: str, value: Any, line: int) -> Any:
        """Nested data, with templates in the place of its texts."""
        match value:
            case CommentedMap():
                return {str(key): self._tree(file, *_entry(value, key)) for key in value}
            case CommentedSeq():
                lines = [value.lc.item(index)[0] + 1 for index in range(len(value))]
                return [self._tree(file, item, at) for item, at in zip(value, lines, strict=True)]
            case str():
                return self._template(file, value, line, typed=True)
            case float():
                return float(value)  # the reader's own kind of float remembers how it was written
        return value

    def _mail(self, file: str, keys: CommentedMap) -> dict[str, Placed | None]:
        fields = {"to": self._text(file, keys, "to"), "subject": self._text(file, keys, "subject")}
        fields["to"] = fields["to"] or self._template(file, _PROFILE_ADDRESS, 1)
        if "subject" not in keys:
            self._error(file, 1, "a mail needs a `subject`; a message to anything else needs `data`")
        content = {key: self._content(file, keys, key) for key in _CONTENT}
        if not keys.keys() & {"html", "html_file", "mjml", "mjml_file", "text", "text_file"}:
            self._error(file, 1, "a mail needs `html`, `html_file`, `mjml`, `mjml_file`, `text` or `text_file`")
        if content["html"] and content["mjml"]:
            self._error(file, 1, "`html` and `mjml` exclude each other: the one is made from the other")
        if not isinstance(keys.get("utm", True), bool):
            self._error(file, _key_line(keys, "utm"), "`utm` is true or false: whether links bear where they come from")
        return fields | {key: field for key, field in content.items() if field}

    def _is_tracked(self, file: str, keys: CommentedMap, facts: Facts) -> bool:
        """As the file says; by itself what is transactional is not, nor what leaves by a destination that does not."""
        name, wanted = str(keys.get("destination")), keys.get("tracking", facts.purpose != "transactional")
        settings = self._settings.get(name)
        tracks = isinstance(settings, SmtpSettings) and bool(settings.tracking)
        if not isinstance(wanted, bool):
            text = "`tracking` is true or false: whether it is seen that it is opened, and its links followed"
            self._error(file, _key_line(keys, "tracking"), text)
        elif wanted and "tracking" in keys and not tracks:
            text = f"`{name}` does not track: say `tracking: {{opens: true, clicks: true}}` of it, or leave this out"
            self._error(file, _key_line(keys, "tracking"), text)
        return tracks and wanted is True

    def _content(self, file: str, keys: CommentedMap, key: str) -> Placed | None:
        source = f"{key}_file"
        if source not in keys:
            return self._text(file, keys, key)
        line = _key_line(keys, source)
        if key in keys:
            self._error(file, line, f"`{key}` and `{source}` exclude each other")
        path = str(keys[source])
        if path not in self._files:
            self._error(file, line, f"there is no file `{path}`{meant(path, self._files)}")
            return None
        return self._written(key, path, self._files[path], 1)

    def _text(self, file: str, keys: CommentedMap, key: str) -> Placed | None:
        if key not in keys:
            return None
        value, line = _entry(keys, key)
        if isinstance(value, str):
            return self._written(key, file, value, line)
        self._error(file, line, f"`{key}` is a text")
        return None

    def _written(self, key: str, file: str, source: str, line: int) -> Placed | None:
        """The template of a mail's part."""
        if key == "mjml" and (wrong := fault(source)):
            self._error(file, line, wrong)
        return self._template(file, source, line, html=key in {"html", "mjml"})

    def _template(self, file: str, source: str, line: int, *, html: bool = False, typed: bool = False) -> Placed | None:
        line += isinstance(source, LiteralScalarString | FoldedScalarString)  # it begins below its `|` or `>`
        try:
            return Placed(self._templates.read(source, html=html, typed=typed), file, line)
        except TemplateError as error:
            self.errors.append(_placed(error, file, line))
            return None

    def _error(self, file: str, line: int, text: str) -> None:
        self.errors.append(MessageError(file, line, text))


def _placed(error: TemplateError, file: str, line: int) -> MessageError:
    if error.file:
        return MessageError(error.file, error.line, str(error))
    return MessageError(file, line + max(error.line - 1, 0), str(error))


def _key_line(keys: CommentedMap, key: object) -> int:
    return int(keys.lc.key(key)[0]) + 1


def _entry(keys: CommentedMap, key: object) -> tuple[Any, int]:
    return keys[key], int(keys.lc.value(key)[0]) + 1


def _skeleton(value: Any) -> Any:
    """Data as far as it stands in the file: what a template will fill in is `...`."""
    match value:
        case CommentedMap():
            return {str(key): _skeleton(part) for key, part in value.items()}
        case CommentedSeq():
            return [_skeleton(part) for part in value]
        case str():
            return ... if "{{" in value or "{%" in value else str(value)
    return value
