"""Percentile files: the whole latency spectrum of a series, from the smallest value to the largest.

Two dialects of one table. ``.hgrm`` is HdrHistogram's own, which its plotter reads: milliseconds, five steps for each
halving of the distance to 100 %. ``-percentiles.txt`` is go-ycsb's: microseconds, one step, tabs in the heading.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.histogram import to_hdr
from ycsbpy.report.files import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ycsbpy._native.recording import LatencyCounts
    from ycsbpy.measure.summary import Series

__all__ = ["go_ycsb_spectrum", "hgrm", "write_spectra"]

_NS_PER_MS, _NS_PER_US = 1_000_000, 1000


class _Step(NamedTuple):
    value_ns: int
    share: float
    """Of values up to this one, 0 to 1, as the steps go."""
    total: int

    @property
    def inverse(self) -> float:
        return 1 / (1 - self.share) if self.share < 1 else math.inf


def hgrm(counts: LatencyCounts) -> str:
    """HdrHistogram's percentile distribution, in milliseconds."""
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for step in _steps(counts, 5):
        line = f"{step.value_ns / _NS_PER_MS:12.3f} {step.share:2.12f} {step.total:10d}"
        lines.append(f"{line} {step.inverse:14.2f}" if step.share < 1 else line)
    return "\n".join([*lines, *_foot(counts, _NS_PER_MS)]) + "\n"


def go_ycsb_spectrum(counts: LatencyCounts) -> str:
    """The same as go-ycsb exports it, in microseconds."""
    lines = [" Value\tPercentile\tTotalCount\t1/(1-Percentile)", ""]
    lines += [
        f"{step.value_ns / _NS_PER_US:12.3f} {step.share:12.6f} {step.total:12d} {step.inverse:12.2f}"
        for step in _steps(counts, 1)
    ]
    return "\n".join([*lines, *_foot(counts, _NS_PER_US)]) + "\n"


def write_spectra(
    series: Mapping[str, Series], prefix: str, suffix: str, write: Callable[[LatencyCounts], str]
) -> list[tuple[str, str]]:
    """A file for each series; returns the names of series and files. Raises ``RunError`` where one cannot be
    written."""
    written = []
    for name, counts in _named(series):
        path = f"{prefix}{name}{suffix}"
        write_file(path, write(counts))
        written.append((name, path))
    return written


def _named(series: Mapping[str, Series]) -> Iterator[tuple[str, LatencyCounts]]:
    for name, one in sorted(series.items()):
        yield name, one.service
        if one.response is not None:
            yield INTENDED + name, one.response


def _steps(counts: LatencyCounts, ticks: int) -> Iterator[_Step]:
    for one in to_hdr(counts).get_percentile_iterator(ticks):
        value = min(int(one.value_iterated_to), counts.max_ns)
        yield _Step(value, one.percentile_level_iterated_to / 100, one.total_count_to_this_value)


def _foot(counts: LatencyCounts, unit: int) -> list[str]:
    histogram = to_hdr(counts)
    mean = counts.sum_ns / counts.total if counts.total else 0.0
    deviation = float(histogram.get_stddev()) if counts.total else 0.0
    return [
        f"#[Mean    = {mean / unit:12.3f}, StdDeviation   = {deviation / unit:12.3f}]",
        f"#[Max     = {counts.max_ns / unit:12.3f}, Total count    = {counts.total:12d}]",
        f"#[Buckets = {histogram.bucket_count:12d}, SubBuckets     = {histogram.sub_bucket_count:12d}]",
    ]
