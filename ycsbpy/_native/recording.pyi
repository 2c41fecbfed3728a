"""Counting of latencies in HdrHistogram's buckets (C++: ``ext/recording``).

Lowest discernible value 1 ns, highest trackable 3,600,000,000,000 ns (one hour; larger ones are counted there and also
in `saturated`), 3 significant digits: 33,792 counters, indexed exactly as the ``hdrhistogram`` package does.
"""

from collections.abc import Sequence
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
class SampleQueue:
    """Every single operation on its way to a CSV file, from the recorders to whoever writes it.

    Bounded (about a million operations wait at most); nothing is dropped: a recorder that finds it full waits.
    """

    def __init__(self, names: Sequence[Sequence[tuple[str, str, bool]]], *, wide: bool, totals: bool) -> None:
        """``names`` are by kind, then outcome: what the first column says (empty: such operations are left out), what
        the column of outcomes says, and whether the operation is in the total. ``wide`` adds columns of response time
        and outcome; ``totals`` repeats lines that are in the total under the name ``TOTAL``."""

    def begin(self, offset_ns: int, *, paced: bool) -> None:
        """Before anything is recorded: the difference of the wall clock and the recorder's, and whether there is a
        schedule to count response times from."""

    @property
    def header(self) -> str:
        """The file's first line."""

    def take(self, wait_ns: int) -> bytes | None:
        """The lines of all that was handed over, waiting for some so long; ``None`` when the queue is closed and
        empty."""

    def close(self) -> None:
        """Nothing more will be recorded."""

    @property
    def held_up_ns(self) -> int:
        """How long recorders have waited for the writer, all together."""

@final
class Recorder:
    """What one event loop or OS thread records into: per kind and outcome the service time, and, in a paced run,
    the response time. Filled without locks by its owner; `take` is called by the same thread, or while the owner is
    stopped."""

    def __init__(self, kinds: int, outcomes: int, *, response: bool, samples: SampleQueue | None = None) -> None: ...
    def record(self, kind: int, outcome: int, intended_ns: int, start_ns: int, end_ns: int) -> None:
        """Count one operation: service time ``end - start``, response time ``end - intended`` if the recorder keeps
        it. Raises ``ValueError``, counting nothing, for a kind or an outcome that there is not and for an end
        before its start. Waits, with the interpreter free, while ``samples`` are full."""

    def flush_samples(self) -> None:
        """Hand over the samples that are still here; the rest goes by itself, a few thousand at a time."""

    def take(self) -> dict[tuple[int, int, bool], LatencyCounts]:
        """Hand over what was recorded since the last call and start from zero: (kind, outcome, is_response) →
        counts, only those that are not empty."""

    @property
    def recorded(self) -> int:
        """Operations recorded since the recorder was made."""
