"""The files that may change while the sidecar runs (triggers, messages, sending, events and so on), as one set.

A set that checks has a content: the texts of all files by their path in the folder, but for the tracking plan, and the
settings that give triggers their meaning. It is journaled whole, so that what was in force once can be compiled again;
its digest says whether two sets are the same, wherever their folders are.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

import msgspec

from adapters.content import MessageErrors, Messages
from adapters.content.messages import message_names
from adapters.files import EVENTS, SENDING, FolderError, content_files, read_folder, single_file
from adapters.plan.reading import read_plan, unplanned
from adapters.plan.schemas import Plan
from adapters.settings import Settings
from engine.core.program import Program
from engine.core.sending.policy import Policy
from engine.language.compiler import compile_triggers
from engine.language.concerns import digest as digest_of
from engine.language.concerns import version
from engine.language.errors import TriggerError, TriggerErrors, TriggerWarning
from engine.language.files import Loaded, load
from engine.language.plans import split
from engine.language.retired import carry_on, retire
from engine.language.sending import read_sending
from engine.runtime.ports import StoreError
from engine.runtime.versions import Configuration

_DIGEST = 16
"""Bytes."""

Wrong = TriggerError | str
"""One thing that is wrong: at a spot of a trigger file, or anywhere else, in words."""


class ConfigurationErrors(Exception):
    """All that is wrong with a set of files."""

    def __init__(self, errors: Sequence[Wrong]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n\n".join(map(str, errors)))


@dataclass(frozen=True)
class Files:
    """A set of files that checks."""

    configuration: Configuration
    loaded: Loaded
    plan: Plan
    """What events are to look like. It is no part of the content: it decides what comes in, and nothing after that."""
    warnings: tuple[TriggerWarning, ...]
    """What is legal in any of them, and probably not meant."""

    @property
    def lists(self) -> frozenset[str]:
        """The segments that are kept outside."""
        return frozenset(segment.name for segment in self.loaded.segments if segment.state is None)


class _Content(msgspec.Struct, frozen=True):
    """What is journaled of a set: texts by path, and durations in milliseconds."""

    triggers: dict[str, str]
    """Of the files with triggers and segments."""
    messages: dict[str, str]
    """Of messages and templates."""
    retention: int
    history_after: int
    history_limit: int
    sending: str = ""
    """The rules of sending."""
    retired: dict[str, str] = {}
    """By version, triggers of sets that were in force before, of which messages may be on their way."""


def read_files(folder: Path, settings: Settings) -> Files:
    """Read and check the files in a configuration's folder.

    Raises:
        ConfigurationErrors: everything that is wrong with them.

    """
    wrong: list[Wrong] = []
    triggers, messages = _texts(read_folder, folder, wrong), _texts(content_files, folder, wrong)
    renderer = _renderer(messages or {}, settings, wrong)
    loaded = _loaded(triggers or {}, messages, settings, wrong)
    sending = _texts(partial(_single, SENDING), folder, wrong)
    plan = _plan(_texts(partial(_single, EVENTS), folder, wrong), wrong)
    if not (triggers is not None and messages is not None and renderer and loaded and sending is not None and plan):
        raise ConfigurationErrors(wrong)
    policy = _policy(sending, loaded, renderer, settings)
    content = _Content(
        triggers={Path(name).relative_to(folder).as_posix(): text for name, text in triggers.items()},
        messages=messages,
        retention=settings.retention_ms,
        history_after=settings.history_after_ms,
        history_limit=settings.history_limit,
        sending="".join(sending.values()),
    )
    written = msgspec.json.encode(content, order="sorted")
    digest = blake2b(written, digest_size=_DIGEST).hexdigest()
    configuration = Configuration(written, digest, _compiled(loaded, content), renderer, policy)
    warnings = (*loaded.warnings, *plan.warnings, *unplanned(plan, loaded, triggers))
    return Files(configuration, loaded, plan, warnings)


def compile_content(content: bytes) -> Program:
    """The program of a set that was in force once; which messages and destinations there are now does not matter.

    Raises:
        StoreError: this Impel reads the language otherwise than the one that put the set in force.

    """
    read = msgspec.json.decode(content, type=_Content)
    try:
        return _compiled(load(read.triggers, retention=read.retention), read)
    except TriggerErrors as errors:
        raise _unreadable(errors) from errors


def meanings(content: bytes) -> dict[str, str]:
    """What the `when` of each trigger of a set that was in force once meant: the same text for the same meaning.

    It is empty where this Impel reads the language otherwise.
    """
    read = msgspec.json.decode(content, type=_Content)
    try:
        loaded = load(read.triggers, retention=read.retention)
    except TriggerErrors:
        return {}
    definitions = {segment.name: segment.state for segment in loaded.segments}
    return {
        trigger.name: " ".join(digest_of(part, definitions, read.retention) for part, _ in split(trigger))
        for trigger in loaded.triggers
    }


def succeed(content: bytes, former: bytes, in_use: Collection[str]) -> bytes:
    """The content of a set that comes into force after another: it carries on what the other began."""
    new, old = (msgspec.json.decode(each, type=_Content) for each in (content, former))
    own = {version(trigger) for trigger in load(new.triggers, retention=new.retention).triggers}
    try:
        retired = carry_on(own, old.triggers, old.retired, in_use, retention=old.retention)
    except TriggerErrors as errors:
        raise _unreadable(errors) from errors
    return msgspec.json.encode(msgspec.structs.replace(new, retired=retired), order="sorted") if retired else content


def _unreadable(errors: TriggerErrors) -> StoreError:
    return StoreError(
        "trigger files that were in force before do not check any more, and there are users who go by them; start"
        f" the Impel that ran before this one. {errors.errors[0]}"
    )


def _texts(read: Callable[[Path], dict[str, str]], folder: Path, wrong: list[Wrong]) -> dict[str, str] | None:
    try:
        return read(folder)
    except FolderError as error:
        wrong.append(str(error))
    return None


def _renderer(texts: Mapping[str, str], settings: Settings, wrong: list[Wrong]) -> Messages | None:
    try:
        return Messages.load(texts, settings.destinations)
    except MessageErrors as errors:
        wrong += map(str, errors.errors)
    return None


def _single(name: str, folder: Path) -> dict[str, str]:
    text = single_file(folder, name)
    return {} if text is None else {str(folder / name): text}


def _plan(texts: Mapping[str, str] | None, wrong: list[Wrong]) -> Plan | None:
    try:
        for file, text in (texts or {}).items():
            return read_plan(file, text)
    except TriggerErrors as errors:
        wrong += errors.errors
        return None
    return Plan()


def _policy(texts: Mapping[str, str], loaded: Loaded, messages: Messages, settings: Settings) -> Policy:
    """The rules of sending. Their errors are told when all else is right, for they ask for triggers and messages."""
    holdouts = {trigger.name: trigger.holdout for trigger in loaded.triggers if trigger.holdout}
    try:
        for file, text in texts.items():
            return read_sending(
                file,
                text,
                retention=settings.retention_ms,
                triggers=[trigger.name for trigger in loaded.triggers],
                messages=messages.facts,
                holdouts=holdouts,
            )
    except TriggerErrors as errors:
        raise ConfigurationErrors(errors.errors) from errors
    return Policy(messages=messages.facts, holdouts=holdouts)


def _loaded(
    texts: Mapping[str, str], messages: Mapping[str, str] | None, settings: Settings, wrong: list[Wrong]
) -> Loaded | None:
    names = None if messages is None else message_names(messages)
    try:
        return load(texts, retention=settings.retention_ms, messages=names)
    except TriggerErrors as errors:
        wrong += errors.errors
    return None


def _compiled(loaded: Loaded, content: _Content) -> Program:
    return compile_triggers(
        loaded.triggers,
        loaded.segments,
        retention=content.retention,
        history_after=content.history_after,
        history_limit=content.history_limit,
        retired=retire(content.retired.items(), retention=content.retention),
    )
