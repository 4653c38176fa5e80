"""The core under virtual time: the same decisions as the running sidecar makes, in as long as they take to compute.

No clock is simulated: each user settles what was due before each input, so it is enough to hand over the inputs in
order of arrival and to wake everybody at the end.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import index
from typing import Any, SupportsIndex

from engine.core.calls import group_traits, visit_properties
from engine.core.decisions import Firing
from engine.core.events import Input, Membership, Millis, Track, Traits, encode
from engine.core.identity import Identities
from engine.core.program import Program
from engine.core.user import User
from engine.language.compiler import compile_triggers
from engine.language.durations import parse_duration
from engine.language.files import load

Instant = Millis | str

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class InputError(ValueError):
    """An input cannot be read; the text says what is wrong with it."""


def simulate(
    trigger_yaml: str,
    inputs: Iterable[Mapping[str, Any]],
    until: Instant | None = None,
    history_after: str = "24h",
    retention: str = "90d",
) -> list[Firing]:
    """Run the triggers of one file over some inputs.

    Args:
        trigger_yaml: the text of a trigger file.
        inputs: mappings in the Segment form, in order of arrival, with `receivedAt` besides; times are ISO 8601 text
            or integer milliseconds. An input without `receivedAt` is received at its `timestamp`; one that says
            `imported: true` is history, as what `impel import` brings.
        until: settle everything due up to and including this instant, and ignore what is received after it;
            by default the last input's.
        history_after: an event older than this when it is received is history.
        retention: how far a condition without `within` looks back.

    Returns:
        The firings, ordered by `at`, within a user as they fired. Each has `at`, `user`, `trigger` and `per`.

    Raises:
        TriggerErrors: the triggers do not check; all that is wrong with them.
        InputError: an input cannot be read.

    """
    kept = parse_duration(retention)
    loaded = load({"triggers": trigger_yaml}, retention=kept)
    program = compile_triggers(
        loaded.triggers, loaded.segments, retention=kept, history_after=parse_duration(history_after)
    )
    return run(program, inputs, until=until)


def run(program: Program, inputs: Iterable[Mapping[str, Any]], *, until: Instant | None = None) -> list[Firing]:
    """Run a compiled program over inputs, as `simulate` does.

    Raises:
        InputError: an input cannot be read.

    """
    end = None if until is None else instant(until)
    simulation = Simulation(program)
    for seq, item in enumerate(inputs):
        received = received_at(item)
        if end is None or received <= end:
            simulation.take(item, received, seq)
    return simulation.finish(end)


class Simulation:
    """A population under virtual time, fed input by input."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.users: dict[str, User] = {}
        self.fired: list[Firing] = []
        self._identities = Identities()
        self._last: Millis = 0

    def take(self, item: Mapping[str, Any], received: Millis, seq: int) -> None:
        """Let the user whom it concerns observe one input.

        Raises:
            InputError: it cannot be read; nothing has changed.

        """
        content = read(item, received, seq)
        name, absorbed = self._whom(item, received)
        user = self.users.get(name)
        if user is None:
            user = self.users[name] = User(name, self.program)
        other = None if absorbed is None else self.users.pop(absorbed, None)
        self.fired += user.observe(content, received, other)
        self._last = max(self._last, user.clock)

    def finish(self, until: Millis | None = None) -> list[Firing]:
        """Settle everything due up to and including `until`, by default the last input; returns all firings."""
        end = self._last if until is None else until
        for user in self.users.values():
            self.fired += user.wake(end)
        self.fired.sort(key=lambda firing: firing.at)
        return self.fired

    def _whom(self, item: Mapping[str, Any], received: Millis) -> tuple[str, str | None]:
        """The user whose step it is, and the one who enters that one's timeline in it."""
        user_id, anonymous_id = _id(item, "userId"), _id(item, "anonymousId")
        if user_id is None and anonymous_id is None:
            raise InputError("an input needs a `userId` or an `anonymousId`")
        previous_id = _id(item, "previousId") or anonymous_id
        ids, message_id = self._identities, _id(item, "messageId") or ""
        if user_id is not None and previous_id is not None and item.get("type") == "alias":
            return ids.alias(previous_id, user_id, message_id, received)
        if user_id is not None and anonymous_id is not None and item.get("type") == "identify":
            return ids.login(anonymous_id, user_id, message_id, received)
        return ids.resolve(user_id, anonymous_id), None


def received_at(item: Mapping[str, Any]) -> Millis:
    """When an input was received: its `receivedAt`, else its `timestamp`, in ms.

    Raises:
        InputError: it has neither, or not one that can be read.

    """
    found = item.get("receivedAt")
    found = item.get("timestamp") if found is None else found
    if found is None:
        raise InputError("an input needs a `receivedAt` or a `timestamp`")
    received = instant(found)
    if received < 0:
        raise InputError(f"received at {found!r}, before 1970")
    return received


def instant(value: object) -> Millis:
    """Read an instant: integer milliseconds since the epoch, or ISO 8601 text (without a zone it is UTC).

    Raises:
        InputError: it is neither.

    """
    if type(value) is int:
        return value
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError as error:
            raise InputError(f"{value!r} is no ISO 8601 time") from error
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return (zoned - _EPOCH) // _MILLISECOND
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return index(value)  # numbers of other libraries
    raise InputError(f"{value!r} is no time: give ISO 8601 text or integer milliseconds")


def read(item: Mapping[str, Any], received: Millis, seq: int) -> Input:
    """The input that a mapping in the Segment form stands for.

    Raises:
        InputError: it cannot be read.

    """
    kind = item.get("type", "track")
    message_id, imported = _id(item, "messageId") or "", item.get("imported") is True
    match kind:
        case "track" | "page" | "screen":
            ts = item.get("timestamp")
            happened = received if ts is None else instant(ts)
            return Track(seq, _event_name(item, kind), happened, _raw(_properties(item, kind)), message_id, imported)
        case "identify" | "alias" | "group":
            return Traits(seq, _raw(_traits(item, kind)), message_id, imported)
        case "segment":
            segment, member = item.get("segment"), item.get("member")
            if not isinstance(segment, str) or not isinstance(member, bool):
                raise InputError("a `segment` input needs the list's name as `segment`, and `member`: true or false")
            return Membership(seq, segment, member)
        case _:
            raise InputError(f"{kind!r} is no type of input: track, identify, page, screen, group, alias or segment")


def _event_name(item: Mapping[str, Any], kind: str) -> str:
    name = item.get("event") if kind == "track" else kind
    if not isinstance(name, str) or not name:
        raise InputError("a track input needs the name of its `event`")
    return name


def _properties(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The properties; those of a page or screen have its name and category among them."""
    properties = _mapping(item, "properties")
    return properties if kind == "track" else visit_properties(properties, item.get("name"), item.get("category"))


def _traits(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The traits; those of a group are one trait, `group`."""
    traits = _mapping(item, "traits")
    return group_traits(traits, _id(item, "groupId")) if kind == "group" else traits


def _mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = item.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InputError(f"`{key}` must be an object, not {found!r}")
    return found


def _raw(content: Mapping[str, Any]) -> bytes:
    try:
        return encode(content)
    except (TypeError, ValueError) as error:
        raise InputError(f"what cannot be written as JSON: {error}") from error


def _id(item: Mapping[str, Any], key: str) -> str | None:
    """An id as text; null, or an empty one, is as good as none."""
    found = item.get(key)
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise InputError(f"`{key}` must be text or a number, not {found!r}")
    return str(found)
