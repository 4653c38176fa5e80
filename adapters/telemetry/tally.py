"""A histogram that is observed with every event: prometheus-client's own takes a lock for each of its two numbers."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from math import inf

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """Counts seconds by buckets, whose upper bounds ascend. It is observed by one thread only."""

    def __init__(self, name: str, about: str, buckets: tuple[float, ...]) -> None:
        self._name = name
        self._about = about
        self._buckets = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0

    def observe(self, seconds: float, number: int = 1) -> None:
        """Count one, or so many that took as long each."""
        self._counts[bisect_left(self._buckets, seconds)] += number
        self._sum += seconds * number

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The numbers, as Prometheus wants them: each bucket with those below it."""
        bounds = map(floatToGoString, (*self._buckets, inf))
        counts = [(bound, float(count)) for bound, count in zip(bounds, accumulate(self._counts), strict=True)]
        yield HistogramMetricFamily(self._name, self._about, buckets=counts, sum_value=self._sum)
