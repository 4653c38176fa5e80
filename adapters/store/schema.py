"""The tables of a database, and how an older one becomes a newer one.

Two kinds of table, because they are written and read differently: the journal, one row per commit, needed only until
the users it concerns are saved; and what is kept by user, a narrow row for the agenda, the state apart from it, and
history appended in the order of time, one row per visit. Blobs whose damage SQLite would not notice bear a checksum.
"""

import apsw

from engine.runtime.ports import StoreError

APPLICATION = 0x496D706C
"""`Impl`, as SQLite's `application_id`."""

_FIRST = """
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

_COMMITS = """
ALTER TABLE decisions ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mark ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
UPDATE decisions SET commits = (SELECT commits FROM mark);
UPDATE outbox SET commits = (SELECT commits FROM mark);
CREATE INDEX decisions_by_commit ON decisions (commits);
CREATE INDEX outbox_by_commit ON outbox (commits);
"""
"""Decisions and messages bear the commit of their last change; what was there before counts as of the last one."""

_SUPPRESSIONS = """
CREATE TABLE suppressions (id INTEGER PRIMARY KEY, address TEXT NOT NULL, channel TEXT NOT NULL, list TEXT NOT NULL,
                           why TEXT NOT NULL, at INTEGER NOT NULL, source TEXT NOT NULL,
                           UNIQUE (address, channel, list)) STRICT;
"""
"""Addresses that nothing is sent to."""

_COUNTS = """
CREATE TABLE counts (trigger TEXT NOT NULL, version TEXT NOT NULL, variant TEXT NOT NULL, what TEXT NOT NULL,
                     gate TEXT NOT NULL, amount REAL NOT NULL, since INTEGER NOT NULL,
                     PRIMARY KEY (trigger, version, variant, what, gate)) STRICT, WITHOUT ROWID;
"""
"""What came of each trigger, counted."""

_ADDRESSES = """
ALTER TABLE outbox ADD COLUMN destination TEXT;
ALTER TABLE outbox ADD COLUMN address TEXT;
CREATE INDEX outbox_by_address ON outbox (address, destination, changed) WHERE state = 'accepted' AND address <> '';
CREATE INDEX outbox_mailed ON outbox (destination, changed, address) WHERE state = 'accepted' AND address <> '';
CREATE TABLE cursors (name TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
"""For whom each message was accepted, and how far services that are asked have told; what was there before says not."""

_EVENTS = """
CREATE TABLE events (name TEXT PRIMARY KEY, number INTEGER NOT NULL, since INTEGER NOT NULL, last INTEGER NOT NULL,
                     shape BLOB NOT NULL) STRICT;
"""
"""What events there are; what was there before was not counted."""

MIGRATIONS = (_FIRST, _COMMITS, _SUPPRESSIONS, _COUNTS, _ADDRESSES, _EVENTS)
"""What makes each version of the schema from the one before; the first, of an empty file."""

VERSION = len(MIGRATIONS)


def prepare(connection: apsw.Connection, path: str) -> None:
    """Make the file a database of this version.

    Raises:
        StoreError: it is somebody else's, or a newer Impel's.

    """
    version = connection.pragma("user_version")
    application = connection.pragma("application_id")
    if application != APPLICATION and (application or version or connection.pragma("schema_version")):
        raise StoreError(f"{path} is a database, but not Impel's; name another folder as `data`")
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer Impel (schema {version}; this one reads up to {VERSION}): run that one, or"
            " put back a copy that was made before"
        )
    with connection:
        for migration in MIGRATIONS[version:]:
            connection.execute(migration)
        connection.pragma("application_id", APPLICATION)
        connection.pragma("user_version", VERSION)
