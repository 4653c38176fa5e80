"""A user as bytes, and back: what cannot be derived from the rest.

The series are fed anew from the timeline; the watches' slots are packed by the moments that own them. The timeline is
kept apart, in chunks, as `archive` says.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.core import archive
from engine.core.decisions import Firing
from engine.core.events import Millis, Scalar, Sent, encode, is_json
from engine.core.exposures import Assignment, Exposure
from engine.core.history import History
from engine.core.scope import Scope
from engine.core.sending.consent import Stance
from engine.core.sending.ledger import Ledger
from engine.core.sending.person import Entered
from engine.core.sending.question import Due
from engine.core.sending.suppression import Suppressed
from engine.core.watch import Watch
from engine.core.where import scalar_key

if TYPE_CHECKING:
    from engine.core.user import User

_VERSION = 2


class Snapshot(NamedTuple):
    """A user as bytes, to be kept beside the snapshots before."""

    state: bytes
    """All but the timeline; in place of the state before."""
    chunk: bytes
    """The events that have entered the timeline since the snapshot before; empty bytes if none has."""
    whole: bool
    """The chunk holds the whole timeline; the chunks before it are to be let go."""


class _SavedWatch(msgspec.Struct, array_like=True):
    trigger: str
    digest: str
    value: Scalar | None
    slots: list[Any]
    fired_at: Millis | None
    ordinal: int
    due: Millis


class _SavedScope(msgspec.Struct, array_like=True):
    path: str
    value: Scalar
    born: int
    forgotten: bool


class Saved(msgspec.Struct, array_like=True):
    """What a state holds."""

    version: int
    name: str
    first_id: str
    born: int | None
    clock: Millis
    profile: dict[str, Any]
    lists: list[str]
    archive: archive.Kept
    scopes: list[_SavedScope]
    watches: list[_SavedWatch]
    message_ids: dict[int, Millis]
    fired: list[Firing]
    outgoing: list[Due]
    ledger: list[Sent] = []
    consents: dict[str, Stance] = {}
    suppressed: list[Suppressed] = []
    entered: dict[str, Entered] = {}
    assigned: dict[str, Assignment] = {}
    exposures: list[Exposure] = []
    heard: dict[str, list[str]] = {}


class SnapshotError(ValueError):
    """The bytes are not a user of this version, or were taken under other triggers."""


def take(user: "User") -> bytes:
    """All that is known of a user but the timeline."""
    history = user.history
    user.repeats.forget(user.clock)
    user.sending.ledger.forget(user.clock - user.program.retention)
    user.exposures.forget(user.clock - user.program.history_after, user.fired)
    saved = Saved(
        _VERSION,
        user.name,
        user.first_id,
        user.born,
        user.clock,
        user.profile,
        sorted(history.whole.lists),
        history.archive.kept(),
        _pack_scopes(history),
        [_pack(watch) for watch in user.watches],
        user.repeats.seen,
        list(user.fired),
        list(user.sending.due.values()),
        list(user.sending.ledger),
        user.sending.consents,
        list(user.sending.suppressed.values()),
        user.sending.entered,
        user.exposures.assigned,
        user.exposures.open,
        user.exposures.heard,
    )
    return encode(saved)


def _pack_scopes(history: History) -> list[_SavedScope]:
    saved = []
    for name, scopes, births in zip(history.program.path_names, history.scopes, history.births, strict=True):
        living = {key: scope.born for key, scope in scopes.items()}
        for key, born in (living | births).items():
            value = key[0] if isinstance(key, tuple) else key
            saved.append(_SavedScope(name, value, born, forgotten=key in births))
    return saved


def _pack(watch: Watch) -> _SavedWatch:
    trigger = watch.trigger
    slots = [node.pack(watch) for node in trigger.nodes]
    return _SavedWatch(trigger.name, trigger.digest, watch.per, slots, watch.fired_at, watch.ordinal, watch.due)


def read(raw: bytes) -> Saved:
    """What `take` gave.

    Raises:
        SnapshotError: these bytes are not a snapshot of this version.

    """
    try:
        saved = msgspec.json.decode(raw, type=Saved) if is_json(raw) else msgspec.msgpack.decode(raw, type=Saved)
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"not a user's snapshot: {error}") from error
    if saved.version != _VERSION:
        raise SnapshotError(f"a snapshot of version {saved.version}; this program reads version {_VERSION}")
    return saved


def fill(user: "User", saved: Saved, chunks: Iterable[bytes]) -> None:
    """Make a new user the one that was saved, under the same program.

    Raises:
        SnapshotError: it was taken under other triggers, or a chunk cannot be read.

    """
    user.first_id, user.born, user.clock = saved.first_id, saved.born, saved.clock
    user.repeats.seen = saved.message_ids
    user.fired.extend(saved.fired)
    user.sending.due = {due.id: due for due in saved.outgoing}
    user.sending.ledger = Ledger(saved.ledger)
    user.sending.consents = saved.consents
    user.sending.suppressed = {mark.key: mark for mark in saved.suppressed}
    user.sending.entered = saved.entered
    exposures = user.exposures
    exposures.assigned, exposures.open, exposures.heard = saved.assigned, saved.exposures, saved.heard
    _restore_history(user, saved, chunks)
    for watch in saved.watches:
        _unpack(user, watch)


def _restore_history(user: "User", saved: Saved, chunks: Iterable[bytes]) -> None:
    history = user.history
    history.archive = archive.Archive(saved.archive)
    history.whole.profile = saved.profile
    history.whole.lists = set(saved.lists)
    for scope in saved.scopes:
        if scope.path not in user.program.path_names:
            raise SnapshotError(f"the snapshot was taken under triggers that watch `per: {scope.path}`")
        index = user.program.path_names.index(scope.path)
        if scope.forgotten:
            history.births[index][scalar_key(scope.value)] = scope.born
        else:
            history.enter(index, scope.value, scope.born)
    try:
        records = [record for chunk in chunks for record in history.archive.read(chunk)]
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"not a chunk of a user's events: {error}") from error
    for record in records:
        history.timeline.insert(record.place, record)
    history.rebuild()


def _unpack(user: "User", saved: _SavedWatch) -> None:
    trigger = user.program.by_name.get(saved.trigger)
    if trigger is None or trigger.digest != saved.digest:
        raise SnapshotError(f"the snapshot was taken under another version of trigger {saved.trigger!r}")
    path = trigger.path
    scope: Scope = user.history.whole
    if path is not None and saved.value is not None:
        scope = user.history.scopes[path][scalar_key(saved.value)]
    watch = Watch(trigger, scope)
    watch.slots = [node.unpack(data) for node, data in zip(trigger.nodes, saved.slots, strict=True)]
    watch.fired_at, watch.ordinal, watch.due = saved.fired_at, saved.ordinal, saved.due
    user.watches.put(watch)
    user.deadlines.arm(watch)
