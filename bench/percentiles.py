"""Latencies, summed up: HdrHistogram, to three digits, from a microsecond to an hour.

Latencies count from the intended instant, so nothing is corrected for what a generator that waits would leave out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram

_LONGEST = 3_600_000_000
_PER_MS = 1_000
_DIGITS = 3


@dataclass(frozen=True)
class Summary:
    """How many there were, and percentiles in ms; nought where there were none."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


def summary(seconds: Iterable[float]) -> Summary:
    """Sum up latencies given in seconds; what took less than a microsecond counts as one, more than an hour as one."""
    histogram = HdrHistogram(1, _LONGEST, _DIGITS)
    for each in seconds:
        histogram.record_value(min(max(round(each * 1e6), 1), _LONGEST))
    count = histogram.get_total_count()
    if not count:
        return Summary(0, 0, 0, 0, 0, 0)
    p50, p90, p99, p999 = (histogram.get_value_at_percentile(each) / _PER_MS for each in (50, 90, 99, 99.9))
    return Summary(count, p50, p90, p99, p999, histogram.get_max_value() / _PER_MS)
