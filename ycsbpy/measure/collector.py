"""From recorders to windows and totals.

A recorder counts for one event loop or thread and is emptied once a window (take and reset, so that nothing is locked
on the way of an operation). The collector adds what it takes to the totals of the phase, and boils each window down
to a few numbers, so that memory does not grow with the length of a run by more than those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy._native.recording import LatencyCounts, Recorder
from ycsbpy.measure.summary import (
    TOTAL,
    Accounting,
    ErrorCount,
    Interval,
    LatencyStats,
    Series,
    WindowStats,
    series_name,
)
from ycsbpy.ops import OpKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ycsbpy._native.recording import SampleQueue
    from ycsbpy.measure.taps import WindowSink

__all__ = ["INTENDED", "Collector", "ErrorLog", "new_recorder"]

INTENDED = "Intended-"
"""Prefix of a series of response times where both stand in one list, as Java YCSB has it."""

type_key = tuple[int, int, bool]
Counts = dict[type_key, LatencyCounts]


def new_recorder(*, paced: bool, samples: SampleQueue | None = None) -> Recorder:
    """A recorder for all kinds and outcomes; of response times as well if the run is paced."""
    return Recorder(len(OpKind), len(Outcome), response=paced, samples=samples)


class ErrorLog:
    """Counts errors by name. One example message is kept for each, so a million failures cost what one does."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int, str], int] = {}
        self._examples: dict[tuple[int, int, str], str] = {}

    def add(self, kind: int, outcome: int, error: str, detail: str) -> None:
        key = (kind, outcome, error)
        self._counts[key] = self._counts.get(key, 0) + 1
        if key not in self._examples:
            self._examples[key] = detail

    def put(self, kind: int, outcome: int, error: str, count: int, example: str) -> None:
        """Say how many there are by now of one that is counted elsewhere."""
        key = (kind, outcome, error)
        self._counts[key] = count
        self._examples.setdefault(key, example)

    def __len__(self) -> int:
        return sum(self._counts.values())

    def counts(self) -> tuple[ErrorCount, ...]:
        """The most frequent first."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            ErrorCount(OpKind(kind).name, Outcome(outcome).name, error, count, self._examples[kind, outcome, error])
            for (kind, outcome, error), count in ordered
        )


class Collector:
    """Empties recorders into windows and totals. ``origin_ns`` is the phase's start; times below count from there."""

    def __init__(
        self, recorders: Sequence[Recorder], origin_ns: int, *, paced: bool, sinks: Sequence[WindowSink] = ()
    ) -> None:
        self._recorders = recorders
        self._sinks = sinks
        self._origin = origin_ns
        self._paced = paced
        self._totals: Counts = {}
        self._window: Counts = {}
        self._window_start = 0
        self._last_take = 0
        self._kept: list[WindowStats] = []

    def take(self, now_ns: int) -> WindowStats:
        """Empty the recorders and keep the figures of what they held, as one window that ends now."""
        fresh: Counts = {}
        for recorder in self._recorders:
            _merge(fresh, recorder.take())
            recorder.flush_samples()
        _merge(self._totals, fresh)
        _merge(self._window, fresh)
        end = now_ns - self._origin
        series = self._series(fresh)
        for sink in self._sinks:
            sink.window(self._last_take, end, series)
        stats = WindowStats(self._last_take, end, _quick_stats(series))
        self._last_take = end
        self._kept.append(stats)
        return stats

    def cut_interval(self) -> Interval:
        """All that was taken since the last cut, as an interval that ends at the last take."""
        window, self._window = self._window, {}
        start, self._window_start = self._window_start, self._last_take
        so_far = {key: counts.copy() for key, counts in self._totals.items()}  # the totals go on growing
        return Interval(start, self._last_take, self._series(window), self._series(so_far))

    @property
    def windows(self) -> tuple[WindowStats, ...]:
        return tuple(self._kept)

    def series(self) -> dict[str, Series]:
        """The phase so far, by name of series."""
        return self._series(self._totals)

    def accounting(self) -> dict[str, Accounting]:
        """Per kind, what has ended; ``planned`` is the same number until the phase adds what it did not start."""
        ended: dict[int, list[int]] = {}
        for (kind, outcome, response), counts in self._totals.items():
            if not response:
                ended.setdefault(kind, [0] * len(Outcome))[outcome] += counts.total
        return {
            OpKind(kind).name: Accounting(
                sum(by), by[Outcome.OK], by[Outcome.NOT_FOUND], by[Outcome.FAILED], by[Outcome.UNKNOWN]
            )
            for kind, by in sorted(ended.items())
        }

    def _series(self, counts: Counts) -> dict[str, Series]:
        found: dict[str, Series] = {}
        total = LatencyCounts()
        total_response = LatencyCounts() if self._paced else None
        for (kind, outcome, response), service in sorted(counts.items()):
            if response:
                continue
            answered = counts.get((kind, outcome, True)) if self._paced else None
            name = series_name(kind, outcome)
            found[name] = Series(name, service, answered)
            if outcome == Outcome.OK:
                total.add(service)
                if total_response is not None and answered is not None:
                    total_response.add(answered)
        if total.total:
            found[TOTAL] = Series(TOTAL, total, total_response)
        return found


def _merge(into: Counts, fresh: Mapping[type_key, LatencyCounts]) -> None:
    """Add ``fresh``, which other dictionaries may hold too: what is put in anew is copied before it is added to."""
    for key, counts in fresh.items():
        if key in into:
            into[key].add(counts)
        else:
            into[key] = counts.copy()


def _quick_stats(series: Mapping[str, Series]) -> dict[str, LatencyStats]:
    stats: dict[str, LatencyStats] = {}
    for name, one in series.items():
        stats[name] = LatencyStats.quick(one.service)
        if one.response is not None:
            stats[INTENDED + name] = LatencyStats.quick(one.response)
    return stats
