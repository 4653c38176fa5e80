"""What came of a round of killing, compared with the answer that is known."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from adapters.store.rows import read
from bench.receivers import Arrived
from engine import simulate
from engine.core.decisions import Firing
from engine.core.events import decode
from engine.core.timeline import Recorded
from engine.runtime.records import Dispatch


@dataclass
class Round:
    """One round, in numbers, and what was wrong in it."""

    seed: int
    kills: int = 0
    recovering: int = 0
    """Kills while it recovered from one."""
    leaving: int = 0
    """Kills after the last event was acknowledged."""
    events: int = 0
    rate: int = 0
    """Events acknowledged a second, while it ran."""
    sent_again: int = 0
    firings: int = 0
    deliveries: int = 0
    """Messages that arrived."""
    repeated: int = 0
    """Arrivals of a key that was known."""
    unconfirmed: int = 0
    wrong: list[str] = field(default_factory=list)


def examine(one: Round, database: Path, triggers: str, arrived: Arrived) -> None:
    """Compare what is in the database of a sidecar that has ended, and what arrived, with what must be."""
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        ((end,),) = connection.execute("SELECT now FROM mark")
        records = _records(connection)
        firings = [read(content, Firing) for (content,) in connection.execute("SELECT content FROM decisions")]
        messages = [read(content, Dispatch) for (content,) in connection.execute("SELECT content FROM outbox")]
    one.firings = len(firings)
    _examine_events(one, records)
    _examine_firings(one, triggers, records, firings, end)
    _examine_messages(one, firings, messages, arrived)


def _records(connection: apsw.Connection) -> list[tuple[str, Recorded]]:
    """All events that are kept, with their users, in the order of arrival."""
    query = "SELECT people.name, chunk FROM history JOIN people ON people.id = history.user"
    read_chunk = msgspec.msgpack.Decoder(list[Recorded]).decode
    chunks = ((name.removeprefix("k:"), read_chunk(chunk)) for name, chunk in connection.execute(query))
    found = [(name, record) for name, records in chunks for record in records]
    return sorted(found, key=lambda each: each[1].seq)


def _examine_events(one: Round, records: list[tuple[str, Recorded]]) -> None:
    counted = Counter(decode(record.properties)["n"] for _, record in records)
    missing = [number for number in range(one.events) if number not in counted]
    doubled = [number for number, times in counted.items() if times > 1]
    if missing:
        one.wrong.append(f"{len(missing)} acknowledged events are missing, such as {missing[0]}")
    if doubled:
        one.wrong.append(f"{len(doubled)} events count twice, such as {doubled[0]}")


def _examine_firings(
    one: Round, triggers: str, records: list[tuple[str, Recorded]], firings: list[Firing], end: int
) -> None:
    inputs = [
        {
            "type": "track",
            "userId": user,
            "event": record.name,
            "timestamp": record.ts,
            "receivedAt": record.received_at,
            "properties": decode(record.properties),
        }
        for user, record in records
    ]
    expected = Counter((each.user, each.trigger, each.at, each.per) for each in simulate(triggers, inputs, until=end))
    found = Counter((each.user, each.trigger, each.at, each.per) for each in firings)
    if expected - found:
        one.wrong.append(f"{(expected - found).total()} firings are missing, such as {next(iter(expected - found))}")
    if found - expected:
        one.wrong.append(f"{(found - expected).total()} firings are too many, such as {next(iter(found - expected))}")


def _examine_messages(one: Round, firings: list[Firing], messages: list[Dispatch], arrived: Arrived) -> None:
    came = {name: Counter(keys) for name, keys in arrived.requests.items()}
    one.deliveries = sum(map(len, came.values()))
    one.repeated = came["keyed"].total() - len(came["keyed"])
    one.unconfirmed = sum(message.state == "unconfirmed" for message in messages)
    twice = [key for key, times in came["plain"].items() if times > 1]
    if twice:
        one.wrong.append(f"{len(twice)} messages arrived twice where keys mean nothing")
    if len(messages) != sum(len(firing.messages) for firing in firings):
        one.wrong.append("the messages are not those of the firings")
    for message in messages:
        if message.state not in {"accepted", "unconfirmed"}:
            one.wrong.append(f"a message is {message.state}: {message.reason}")
        elif message.state == "accepted" and message.id not in came[message.destination]:
            one.wrong.append("a message is accepted and never arrived")
        elif message.state == "unconfirmed" and message.destination == "keyed":
            one.wrong.append("a message is unconfirmed where keys are recognised")
    strange = {key for keys in came.values() for key in keys} - {message.id for message in messages}
    if strange:
        one.wrong.append(f"{len(strange)} messages arrived that nobody decided")
