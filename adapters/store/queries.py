"""What is asked of a database. Where it comes in pages, rows begin with the key by which they are ordered."""

VERSIONS = "SELECT number, at, digest, content FROM versions WHERE number > ? ORDER BY number LIMIT ?"
LINKS = "SELECT name, user FROM links WHERE name > ? ORDER BY name LIMIT ?"
LINKED = "SELECT id, message, at FROM linked WHERE id > ? ORDER BY id LIMIT ?"
SUPPRESSIONS = "SELECT id, address, channel, list, why, at, source FROM suppressions WHERE id > ? ORDER BY id LIMIT ?"
JOURNAL = "SELECT commits, entries, checksum FROM journal WHERE commits > ? ORDER BY commits LIMIT ?"
PEOPLE = "SELECT id, name, number, horizon FROM people WHERE id > ? ORDER BY id LIMIT ?"
UNENDED = "SELECT id, content FROM outbox WHERE state IN ('due', 'held', 'sending') AND id > ? ORDER BY id LIMIT ?"
PUBLISHED = """
    SELECT commits, name, version, content FROM (
        SELECT commits, 0 AS kind, id, name, version, content FROM decisions WHERE commits > ?1 AND commits <= ?2
        UNION ALL SELECT commits, 1, id, NULL, NULL, content FROM outbox WHERE commits > ?1 AND commits <= ?2
        ORDER BY 1, 2, 3 LIMIT ?3)"""
ACCEPTED_FOR = """
    SELECT content FROM outbox WHERE state = 'accepted' AND address <> '' AND address = ? AND destination = ?
    AND changed BETWEEN ? AND ? ORDER BY changed DESC, id DESC LIMIT 1"""
MAILED = """
    SELECT address FROM outbox WHERE state = 'accepted' AND address <> '' AND destination = ? AND changed >= ?
    ORDER BY changed DESC LIMIT ?"""
CHANGED = "SELECT content FROM outbox WHERE (changed, message) > (?, ?) ORDER BY changed, message LIMIT ?"
COUNTS = "SELECT trigger, version, variant, what, gate, amount, since FROM counts"
EVENTS = "SELECT name, number, since, last, shape FROM events ORDER BY name"
BEHIND = "SELECT name FROM people WHERE version < ? AND name > ? ORDER BY name LIMIT ?"
