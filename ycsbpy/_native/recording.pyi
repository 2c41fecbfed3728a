"""Counting of latencies in HdrHistogram's buckets (C++: ``ext/recording``).

Lowest discernible value 1 ns, highest trackable 3,600,000,000,000 ns (one hour; larger ones are counted there and also
in `saturated`), 3 significant digits: 33,792 counters, indexed exactly as the ``hdrhistogram`` package does.
"""

from typing import Final, final

from typing_extensions import Buffer

LOWEST_NS: Final[int]
HIGHEST_NS: Final[int]
SIGNIFICANT_DIGITS: Final[int]
COUNTS_LEN: Final[int]

@final
class LatencyCounts:
    """One histogram of nanoseconds, with the exact sum, minimum and maximum kept beside it. Supports the buffer
    protocol (read-only, ``COUNTS_LEN`` unsigned 64-bit numbers)."""

    def __init__(self) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def record(self, value_ns: int, count: int = 1) -> None:
        """Raises ``ValueError`` for a negative latency."""

    def record_all(self, values_ns: Buffer) -> None:
        """Count each of a buffer of unsigned 64-bit numbers, for instance ``array.array("Q")``."""

    def add(self, other: LatencyCounts) -> None:
        """Merge; exact."""

    def reset(self) -> None: ...
    def copy(self) -> LatencyCounts: ...
    def add_counts(self, counts: object, sum_ns: int, min_ns: int, max_ns: int) -> None:
        """Merge a buffer of ``COUNTS_LEN`` unsigned 64-bit counters (for instance one decoded by ``hdrhistogram``).
        Raises ``ValueError``, changing nothing, if `min_ns` and `max_ns` are not in its first and last bucket that
        have counts."""

    def value_at_percentile(self, percentile: float) -> int:
        """As HdrHistogram: the highest value equivalent to that of the sample at the percentile; 0 if empty. Raises
        ``ValueError`` for a percentile that is not from 0 to 100."""

    @property
    def total(self) -> int: ...
    @property
    def sum_ns(self) -> int: ...
    @property
    def min_ns(self) -> int:
        """0 if empty."""

    @property
    def max_ns(self) -> int: ...
    @property
    def saturated(self) -> int: ...

@final
class Recorder:
    """What one event loop or OS thread records into: per kind and outcome the service time, and, in a paced run,
    the response time. Filled without locks by its owner; `take` is called by the same thread, or while the owner is
    stopped."""

    def __init__(self, kinds: int, outcomes: int, *, response: bool) -> None: ...
    def record(self, kind: int, outcome: int, intended_ns: int, start_ns: int, end_ns: int) -> None:
        """Count one operation: service time ``end - start``, response time ``end - intended`` if the recorder keeps
        it. Raises ``ValueError``, counting nothing, for a kind or an outcome that there is not and for an end
        before its start."""

    def take(self) -> dict[tuple[int, int, bool], LatencyCounts]:
        """Hand over what was recorded since the last call and start from zero: (kind, outcome, is_response) →
        counts, only those that are not empty."""

    @property
    def recorded(self) -> int:
        """Operations recorded since the recorder was made."""
