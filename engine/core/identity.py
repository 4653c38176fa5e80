"""Who is who: the ids by which each user is known.

Ids live in two name spaces, since a shop may use the same text as a user id and as an anonymous id. Every id leads to
one canonical id. The rules, in the words of LANGUAGE.md ("Identity") and docs/decisions/identity.md:

- an anonymous id that becomes known (`identify` or `alias` with both ids) is from then on another name of that user,
  and what it did so far enters the user's timeline;
- when a second person logs in on the same device, the anonymous id, which by then names the first, comes to name the
  second; nothing is merged, what was done before stays with the first;
- an `alias` between two known users says that they are one: the previous becomes another name of the user.
"""

from collections.abc import Iterable
from typing import NamedTuple

from engine.core.events import Millis
from engine.core.repeats import Repeats, fingerprint

_ANONYMOUS = "a:"
_KNOWN = "k:"
_FORMER = "f:"
"""Before an anonymous id that has passed on to another person: the visitor of old."""


def known(user_id: str) -> str:
    """The id in the name space of users who have told who they are."""
    return _KNOWN + user_id


def anonymous(anonymous_id: str) -> str:
    """The id in the name space of visitors."""
    return _ANONYMOUS + anonymous_id


def is_anonymous(name: str) -> bool:
    """Whether an id is a visitor's."""
    return name.startswith(_ANONYMOUS)


def plain(name: str) -> str:
    """The id as the shop wrote it."""
    return name[len(_KNOWN) :]


class Linked(NamedTuple):
    """What a link between two ids asks for."""

    user: str
    """Canonical id of the user whose step it is."""
    absorbed: str | None
    """Canonical id of the user who enters that one's timeline in this step, if there is one."""


class Changes(NamedTuple):
    """What calls that link ids have changed."""

    links: dict[str, str]
    """Ids that lead elsewhere from now on."""
    linked: dict[int, Millis]
    """Fingerprints of the ids of the messages that said so, and when they came."""


class Identities:
    """The table of ids. Ids are as `known` and `anonymous` make them."""

    def __init__(self) -> None:
        self._leads_to: dict[str, str] = {}
        self._repeats = Repeats()
        self._changes = Changes({}, {})

    def __len__(self) -> int:
        """How many ids were met."""
        return len(self._leads_to)

    def resolve(self, user_id: str | None, anonymous_id: str | None) -> str:
        """The canonical id behind a call's ids as the shop wrote them; the user id counts where both are given.

        Raises:
            ValueError: neither is given.

        """
        if user_id is not None:
            return self._enter(known(user_id))
        if anonymous_id is not None:
            return self._enter(anonymous(anonymous_id))
        raise ValueError("an event needs a userId or an anonymousId")

    def find(self, name: str) -> str | None:
        """The canonical id behind an id; None for one that was never met."""
        return self._enter(name) if name in self._leads_to else None

    def heir(self, name: str) -> str | None:
        """The canonical id of whoever has what belonged to the user whose canonical id was `name`; None if unknown.

        Not always where that id leads now: a device may have come to name a second person.
        """
        former = _FORMER + name
        return self.find(former if former in self._leads_to else name)

    def link(self, previous: str, user: str) -> Linked:
        """Make `previous` another name of `user`."""
        seen = previous in self._leads_to
        user, former = self._enter(user), self._enter(previous)
        if former == user:
            return Linked(user, None)
        if previous != former and is_anonymous(previous):
            if _FORMER + previous not in self._leads_to:
                self._lead(_FORMER + previous, former)
            self._lead(previous, user)
            return Linked(user, None)
        self._lead(former, user)
        return Linked(user, former if seen else None)

    def login(self, anonymous_id: str, user_id: str, message_id: str = "", now: Millis = 0) -> Linked:
        """Link the two ids of an `identify` call; one that came before, within 24 hours, links nothing again."""
        if self._is_repeated(message_id, now):
            return Linked(self._enter(known(user_id)), None)
        return self.link(anonymous(anonymous_id), known(user_id))

    def alias(self, previous_id: str, user_id: str, message_id: str = "", now: Millis = 0) -> Linked:
        """Link a previous id, as in an `alias` call, which does not say which name space it is from.

        It means a visitor who is nobody else yet, or else the user of that id, or else the visitor who is by now
        another name of somebody; an id met for the first time comes to name the user in both name spaces.
        """
        user, visitor, previous = known(user_id), anonymous(previous_id), known(previous_id)
        if self._is_repeated(message_id, now):
            return Linked(self._enter(user), None)
        if self._leads_to.get(visitor) == visitor:
            return self.link(visitor, user)
        if previous in self._leads_to:
            return self.link(previous, user)
        if visitor not in self._leads_to:
            self.link(previous, user)
        return self.link(visitor, user)

    def changes(self) -> Changes:
        """What has changed since this was last asked, to be kept; see `restore`."""
        changes, self._changes = self._changes, Changes({}, {})
        return changes

    def restore(self, links: Iterable[tuple[str, str]], linked: Iterable[tuple[int, Millis]] = ()) -> None:
        """Take in what was kept: messages, and ids, each with the one that it leads to (if canonical, itself)."""
        self._leads_to.update(links)
        self._repeats.seen.update(linked)

    def forget(self, name: str) -> None:
        """Forget a canonical id that no other id leads to."""
        self._leads_to.pop(name, None)

    def _lead(self, name: str, user: str) -> None:
        self._leads_to[name] = self._changes.links[name] = user

    def _is_repeated(self, message_id: str, now: Millis) -> bool:
        if self._repeats.is_repeated(message_id, now):
            return True
        if message_id:
            self._changes.linked[fingerprint(message_id)] = now
        return False

    def _enter(self, name: str) -> str:
        """The canonical id, which an id met for the first time is itself."""
        leads_to = self._leads_to
        path = []
        while (after := leads_to.setdefault(name, name)) != name:
            path.append(name)
            name = after
        for step in path:
            leads_to[step] = name
        return name
