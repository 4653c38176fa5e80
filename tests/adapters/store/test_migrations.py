"""A database that an older version wrote is made one of this version, with all that it holds."""

from pathlib import Path

import apsw

from adapters.store.rows import checksum, entries_to_bytes
from adapters.store.schema import APPLICATION
from engine.core.events import encode
from engine.runtime.records import Kept, Mark, Published
from tests.adapters.store.conftest import opening
from tests.adapters.store.test_contract import every, kept
from tests.adapters.store.values import batch, decision, dispatch, entry

FIRST = """
CREATE TABLE mark (id INTEGER PRIMARY KEY CHECK (id = 1), commits INTEGER NOT NULL, number INTEGER NOT NULL,
                   now INTEGER NOT NULL) STRICT;
INSERT INTO mark VALUES (1, 0, 0, 0);
CREATE TABLE versions (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, digest TEXT NOT NULL,
                       content BLOB NOT NULL) STRICT;
CREATE TABLE journal (commits INTEGER PRIMARY KEY, entries BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, number INTEGER NOT NULL,
                     version INTEGER NOT NULL, horizon INTEGER NOT NULL, touched INTEGER NOT NULL,
                     bare INTEGER NOT NULL) STRICT;
CREATE TABLE states (id INTEGER PRIMARY KEY, state BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
CREATE TABLE history (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, saved_at INTEGER NOT NULL, chunk BLOB NOT NULL,
                      checksum BLOB NOT NULL) STRICT;
CREATE INDEX history_by_user ON history (user);
CREATE TABLE links (name TEXT PRIMARY KEY, user TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_user ON links (user);
CREATE TABLE linked (id INTEGER PRIMARY KEY, message INTEGER NOT NULL UNIQUE, at INTEGER NOT NULL) STRICT;
CREATE TABLE decisions (id INTEGER PRIMARY KEY, firing TEXT NOT NULL UNIQUE, name TEXT NOT NULL, at INTEGER NOT NULL,
                        version INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
CREATE INDEX decisions_by_name ON decisions (name);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, message TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
                     changed INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
CREATE INDEX outbox_unended ON outbox (id) WHERE state IN ('due', 'held', 'sending');
CREATE INDEX outbox_by_change ON outbox (changed);
CREATE INDEX outbox_by_name ON outbox (name);

"""
"""The schema of version 1, as it was released."""


def write_version_1(database: Path) -> None:
    """Write what version 1 wrote: a user, a turn, two decisions and a message."""
    connection = apsw.Connection(str(database))
    connection.execute(FIRST)
    connection.pragma("application_id", APPLICATION)
    connection.pragma("user_version", 1)
    entries = entries_to_bytes([entry(7)])
    connection.execute("INSERT INTO journal VALUES (4, ?, ?)", (entries, checksum(entries, 4)))
    connection.execute("INSERT INTO people VALUES (1, 'k:u', 6, 1, 99, 10, 0)")
    connection.execute("INSERT INTO states VALUES (1, ?, ?)", (b"state", checksum(b"state", 1)))
    insert = "INSERT INTO decisions (firing, name, at, version, content) VALUES (?, ?, ?, ?, ?)"
    for made in (decision(1), decision(2, per="x")):
        connection.execute(insert, (made.firing.id, made.name, made.firing.at, made.version, encode(made.firing)))
    sent = dispatch(1, state="accepted")
    insert = "INSERT INTO outbox (message, name, state, changed, content) VALUES (?, ?, ?, ?, ?)"
    connection.execute(insert, (sent.id, sent.name, sent.state, sent.changed, encode(sent)))
    connection.execute("UPDATE mark SET commits = 5, number = 7, now = 70")
    connection.close()


async def test_a_database_of_version_1_keeps_its_rows(database: Path) -> None:
    write_version_1(database)
    async with opening(database) as store:
        assert await store.mark() == Mark(5, 7, 70)
        assert await every(store.journal()) == [entry(7)]
        assert await kept(store) == Kept(6, 1, b"state", ())
        assert await store.dispatch("f1:hello") == dispatch(1, state="accepted")


async def test_a_message_of_version_1_is_found_by_its_address_when_it_is_handed_over_again(database: Path) -> None:
    write_version_1(database)
    async with opening(database) as store:
        assert await store.mailed("there", 0, 9) == []
        assert await store.accepted_for("", "there", 0, 99) is None
        again = dispatch(1, state="accepted", changed=70, address="ada@x.example")
        await store.write(batch(dispatches={again.id: again}, cursors={"there": "7"}))
    async with opening(database) as store:
        assert await store.mailed("there", 0, 9) == ["ada@x.example"]
        assert await store.accepted_for("ada@x.example", "there", 0, 99) == again
        assert await store.cursor("there") == "7"


async def test_what_version_1_decided_is_published_as_of_its_last_commit(database: Path) -> None:
    write_version_1(database)
    async with opening(database) as store:
        await store.write(batch(decisions=[decision(3)]))
        assert await store.published(0, 9, 100) == [
            Published(5, decision(1)),
            Published(5, decision(2, per="x")),
            Published(5, dispatch(1, state="accepted")),
            Published(6, decision(3)),
        ]
