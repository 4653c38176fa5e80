"""Kill the sidecar again and again while events stream in, and see whether anything is lost or done twice.

Each round starts the real sidecar on a new database, streams events through three of the reference clients, kills it
with SIGKILL at random moments, in mid-stream, sometimes again while it recovers, and sometimes when all events are in
and messages still leave; and starts it again. The clients connect again and send again what was not acknowledged, by
themselves: nothing tells them of a kill. In the end the database is
read: every acknowledged event must be there once, the decisions must be those that `engine.simulate` makes of the same
events, and what arrived at two receivers, one that recognises keys and one that does not, must be what the outbox says.

    python bench/crash.py --rounds 5 --jobs 2
"""

import argparse
import json
import logging
import multiprocessing
import random
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import structlog
import trio
from rich.console import Console
from rich.progress import Progress

from adapters.client import connected
from bench.answer import Round, examine
from bench.receivers import TIMEOUT, receivers
from bench.sidecar import KEY, Sidecar, configure, started

OFTEN, SELDOM = 100, 100
"""Users who come all the time, and those who come now and then, with a tenth of the events."""

_AWAKE = 150
"""How many may be awake, so that all the time some fall asleep and come back."""

FRAME = 100
LANES = 3
"""Clients over whose connections events stream in."""

_PORTS = 10_000, 30_000

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
    """When it is killed: when so many events are acknowledged, and then so many seconds later."""

    events: int
    seconds: float


class Stream:
    """What is sent, and how far that has got. Each client has events of its own."""

    def __init__(self, calls: list[dict[str, Any]], rate: float) -> None:
        self.total = len(calls)
        self.sent_again = 0
        self.events = self.uptime = 0.0
        """Acknowledged after the first ack of each life of the sidecar, and the seconds of that."""
        self._lanes = [calls[lane::LANES] for lane in range(LANES)]
        self._acknowledged = [0] * LANES
        self._pause = FRAME * LANES / rate
        self._news = trio.Event()

    @property
    def acknowledged(self) -> int:
        """How many events are."""
        return sum(self._acknowledged)

    async def run(self, url: str) -> None:
        """Send everything, each client at its pace; what was late is caught up."""
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for lane in range(LANES):
                nursery.start_soon(self._lane, lane, url, began)

    async def live(self, sidecar: Sidecar, kill: Kill | None) -> None:
        """Let it live until it is to be killed, and do that, or until all is acknowledged."""
        wanted, first, before = kill.events if kill else self.total, 0.0, 0
        while self.acknowledged < wanted:
            self._news = trio.Event()
            with trio.move_on_after(1):
                await self._news.wait()
            sidecar.check()
            if not first:
                first, before = trio.current_time(), self.acknowledged
        if first:
            self.events += self.acknowledged - before
            self.uptime += trio.current_time() - first
        if kill is not None:
            await trio.sleep(kill.seconds)
            sidecar.process.kill()

    async def _lane(self, lane: int, url: str, began: float) -> None:
        def acknowledged(events: int) -> None:
            self._acknowledged[lane] = events
            self._news.set()

        async with connected(
            url, KEY, batch=FRAME, longest_pause=0.05, acknowledged=acknowledged, rejected=_rejected
        ) as client:
            for number, call in enumerate(self._lanes[lane]):
                if number % FRAME == 0:
                    await trio.sleep_until(began + number / FRAME * self._pause)
                await client.send(call)
            await client.flushed()
        self.sent_again += client.sent_again


def _rejected(message_id: str | None, reason: str) -> None:
    raise RuntimeError(f"the event {message_id} was not taken: {reason}")


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
    # that there is no connection for a while is what this is about
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
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
        stream = Stream([_call(draw, number) for number in range(round(rate * seconds))], rate)
        kills = _kills(draw, stream.total)
        for kill in kills:
            _note(one, kill, stream)
        trio.run(_lives, config, stream, kills)
        one.events, one.sent_again = stream.total, stream.sent_again
        one.rate = round(stream.events / stream.uptime)
        examine(one, Path(folder) / "data" / "impel.db", TRIGGERS, arrived)
    return one


async def _lives(config: Path, stream: Stream, kills: list[Kill]) -> None:
    """Start it again after each kill, at the same port, while the clients send; in the end let it finish."""
    port = _free_port()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.run, f"http://127.0.0.1:{port}")
        for kill in [*kills, None]:
            with ExitStack() as stack:
                life = started(config, ready=kill is None, port=port)
                sidecar = await trio.to_thread.run_sync(stack.enter_context, life)
                await stream.live(sidecar, kill)
                if kill is None:
                    await trio.to_thread.run_sync(_settle, sidecar)
                    await trio.to_thread.run_sync(sidecar.end)


def _free_port() -> int:
    """One that nothing listens at, of those that the system does not give to connections that are made."""
    while True:
        port = random.randrange(*_PORTS)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _note(one: Round, kill: Kill, stream: Stream) -> None:
    one.kills += 1
    one.recovering += kill.events == 0
    one.leaving += kill.events == stream.total


def _kills(draw: random.Random, events: int) -> list[Kill]:
    """Two to four in mid-stream, at least, in order."""
    kills = []
    for at in sorted(draw.sample(range(events // 20, events * 19 // 20), draw.randint(2, 4))):
        kills.append(Kill(at, draw.uniform(0, 0.03)))
        if draw.random() < _RECOVERING:
            kills.append(Kill(0, draw.uniform(0, 0.1)))
    if draw.random() < _LEAVING:
        kills.append(Kill(events, draw.uniform(0, 1.5)))
    return kills


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
