from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from adapters.telemetry.tally import Tally

BUCKETS = (0.001, 0.01, 0.1, 1)


def page(collector: Tally | None, observed: list[float]) -> list[str]:
    registry = CollectorRegistry()
    if collector is None:
        own = Histogram("turn_seconds", "About", buckets=BUCKETS, registry=registry)
        for seconds in observed:
            own.observe(seconds)
    else:
        registry.register(collector)
        for seconds in observed:
            collector.observe(seconds)
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.floats(0, 10)))
@example([0.001, 0.0010001, 1, 1.5])
def test_a_tally_says_what_a_histogram_of_prometheus_says(observed: list[float]) -> None:
    assert page(Tally("turn_seconds", "About", BUCKETS), observed) == page(None, observed)
