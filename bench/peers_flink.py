"""The two rules of `peers.yaml` as Flink SQL; run by the Python of a venv that has `apache-flink`, with a Java.

    python peers_flink.py EVENTS.jsonl WARMING.jsonl FOLDER

writes what fires into FOLDER/fired, as CSV, and prints wall and CPU seconds: of the job, from its planning to its end.
The start of the JVM is not in them, nor a first run over WARMING.jsonl, in which classes are loaded and compiled.
"""

import json
import os
import sys
import time
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

SETTINGS = {"parallelism.default": "1", "pipeline.object-reuse": "true", "table.local-time-zone": "UTC"}
EVENTS = """
CREATE TABLE events (
    seq BIGINT, `userId` STRING, event STRING, `timestamp` BIGINT, properties ROW<product STRING>,
    rt AS TO_TIMESTAMP_LTZ(`timestamp`, 3), WATERMARK FOR rt AS rt - INTERVAL '0.001' SECOND
) WITH ('connector' = 'filesystem', 'path' = '{file}', 'format' = 'json')
"""
SINK = """
CREATE TABLE {name} (who STRING, at_ms BIGINT)
WITH ('connector' = 'filesystem', 'path' = '{folder}/{name}', 'format' = 'csv')
"""
# Only what the rule is about enters the pattern, so that A and B are neighbours: the cheapest form found.
LOOKED_ON = """
INSERT INTO looked_on SELECT `userId`, at_ms FROM (
    SELECT seq, `userId`, event, properties.product AS product, `timestamp`, rt FROM events
    WHERE event = 'purchased' OR event = 'viewed' AND properties.product IN ('A', 'B')
) MATCH_RECOGNIZE (
    PARTITION BY `userId` ORDER BY rt, seq
    MEASURES B.`timestamp` AS at_ms
    ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW
    PATTERN (A B) WITHIN INTERVAL '48' HOUR
    DEFINE
        A AS A.event = 'viewed' AND A.product = 'A',
        B AS B.event = 'viewed' AND B.product = 'B' AND B.`timestamp` - A.`timestamp` < 172800000
)
"""
CART_LEFT = """
INSERT INTO cart_left SELECT c.`userId`, c.`timestamp` + 86400000
FROM (SELECT * FROM events WHERE event = 'cart_abandoned') c
LEFT JOIN (SELECT * FROM events WHERE event = 'purchased') p
ON c.`userId` = p.`userId` AND p.rt >= c.rt AND p.rt < c.rt + INTERVAL '24' HOUR
    AND (p.`timestamp` > c.`timestamp` OR p.seq > c.seq)
WHERE p.`userId` IS NULL
"""


def main(file: str, warming: str, folder: str) -> None:
    """Run both rules over one reading of the file, after another over one that warms the JVM."""
    _run(Path(warming), Path(folder) / "warming")
    begin, cpu = time.perf_counter(), _cpu()
    _run(Path(file), Path(folder) / "fired")
    print(json.dumps({"wall": time.perf_counter() - begin, "cpu": _cpu() - cpu}))


def _run(file: Path, folder: Path) -> None:
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in SETTINGS.items():
        table.get_config().set(key, value)
    table.execute_sql(EVENTS.format(file=file.absolute().as_uri()))
    for name in ("looked_on", "cart_left"):
        table.execute_sql(SINK.format(name=name, folder=folder.absolute().as_uri()))
    both = table.create_statement_set()
    both.add_insert_sql(LOOKED_ON)
    both.add_insert_sql(CART_LEFT)
    both.execute().wait()


def _cpu() -> float:
    """CPU seconds of this process and of the JVM, its child; Linux says."""
    own = os.getpid()
    children = Path(f"/proc/self/task/{own}/children").read_text().split()
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in [str(own), *children]]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*sys.argv[1:])
