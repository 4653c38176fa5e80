"""Kill the sidecar again and again while events stream in, and see whether anything is lost or done twice.

Each round starts the real sidecar on a new database, streams events over the websocket, kills it with SIGKILL at random
moments, starts it again, and sends again what was not acknowledged, as a client does. In the end the database is read:
every acknowledged event must be there once, the decisions must be those that `engine.simulate` makes of the same
events, and what arrived at two receivers, one that recognises keys and one that does not, must be what the outbox says.

    python bench/crash.py --rounds 5
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import apsw
import httpx
import msgspec
import trio
from rich.console import Console
from rich.progress import Progress
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, open_websocket_url

from adapters.store.rows import read
from engine import simulate
from engine.core.decisions import Firing
from engine.core.timeline import Recorded
from engine.runtime.records import Dispatch

KEY = "crash"
USERS = 400
FRAME = 20
TRIGGERS = """
triggers:
  left: {when: cart then no (cart or order) within 900ms, per: cart_id, cooldown: 1h, send: [keyed, plain]}
  thrice: {when: count(view) >= 3 within 2s, cooldown: 1h, send: keyed}
  quiet: {when: inactive for 1500ms, cooldown: 1h, send: plain}
  spent: {when: sum(order.total) > 100 within 1h, send: keyed}
"""
_SETTLED = 3.0
"""Seconds after the last event in which every deadline passes."""

_PATIENCE = 60.0
"""Seconds that messages are given to end."""


@dataclass
class Round:
    """What came of one round."""

    seed: int
    events: int = 0
    kills: int = 0
    sent_again: int = 0
    firings: int = 0
    deliveries: int = 0
    unconfirmed: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Client:
    """What is to be sent, and how far that has got."""

    frames: list[list[dict[str, Any]]]
    acknowledged: int = 0
    sent: int = 0
    sent_again: int = 0


def main() -> int:
    """Play rounds; the exit status is 1 if anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--rate", type=int, default=3_000, help="events a second at most (default: 3000)")
    parser.add_argument("--seconds", type=float, default=3, help="of streaming in a round (default: 3)")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the others follow it")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    first = random.randrange(10**6) if arguments.seed is None else arguments.seed
    rounds, console = [], Console(stderr=True)
    with Progress(console=console) as progress:
        for number in progress.track(range(arguments.rounds), description="rounds"):
            one = play(first + number, arguments.rate, arguments.seconds)
            rounds.append(one)
            for text in one.wrong:
                console.print(f"seed {one.seed}: {text}", markup=False)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(one) for one in rounds], indent=1))
    return _told(rounds)


def _told(rounds: list[Round]) -> int:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in rounds)

    wrong = sum(bool(one.wrong) for one in rounds)
    figures = (
        f"{len(rounds)} rounds",
        f"{total('kills')} kills",
        f"{total('events'):,} events",
        f"{total('sent_again'):,} sent again",
        f"{total('firings'):,} firings",
        f"{total('deliveries'):,} deliveries",
        f"{total('unconfirmed')} unconfirmed",
    )
    print(f"{', '.join(figures)}: {wrong} rounds with anything lost or doubled")
    return 1 if wrong else 0


def play(seed: int, rate: int, seconds: float) -> Round:
    """One round."""
    draw = random.Random(seed)
    one = Round(seed)
    with tempfile.TemporaryDirectory() as folder, receivers() as arrived:
        config = _configured(Path(folder), arrived.urls)
        client = Client(_frames(draw, round(rate * seconds)))
        began = time.time()
        while client.acknowledged < len(client.frames):
            alive = draw.uniform(0.3, 1.5 * seconds)
            with _sidecar(config) as (process, url):
                trio.run(_stream, client, url, rate / FRAME, began, alive)
                if client.acknowledged < len(client.frames):
                    process.send_signal(signal.SIGKILL)
                    one.kills += 1
                    process.wait()
                    continue
                _settle(url)
                process.send_signal(signal.SIGTERM)
                process.wait()
        one.events, one.sent_again = sum(map(len, client.frames)), client.sent_again
        _examine(one, Path(folder) / "data" / "impel.db", arrived)
    return one


def _frames(draw: random.Random, events: int) -> list[list[dict[str, Any]]]:
    calls = [_call(draw, number) for number in range(events)]
    return [calls[start : start + FRAME] for start in range(0, events, FRAME)]


def _call(draw: random.Random, number: int) -> dict[str, Any]:
    name = draw.choice(("view", "view", "cart", "order"))
    properties = {"n": number, "cart_id": draw.choice("ab"), "total": draw.randrange(60)}
    user = f"u{draw.randrange(USERS)}"
    return {"type": "track", "userId": user, "event": name, "messageId": f"m{number}", "properties": properties}


async def _stream(client: Client, url: str, rate: float, began: float, alive: float) -> None:
    """Send frames at a rate, each after the last one's answer, for some seconds or until there are no more."""
    address = f"ws{url.removeprefix('http')}/v1/stream?key={KEY}"
    with trio.move_on_after(alive):
        while client.acknowledged < len(client.frames):
            try:
                async with open_websocket_url(address) as connection:
                    await _send(client, connection, rate, began)
            except (ConnectionClosed, HandshakeError, OSError):
                await trio.sleep(0.02)


async def _send(client: Client, connection: WebSocketConnection, rate: float, began: float) -> None:
    client.sent_again += (client.sent - client.acknowledged) * FRAME
    while client.acknowledged < len(client.frames):
        await trio.sleep(max(began + client.acknowledged / rate - time.time(), 0))
        client.sent = client.acknowledged + 1
        await connection.send_message(json.dumps(client.frames[client.acknowledged]))
        answer = json.loads(await connection.get_message())
        assert answer == {"accepted": FRAME, "rejected": []}, answer  # noqa: S101 - or the round means nothing
        client.acknowledged += 1


# The sidecar, and those who receive ---------------------------------------------------------------------------------


class Arrived:
    """What arrived at the two receivers, by key; the one named `keyed` does nothing for a key that it has seen."""

    def __init__(self) -> None:
        self.requests: dict[str, list[str]] = {"keyed": [], "plain": []}
        self.urls: dict[str, str] = {}


@contextmanager
def receivers() -> Iterator[Arrived]:
    """Two servers that say yes to everything."""
    arrived = Arrived()
    servers = []
    for name in arrived.requests:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _receiver(arrived.requests[name]))
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the sidecar is killed in mid-request
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        arrived.urls[name] = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield arrived
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _receiver(keys: list[str]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Receiver


def _configured(folder: Path, urls: dict[str, str]) -> Path:
    config = folder / "config"
    (config / "triggers").mkdir(parents=True)
    (config / "messages").mkdir()
    (config / "triggers" / "all.yaml").write_text(TRIGGERS)
    for name in urls:
        (config / "messages" / f"{name}.yaml").write_text(f"destination: {name}\ndata: {{user: '{{{{ user }}}}'}}\n")
    settings = {
        "data": str(folder / "data"),
        "idle_after": "1s",
        "awake_users": USERS // 2,
        "destinations": {
            "keyed": {"kind": "webhook", "url": urls["keyed"], "deduplicates": "24h"},
            "plain": {"kind": "webhook", "url": urls["plain"]},
        },
    }
    (config / "impel.yaml").write_text(json.dumps(settings))
    return config


@contextmanager
def _sidecar(config: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    address = config.parent / "data" / "address"
    address.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-c",
        "from adapters.cli import main; main()",
        "run",
        "--config",
        str(config),
        "--port",
        "0",
    ]
    environment = os.environ | {"IMPEL_WRITE_KEY": KEY}
    log = (config.parent / "log").open("ab")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command
    deadline = time.monotonic() + 30
    while not (address.exists() and address.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit((config.parent / "log").read_text()[-2_000:])
        time.sleep(0.01)
    try:
        yield process, address.read_text().strip()
    finally:
        process.kill()
        process.wait()
        log.close()


def _settle(url: str) -> None:
    """Wait until every deadline has passed and every message has ended."""
    time.sleep(_SETTLED)
    deadline = time.monotonic() + _PATIENCE
    while "impel_messages_waiting 0.0" not in httpx.get(f"{url}/metrics").text and time.monotonic() < deadline:
        time.sleep(0.2)


# What came of it ----------------------------------------------------------------------------------------------------


def _examine(one: Round, database: Path, arrived: Arrived) -> None:
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        ((end,),) = connection.execute("SELECT now FROM mark")
        records = _records(connection)
        firings = [read(content, Firing) for (content,) in connection.execute("SELECT content FROM decisions")]
        messages = [read(content, Dispatch) for (content,) in connection.execute("SELECT content FROM outbox")]
    one.firings = len(firings)
    _examine_events(one, records)
    _examine_firings(one, records, firings, end)
    _examine_messages(one, messages, arrived)


def _records(connection: apsw.Connection) -> list[tuple[str, Recorded]]:
    """All events that are kept, with their users, in the order of arrival."""
    query = "SELECT people.name, chunk FROM history JOIN people ON people.id = history.user"
    decode = msgspec.msgpack.Decoder(list[Recorded]).decode
    found = [(name.removeprefix("k:"), record) for name, chunk in connection.execute(query) for record in decode(chunk)]
    return sorted(found, key=lambda each: each[1].seq)


def _examine_events(one: Round, records: list[tuple[str, Recorded]]) -> None:
    counted = Counter(json.loads(record.properties)["n"] for _, record in records)
    missing = [number for number in range(one.events) if number not in counted]
    doubled = [number for number, times in counted.items() if times > 1]
    if missing:
        one.wrong.append(f"{len(missing)} acknowledged events are missing, such as {missing[0]}")
    if doubled:
        one.wrong.append(f"{len(doubled)} events count twice, such as {doubled[0]}")


def _examine_firings(one: Round, records: list[tuple[str, Recorded]], firings: list[Firing], end: int) -> None:
    inputs = [
        {
            "type": "track",
            "userId": user,
            "event": record.name,
            "timestamp": record.ts,
            "receivedAt": record.received_at,
            "properties": json.loads(record.properties),
        }
        for user, record in records
    ]
    expected = Counter((each.user, each.trigger, each.at, each.per) for each in simulate(TRIGGERS, inputs, until=end))
    found = Counter((each.user, each.trigger, each.at, each.per) for each in firings)
    if expected - found:
        one.wrong.append(f"{(expected - found).total()} firings are missing, such as {next(iter(expected - found))}")
    if found - expected:
        one.wrong.append(f"{(found - expected).total()} firings are too many, such as {next(iter(found - expected))}")


def _examine_messages(one: Round, messages: list[Dispatch], arrived: Arrived) -> None:
    one.deliveries = sum(len(set(keys)) for keys in arrived.requests.values())
    one.unconfirmed = sum(message.state == "unconfirmed" for message in messages)
    twice = [key for key, times in Counter(arrived.requests["plain"]).items() if times > 1]
    if twice:
        one.wrong.append(f"{len(twice)} messages arrived twice where keys mean nothing")
    for message in messages:
        came = message.id in arrived.requests[message.destination]
        if message.state not in {"accepted", "unconfirmed"}:
            one.wrong.append(f"a message is {message.state}: {message.reason}")
        elif message.state == "accepted" and not came:
            one.wrong.append("a message is accepted and never arrived")
        elif message.state == "unconfirmed" and message.destination == "keyed":
            one.wrong.append("a message is unconfirmed where keys are recognised")
    strange = {key for keys in arrived.requests.values() for key in keys} - {message.id for message in messages}
    if strange:
        one.wrong.append(f"{len(strange)} messages arrived that nobody decided")


if __name__ == "__main__":
    sys.exit(main())
