"""The border to the ``hdrhistogram`` package: native counts in, percentiles and encoded histograms out, and back.

Counting is native (``ycsbpy._native.recording``), because the package's own ``record_value`` costs about a microsecond;
everything that is asked of the counts afterwards is the package's work. Its histogram keeps its counters in a ctypes
array, so the counts are copied in one go. No other module imports ``hdrh``.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from ycsbpy._native.recording import COUNTS_LEN, HIGHEST_NS, LOWEST_NS, SIGNIFICANT_DIGITS, LatencyCounts

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["decode", "encode", "percentiles", "to_hdr"]


def to_hdr(counts: LatencyCounts) -> HdrHistogram:
    """An ``HdrHistogram`` of nanoseconds (1 ns to 1 h, 3 digits) holding the same counts."""
    histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS)
    if histogram.counts_len != COUNTS_LEN:  # would mean that the package changed its layout
        raise RuntimeError(f"hdrhistogram keeps {histogram.counts_len} counters, ycsbpy {COUNTS_LEN}")
    ctypes.memmove(histogram.counts, bytes(memoryview(counts)), COUNTS_LEN * 8)
    histogram.total_count = counts.total
    if counts.total:
        histogram.min_value = counts.min_ns
        histogram.max_value = min(counts.max_ns, HIGHEST_NS)
    return histogram


def percentiles(counts: LatencyCounts, wanted: Iterable[float]) -> dict[float, int]:
    """Percentile (0 to 100) → nanoseconds, as HdrHistogram defines them: the highest value equivalent to the
    sample's."""
    ranks = tuple(wanted)
    if not counts.total:
        return dict.fromkeys(ranks, 0)
    found = to_hdr(counts).get_percentile_to_value_dict(ranks)
    return {rank: min(int(found[rank]), counts.max_ns) for rank in ranks}


def encode(counts: LatencyCounts) -> str:
    """HdrHistogram's V2 compressed encoding in base64, which the Java, Go, C and Python tools read."""
    encoded = to_hdr(counts).encode()
    return encoded.decode("ascii") if isinstance(encoded, bytes) else str(encoded)


def decode(
    encoded: str, *, sum_ns: int | None = None, min_ns: int | None = None, max_ns: int | None = None
) -> LatencyCounts:
    """The reverse of ``encode``.

    The encoding keeps counts, not values, so sum, minimum and maximum come back only as exact as a bucket is wide; give
    those that are known. Raises ``ValueError`` for text that is not such an encoding or has another layout.
    """
    try:
        histogram = HdrHistogram.decode(encoded)
    except Exception as error:  # the package raises its own, zlib's and struct's errors
        raise ValueError(f"not an encoded HdrHistogram: {error}") from error
    layout = (histogram.lowest_trackable_value, histogram.highest_trackable_value, histogram.significant_figures)
    if layout != (LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS):
        raise ValueError(f"an HdrHistogram of another layout: {layout}")
    counts = LatencyCounts()
    if histogram.total_count:
        counts.add_counts(
            histogram.counts,
            round(histogram.get_mean_value() * histogram.total_count) if sum_ns is None else sum_ns,
            histogram.get_min_value() if min_ns is None else min_ns,
            histogram.get_max_value() if max_ns is None else max_ns,
        )
    return counts
