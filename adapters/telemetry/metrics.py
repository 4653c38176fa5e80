"""What happens, counted and timed for Prometheus. Labels never say who."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from adapters.telemetry.tally import Tally
from engine.runtime.records import Counted
from engine.runtime.service import Service

_QUICK = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1)
_LATE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 10, 60)
_SLOW = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1_000)


class Metrics:
    """Fills the runtime's `Telemetry` port, and counts what comes in."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._events = self._counter("impel_events", "Inputs taken", "source", "type")
        self._rejected = self._counter("impel_rejected", "Inputs refused", "source")
        self._throttled = self._counter("impel_throttled", "Requests past the rate of their write key", "key")
        self._violations = self._counter("impel_violations", "Events that break their schema", "event", "keyword")
        arm = "trigger", "version", "variant"
        self._decisions = self._counter("impel_decisions", "Firings, and what came of them", *arm, "outcome", "gate")
        self._revenue = Gauge("impel_revenue", "What goals were worth", arm, registry=self._registry)
        self._event, self._decision = cache(self._events.labels), cache(self._decisions.labels)
        self._turn = Tally("impel_turn_seconds", "From an input to its decisions", _QUICK)
        self._registry.register(self._turn)
        self._commit = self._histogram("impel_commit_seconds", "A commit", _LATE)
        self._committed = self._counter("impel_committed", "Turns made durable")
        self._late = self._histogram("impel_lateness_seconds", "From a deadline to its settling", _LATE)
        self._connections = Gauge("impel_connections", "Websockets", ["way"], registry=self._registry)
        self._stalls = self._counter("impel_stalls", "Times a stream was not read on, for its credit or for load")
        self._dropped = self._counter("impel_followers_dropped", "Readers of /v1/decisions that were too slow")
        self._asked = self._counter("impel_asked", "Times a service was asked", "destination", "outcome")
        self._sent = self._histogram("impel_sent_seconds", "From a firing to its delivery", _SLOW, "destination")

    def event(self, source: str, kind: str, number: int) -> None:
        """So many inputs of a kind were taken."""
        self._event(source, kind).inc(number)

    def rejected(self, source: str, number: int) -> None:
        """Inputs were refused."""
        if number:
            self._rejected.labels(source).inc(number)

    def throttled(self, key: str) -> None:
        """A request was put off, since its write key sends more than it may."""
        self._throttled.labels(key).inc()

    def violated(self, event: str, keyword: str) -> None:
        """An event came in that breaks its schema."""
        self._violations.labels(event, keyword).inc()

    @contextmanager
    def connected(self, way: str) -> Iterator[None]:
        """A websocket is open."""
        self._connections.labels(way).inc()
        try:
            yield
        finally:
            self._connections.labels(way).dec()

    def stalled(self) -> None:
        """A stream is not read on for a while."""
        self._stalls.inc()

    def dropped(self) -> None:
        """One who followed the decisions was too slow."""
        self._dropped.inc()

    def asked(self, destination: str, outcome: str) -> None:
        """A service was asked what happened to messages: `ok` or `failed`."""
        self._asked.labels(destination, outcome).inc()

    def counted(self, counted: Counted, amount: float) -> None:
        """A trigger fired, a message of it was held or has ended, or something came of it."""
        trigger, version, variant, what, gate = counted
        if what == "revenue":
            self._revenue.labels(trigger, version, variant).inc(amount)
        else:
            self._decision(trigger, version, variant, what, gate).inc(amount)

    def turns(self, seconds: float, number: int) -> None:
        """So many inputs were routed and, where their users were awake, decided upon, in so long together."""
        self._turn.observe(seconds / number, number)

    def committed(self, seconds: float, turns: int) -> None:
        """So many turns were made durable together, in so long."""
        self._commit.observe(seconds)
        self._committed.inc(turns)

    def late(self, seconds: float) -> None:
        """A deadline was settled so long after its instant."""
        self._late.observe(seconds)

    def sent(self, destination: str, seconds: float) -> None:
        """A message was accepted so long after its trigger fired."""
        self._sent.labels(destination).observe(seconds)

    def watch(self, service: Service, leapt: Callable[[], int]) -> None:
        """Show the service's numbers, and whether time is held, as they are when asked."""
        router, journal = service.router, service.journal
        self._gauge("impel_ready", "1 while events are taken", lambda: service.status == "ready")
        self._gauge("impel_users_awake", "Users held in memory", lambda: len(router.awake))
        self._gauge("impel_deadlines_armed", "Users with a deadline", lambda: len(router.alarm))
        self._gauge("impel_turns_waiting", "Turns in mailboxes", lambda: router.statistics().waiting)
        self._gauge("impel_turns_uncommitted", "Turns that are not durable yet", lambda: journal.uncommitted)
        self._gauge("impel_users_unsaved", "Users with turns that only the journal holds", lambda: len(journal.unsaved))
        self._gauge("impel_journal_turns", "Turns in the journal", lambda: journal.tail)
        self._gauge("impel_messages_waiting", "Messages on their way", lambda: service.outbox.waiting)
        self._gauge("impel_destinations_paused", "Destinations that fail", lambda: len(service.outbox.paused()))
        self._gauge("impel_clock_leapt", "1 while the wall clock is ahead and not believed", leapt)

    def page(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, about: str, value: Callable[[], int]) -> None:
        Gauge(name, about, registry=self._registry).set_function(value)
