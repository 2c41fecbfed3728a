"""What counting a latency costs: CPU nanoseconds on one core.

    python bench/bench_recording.py

Claim: at most 5 ns for a value that is counted natively. The values are lognormal around half a millisecond, a million
of them, so that buckets are hit as a run hits them. The rows with "a call from Python" include that call: they are what
an event loop in Python pays, and the row of the ``hdrhistogram`` package is what it would pay there.
"""

from __future__ import annotations

import random
import sys
from array import array
from typing import TYPE_CHECKING

from harness import Case, main
from hdrh.histogram import HdrHistogram

from ycsbpy._native.recording import HIGHEST_NS, LOWEST_NS, SIGNIFICANT_DIGITS, LatencyCounts, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = 1_000_000


def latencies(size: int) -> array[int]:
    generator = random.Random(1)
    return array("Q", (int(generator.lognormvariate(13, 1)) for _ in range(size)))


def natively() -> Callable[[int], object]:
    values, counts = latencies(VALUES), LatencyCounts()

    def run(times: int) -> None:
        for _ in range(times // VALUES):
            counts.record_all(values)
        assert counts.total >= times // VALUES * VALUES

    return run


def by_calls() -> Callable[[int], object]:
    values, record = latencies(VALUES // 10), LatencyCounts().record

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(value)

    return run


def in_a_recorder() -> Callable[[int], object]:
    values, record = latencies(VALUES // 10), Recorder(6, 4, response=True).record

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(0, 0, 1000, 2000, 2000 + value)

    return run


def in_hdrhistogram() -> Callable[[int], object]:
    values = latencies(VALUES // 10)
    record = HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS).record_value

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(value)

    return run


CASES = [
    Case("hdrhistogram.record_value", 500_000, in_hdrhistogram),
    Case("LatencyCounts, natively", 50_000_000, natively, 5),
    Case("LatencyCounts.record, a call from Python", 2_000_000, by_calls),
    Case("Recorder.record, a call from Python (service and response)", 2_000_000, in_a_recorder),
]

if __name__ == "__main__":
    sys.exit(main(__file__, CASES, against=0, packages=["hdrhistogram"]))
