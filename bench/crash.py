"""Kill the sidecar again and again while events stream in, and see whether anything is lost or done twice.

Each round starts the real sidecar on a new database, streams events over three websockets, kills it with SIGKILL at
random moments, in mid-stream, sometimes again while it recovers, and sometimes when all events are in and messages
still leave; starts it again, and sends again what was not acknowledged, as a client does. In the end the database is
read: every acknowledged event must be there once, the decisions must be those that `engine.simulate` makes of the same
events, and what arrived at two receivers, one that recognises keys and one that does not, must be what the outbox says.

    python bench/crash.py --rounds 5 --jobs 2
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import trio
from rich.console import Console
from rich.progress import Progress
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, open_websocket_url

from bench.answer import Round, examine
from bench.receivers import TIMEOUT, receivers
from bench.sidecar import Sidecar, configure, started

OFTEN, SELDOM = 100, 100
"""Users who come all the time, and those who come now and then, with a tenth of the events."""

_AWAKE = 150
"""How many may be awake, so that all the time some fall asleep and come back."""

FRAME = 100
LANES = 3
"""Connections over which frames stream in."""

TRIGGERS = """
triggers:
  left: {when: cart then no (cart or order) within 900ms, per: cart_id}
  thrice: {when: count(view) >= 3 within 300ms}
  spent: {when: sum(order.total) > 100 within 1s}
  quiet: {when: inactive for 1200ms, cooldown: 1h}
  asked: {when: "order[lot == 0]", send: [keyed, plain]}
  gone: {when: "view[lot < 2] then no view within 800ms", send: [plain, keyed]}
"""
_SLOWEST = 1_000
"""Events a second, while it runs, below which a round counts for little: the machine is busy with something else."""

_RECOVERING, _LEAVING = 0.3, 0.5
"""How often a kill is followed by one while it recovers, and a round has one while the last messages leave."""

_SETTLED = (
    "impel_deadlines_armed",
    "impel_turns_waiting",
    "impel_turns_uncommitted",
    "impel_messages_waiting",
    "impel_users_unsaved",
)
"""What must be at nought in the end; what is not saved would be missing in the tables that are read."""

_PATIENCE = 60.0
"""Seconds that deadlines and messages are given to end."""


class Kill(NamedTuple):
    """When it is killed: when so many frames are acknowledged, and then so many seconds later."""

    frames: int
    seconds: float


class Stream:
    """What is to be sent, and how far that has got. Each connection has frames of its own."""

    def __init__(self, frames: list[list[dict[str, Any]]], rate: float) -> None:
        self.lanes = [frames[lane::LANES] for lane in range(LANES)]
        self.acknowledged = [0] * LANES
        self.sent = [0] * LANES
        self.sent_again = 0
        """Frames."""
        self.events = self.uptime = 0.0
        """Acknowledged after the first answer of each life of the sidecar, and the seconds of that."""
        self._pause = FRAME * LANES / rate
        self._began = time.monotonic()
        self._news = trio.Event()

    @property
    def frames(self) -> int:
        """How many are acknowledged."""
        return sum(self.acknowledged)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(map(len, self.lanes))

    async def run(self, sidecar: Sidecar, kill: Kill | None) -> None:
        """Send until the sidecar is to be killed, or all is sent, and do it."""
        self._first, before = 0.0, self.frames
        async with trio.open_nursery() as nursery:
            for lane in range(LANES):
                nursery.start_soon(self._lane, lane, sidecar)
            while self.frames < (kill.frames if kill else self.total):
                self._news = trio.Event()
                await self._news.wait()
            if self.frames > before:
                self.events += FRAME * (self.frames - before - 1)
                self.uptime += time.monotonic() - self._first
            if kill is not None:
                await trio.sleep(kill.seconds)
                sidecar.process.kill()
                nursery.cancel_scope.cancel()

    async def _lane(self, lane: int, sidecar: Sidecar) -> None:
        """Send frames at a rate, each after the last one's answer."""
        while self.acknowledged[lane] < len(self.lanes[lane]):
            try:
                async with open_websocket_url(sidecar.stream) as connection:
                    await self._send(lane, connection)
            except (ConnectionClosed, HandshakeError, OSError):
                sidecar.check()
                await trio.sleep(0.02)

    async def _send(self, lane: int, connection: WebSocketConnection) -> None:
        frames, acknowledged = self.lanes[lane], self.acknowledged
        while acknowledged[lane] < len(frames):
            await trio.sleep(max(self._began + acknowledged[lane] * self._pause - time.monotonic(), 0))
            self.sent_again += acknowledged[lane] < self.sent[lane]
            self.sent[lane] = acknowledged[lane] + 1
            await connection.send_message(json.dumps(frames[acknowledged[lane]]))
            answer = json.loads(await connection.get_message())
            assert answer == {"accepted": FRAME, "rejected": []}, answer  # noqa: S101 - or the round means nothing
            self._first = self._first or time.monotonic()
            acknowledged[lane] += 1
            self._news.set()


def main() -> int:
    """Play rounds; the exit status is 1 if anything was lost or doubled, or all rounds were too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--rate", type=int, default=3_000, help="events a second at most (default: 3000)")
    parser.add_argument("--seconds", type=float, default=2.5, help="of streaming in a round (default: 2.5)")
    parser.add_argument("--jobs", type=int, default=1, help="rounds at a time (default: 1)")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the others follow it")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    first = random.randrange(10**6) if arguments.seed is None else arguments.seed
    one_round = partial(play, rate=arguments.rate, seconds=arguments.seconds)
    rounds, console = [], Console(stderr=True)
    with Progress(console=console) as progress, multiprocessing.Pool(arguments.jobs) as pool:
        task = progress.add_task("rounds", total=arguments.rounds)
        for one in pool.imap_unordered(one_round, range(first, first + arguments.rounds)):
            rounds.append(one)
            progress.advance(task)
            for text in one.wrong:
                console.print(f"seed {one.seed}: {text}", markup=False)
            if arguments.json is not None:
                arguments.json.write_text(json.dumps([asdict(one) for one in rounds], indent=1))
    return _told(rounds)


def _told(rounds: list[Round]) -> int:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in rounds)

    wrong = sum(bool(one.wrong) for one in rounds)
    slow = sum(one.rate < _SLOWEST for one in rounds)
    figures = (
        f"{len(rounds)} rounds",
        f"{total('kills')} kills ({total('recovering')} while it recovered, {total('leaving')} after the last event)",
        f"{total('events'):,} events",
        f"{min(one.rate for one in rounds):,} to {max(one.rate for one in rounds):,} a second",
        f"{total('sent_again'):,} sent again",
        f"{total('firings'):,} firings",
        f"{total('deliveries'):,} deliveries",
        f"{total('repeated'):,} repeated with their key",
        f"{total('unconfirmed')} unconfirmed",
    )
    print(f"{', '.join(figures)}: {wrong} rounds with anything lost or doubled")
    if slow:
        print(f"{slow} rounds count for little: fewer than {_SLOWEST:,} events a second came in")
    return 1 if wrong or slow == len(rounds) else 0


def play(seed: int, rate: int, seconds: float) -> Round:
    """One round."""
    draw = random.Random(seed)
    one = Round(seed)
    with tempfile.TemporaryDirectory() as folder, receivers(draw) as arrived:
        config = _configured(Path(folder), arrived.urls)
        stream = Stream(_frames(draw, round(rate * seconds)), rate)
        for kill in _kills(draw, stream.total):
            with started(config, ready=False) as sidecar:
                _note(one, kill, stream)
                trio.run(stream.run, sidecar, kill)
        with started(config) as sidecar:
            trio.run(stream.run, sidecar, None)
            _settle(sidecar)
            sidecar.end()
        one.events, one.sent_again = FRAME * stream.total, FRAME * stream.sent_again
        one.rate = round(stream.events / stream.uptime)
        examine(one, Path(folder) / "data" / "impel.db", TRIGGERS, arrived)
    return one


def _note(one: Round, kill: Kill, stream: Stream) -> None:
    one.kills += 1
    one.recovering += kill.frames == 0
    one.leaving += kill.frames == stream.total


def _kills(draw: random.Random, frames: int) -> list[Kill]:
    """Two to four in mid-stream, at least, in order."""
    kills = []
    for at in sorted(draw.sample(range(frames // 20, frames * 19 // 20), draw.randint(2, 4))):
        kills.append(Kill(at, draw.uniform(0, 0.03)))
        if draw.random() < _RECOVERING:
            kills.append(Kill(0, draw.uniform(0, 0.1)))
    if draw.random() < _LEAVING:
        kills.append(Kill(frames, draw.uniform(0, 1.5)))
    return kills


def _frames(draw: random.Random, events: int) -> list[list[dict[str, Any]]]:
    calls = [_call(draw, number) for number in range(events - events % FRAME)]
    return [calls[start : start + FRAME] for start in range(0, len(calls), FRAME)]


def _call(draw: random.Random, number: int) -> dict[str, Any]:
    name = draw.choice(("view", "view", "cart", "order"))
    properties = {"n": number, "cart_id": draw.choice("ab"), "total": draw.randrange(60), "lot": draw.randrange(40)}
    user = draw.randrange(OFTEN) if draw.random() < 0.9 else OFTEN + draw.randrange(SELDOM)  # noqa: PLR2004 - a tenth
    return {"type": "track", "userId": f"u{user}", "event": name, "messageId": f"m{number}", "properties": properties}


def _configured(folder: Path, urls: dict[str, str]) -> Path:
    keyed = {"kind": "webhook", "url": urls["keyed"], "timeout": TIMEOUT, "deduplicates": "24h"}
    plain = {"kind": "webhook", "url": urls["plain"], "timeout": TIMEOUT}
    settings = {"idle_after": "500ms", "awake_users": _AWAKE, "destinations": {"keyed": keyed, "plain": plain}}
    messages = {name: f"destination: {name}\ndata: {{user: '{{{{ user }}}}'}}\n" for name in urls}
    return configure(folder, TRIGGERS, settings, messages)


def _settle(sidecar: Sidecar) -> None:
    """Wait until every deadline has passed and every message has ended, and that has been so for a while."""
    deadline = time.monotonic() + _PATIENCE
    still = 0
    while still < 3 and time.monotonic() < deadline:  # noqa: PLR2004 - one look may fall between two steps
        gauges = sidecar.gauges()
        still = 0 if any(gauges[name] for name in _SETTLED) else still + 1
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
