"""Random trigger files and the streams that try their edges: gaps that hit a span exactly or miss it by a millisecond.

What the language leaves open stays out: `received_at` going back together with identities, repeats or an `until`, late
events under a short retention, values watched whose events are all forgotten, a repeat as the last input of a run
without `until`, and aliases of an anonymous id that already names someone else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.reference.conditions import DAY, HOUR, MINUTE, NAMES, SPANS, names_in, rules
from tests.reference.terms import Case

START = 1_700_000_000_000
SHORT = 3 * HOUR
LONG = 90 * DAY

PROPERTIES: dict[str, tuple[Any, ...]] = {
    "price": (5, 10, 10.0, 10.1, 20, 20.2, 0.1, 0.2, 0.3, -1, True, "20", None, [10]),
    "cat": ("a", "b", "ab", 1, True, None, ""),
    "tags": (["a"], ["a", 1], [True], "abc", [], 10),
    "time_spent": (29, 30, 30.5, 5400, "30"),
    "cart": ({"total": 10}, {"total": 20.5, "id": "c"}, {}, "c", None),
}
TRAITS: dict[str, tuple[Any, ...]] = {
    "plan": ("vip", "free", None, 1, 1.0, True),
    "age": (17, 18, 18.5, "18", None),
    "home": ({"city": "x"}, {"city": None}, {}, None),
    "tags": (["a"], ["b", 1], None),
}
WATCHED = (1, 1, 1, 1.0, 1.0, True, "1", "c", 0, "", False, None, [1])
ONE_WATCHED = (1, 1.0, None)


@dataclass
class Stream:
    """The inputs of one case, as they are made up."""

    random: Random
    history_after: int
    late: bool
    backwards: bool
    repeats: bool
    names: tuple[str, ...]
    watched: tuple[Any, ...]
    archive: bool
    now: int = START

    def gap(self) -> int:
        random = self.random
        span = random.choice(SPANS)
        return random.choice((0, 0, 1, MINUTE, 10 * MINUTE, span, span, span - 1, span + 1, span // 2))

    def lateness(self) -> int:
        random = self.random
        if not self.late or random.random() < 0.7:
            return 0
        span = random.choice((*SPANS, self.history_after))
        return random.choice((1, MINUTE, span, span - 1, span + 1, span // 2, self.history_after + 1))

    def times(self) -> dict[str, Any]:
        """Move on, and give the times of the next call."""
        random = self.random
        self.now += self.gap()
        claimed = self.now
        if self.backwards and random.random() < 0.3:
            claimed -= random.choice((1, MINUTE, HOUR))
        ts = claimed - self.lateness()
        if random.random() < 0.05:
            ts = claimed + random.choice((1, HOUR))
        if ts == claimed and random.random() < 0.3:
            return {"timestamp": self.write(ts)}
        return {"timestamp": self.write(ts), "receivedAt": self.write(claimed)}

    def write(self, ms: int) -> int | str:
        if self.random.random() < 0.8:
            return ms
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def bag(self, source: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
        return {name: self.random.choice(values) for name, values in source.items() if self.random.random() < 0.5}

    def call(self, who: dict[str, Any]) -> dict[str, Any]:
        roll = self.random.random()
        if self.archive and self.random.random() < 0.2:
            who = who | {"imported": True}
        if roll < 0.08:
            return {"type": "identify", **who, "traits": self.bag(TRAITS), **self.times()}
        if roll < 0.1:
            return {"type": "group", **who, "groupId": "g", "traits": {"size": 3}, **self.times()}
        properties = self.bag(PROPERTIES)
        if self.random.random() < 0.8:
            properties["item"] = self.random.choice(self.watched)
        if roll < 0.14:
            kind = self.random.choice(("page", "screen"))
            return {"type": kind, **who, "name": "home", "properties": properties, **self.times()}
        event = self.random.choice(self.names)
        return {"type": "track", **who, "event": event, "properties": properties, **self.times()}


def link(random: Random, users: list[str], known: set[str]) -> dict[str, str]:
    """Give the ids of a call that joins two names."""
    user = random.choice(users)
    if random.random() < 0.3:
        former = random.choice([one for one in (*users, "x2") if one not in known])
        known |= {"x2"} & {former}
        return {"type": "alias", "userId": user, "previousId": former}
    anonymous = random.choice(("x1", "x2"))
    known.add(anonymous)
    return {"type": "identify", "userId": user, "anonymousId": anonymous}


def inputs(random: Random, stream: Stream, identities: bool) -> list[dict[str, Any]]:
    """Give the calls of one to three people, interleaved, some sent twice."""
    users = ["u1", "u2", "u3"][: random.choice((1, 1, 2, 3))]
    known: set[str] = set()
    calls: list[dict[str, Any]] = []
    for number in range(random.choice((5, 10, 15, 20, 20, 25, 25))):
        who = {"userId": random.choice(users)}
        if identities and random.random() < 0.5:
            who = {"anonymousId": random.choice(("x1", "x2"))}
        if identities and number > 2 and random.random() < 0.12:
            traits = {"traits": stream.bag(TRAITS)} if random.random() < 0.5 else {}
            call = link(random, users, known) | stream.times()
            calls.append(call | traits if call["type"] == "identify" else call)
        elif calls and stream.repeats and random.random() < 0.15:
            again = {name: value for name, value in random.choice(calls[-3:]).items() if name != "receivedAt"}
            calls.append(again | stream.times())
        else:
            calls.append(stream.call(who) | {"messageId": f"m{number}"})
    return calls


def case(random: Random) -> Case:
    """Give one case to compare."""
    short = random.random() < 0.15
    made = rules(random, short)
    history_after = random.choice((HOUR, 2 * HOUR, 24 * HOUR))
    identities = not short and random.random() < 0.3
    mentioned = tuple(sorted(names_in(made.triggers) - {"page"})) or ("view",)
    backwards = not identities and random.random() < 0.1
    repeats = not identities and not backwards and random.random() < 0.3
    stream = Stream(
        random,
        history_after,
        late=not short and random.random() < 0.6,
        backwards=backwards,
        repeats=repeats,
        names=(*mentioned * 4, *NAMES),
        watched=ONE_WATCHED if short else WATCHED,
        archive=random.random() < 0.3,
    )
    calls = inputs(random, stream, identities)
    until: int | None = stream.now + random.choice((0, HOUR, 2 * HOUR, 12 * HOUR))
    if not backwards and random.random() < 0.1:
        until = random.randint(START, stream.now)
    elif not backwards and not repeats and random.random() < 0.2:
        until = None
    return Case(made, tuple(calls), until, history_after, SHORT if short else LONG)
