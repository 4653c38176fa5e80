"""The two rules of `peers.yaml`, written by hand: one small machine per user, by itself and hosted by bytewax."""

from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.peers_input import SPANS, Line, batches

Fired = tuple[str, str, int]
"""Rule, user, instant."""

_LOOK, _WAIT = SPANS


class Machine:
    """What is to be remembered of one user; what is due is settled before each event, and at the end."""

    __slots__ = ("carts", "looked")

    def __init__(self) -> None:
        self.looked: int | None = None
        self.carts = deque[int]()

    def take(self, line: Line, fired: list[Fired]) -> None:
        """Take an event, and add what fires."""
        ts, carts = line.timestamp, self.carts
        while carts and carts[0] + _WAIT <= ts:
            fired.append(("cart_left", line.user_id, carts.popleft() + _WAIT))
        match line.event:
            case "viewed":
                self._view(line, fired)
            case "cart_abandoned":
                carts.append(ts)
            case "purchased":
                carts.clear()
                self.looked = None

    def _view(self, line: Line, fired: list[Fired]) -> None:
        product = line.properties.product
        if product == "A":
            self.looked = line.timestamp
        elif product == "B":
            if self.looked is not None and line.timestamp - self.looked < _LOOK:
                fired.append(("looked_on", line.user_id, line.timestamp))
            self.looked = None

    def end(self, user: str) -> list[Fired]:
        """What fires when no event comes any more."""
        return [("cart_left", user, at + _WAIT) for at in self.carts]


def by_hand(file: Path) -> list[Fired]:
    """The machines in a dict: what there is to be done at the least."""
    machines: defaultdict[str, Machine] = defaultdict(Machine)
    fired: list[Fired] = []
    for lines in batches(file, Line):
        for line in lines:
            machines[line.user_id].take(line, fired)
    for user, machine in machines.items():
        fired += machine.end(user)
    return fired


def hosted(file: Path) -> list[Fired]:
    """The machines as the stateful step of a bytewax flow, with one worker in this thread."""
    from bytewax import operators as op  # noqa: PLC0415 - the other peers do without it
    from bytewax.dataflow import Dataflow  # noqa: PLC0415
    from bytewax.inputs import DynamicSource, StatelessSourcePartition  # noqa: PLC0415
    from bytewax.testing import TestingSink, run_main  # noqa: PLC0415

    class Lines(StatelessSourcePartition[Line]):
        def __init__(self) -> None:
            self._batches = batches(file, Line)

        def next_batch(self) -> Iterable[Line]:
            return next(self._batches)  # its StopIteration is the end

    class Source(DynamicSource[Line]):
        def build(self, step_id: str, worker_index: int, worker_count: int) -> Lines:  # noqa: ARG002
            return Lines()

    class Hosted(op.StatefulBatchLogic[Line, Fired, Any]):
        def __init__(self) -> None:
            self._machine, self._user = Machine(), ""

        def on_batch(self, values: list[Line]) -> tuple[list[Fired], bool]:
            fired: list[Fired] = []
            for line in values:
                self._machine.take(line, fired)
            self._user = values[0].user_id
            return fired, self.RETAIN

        def on_eof(self) -> tuple[list[Fired], bool]:
            return self._machine.end(self._user), self.DISCARD

        def snapshot(self) -> tuple[Machine, str]:
            return self._machine, self._user

    flow, out = Dataflow("peers"), list[tuple[str, Fired]]()
    keyed = op.key_on("user", op.input("lines", flow, Source()), lambda line: line.user_id)
    op.output("fired", op.stateful_batch("machine", keyed, lambda _: Hosted()), TestingSink(out))
    run_main(flow)
    return [fired for _, fired in out]
